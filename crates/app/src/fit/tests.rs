//! Models as they lie on disks, good and hostile.

use super::{FitRequest, Reach, TrainRequest, fit, table};
use crate::Context;
use deskside_testkit::Sim;
use deskside_types::Code;

const CONFIG: &str = r#"{"model_type":"llama","num_hidden_layers":4,"hidden_size":64,"num_attention_heads":4,
    "intermediate_size":128,"vocab_size":1000,"torch_dtype":"bfloat16"}"#;

fn safetensors(json: &str, data: usize) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.extend(vec![0; data]);
    bytes
}

fn gguf(layers: u32) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(3_u64.to_le_bytes());
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    text(&mut bytes, "general.architecture");
    bytes.extend(8_u32.to_le_bytes());
    text(&mut bytes, "llama");
    for (key, value) in [
        ("llama.block_count", layers),
        ("llama.embedding_length", 256),
    ] {
        text(&mut bytes, key);
        bytes.extend(4_u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    text(&mut bytes, "token_embd.weight");
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(256_u64.to_le_bytes());
    bytes.extend(8_u64.to_le_bytes());
    bytes.extend(12_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    // 2048 values in blocks of 256, 144 bytes each.
    bytes.extend(vec![0; 144 * 8]);
    bytes
}

fn context() -> (Sim, Context) {
    let sim = Sim::linux();
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

#[test]
fn weights_are_counted_in_headers_to_the_byte() {
    let (sim, context) = context();
    let one = r#"{"a":{"dtype":"BF16","shape":[10,64],"data_offsets":[0,1280]}}"#;
    let two = r#"{"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#;
    sim.put_file("/models/m/config.json", CONFIG)
        .put_file("/models/m/a.safetensors", safetensors(one, 1280))
        .put_file("/models/m/b.safetensors", safetensors(two, 12));
    let report = fit(&context, &FitRequest::of("/models/m")).unwrap();
    assert_eq!(report.model.weights_bytes, 1292.0);
    assert!(report.model.weights_counted && report.model.format == "bf16");
    assert_eq!(report.model.layers, 4.0);
    // The index alone is enough where the files are not there.
    sim.put_file("/models/i/config.json", CONFIG).put_file(
        "/models/i/model.safetensors.index.json",
        r#"{"metadata":{"total_size":7777},"weight_map":{"a":"model-1.safetensors"}}"#,
    );
    let report = fit(&context, &FitRequest::of("/models/i")).unwrap();
    assert_eq!(report.model.weights_bytes, 7777.0);
    sim.put_file("/models/g.gguf", gguf(2));
    let report = fit(&context, &FitRequest::of("/models/g.gguf")).unwrap();
    assert_eq!(report.model.weights_bytes, 1152.0);
    assert_eq!(report.framework, "llama.cpp");
    let report = fit(&context, &FitRequest::of("/models/m/config.json")).unwrap();
    assert!(!report.model.weights_counted);
}

#[test]
fn a_model_of_the_hub_that_was_downloaded_is_read_where_it_lies() {
    let (sim, context) = context();
    let cache = "/cache/models--some--model";
    let one = r#"{"a":{"dtype":"BF16","shape":[10,64],"data_offsets":[0,1280]}}"#;
    sim.set_variable("HF_HUB_CACHE", "/cache")
        .put_file(format!("{cache}/refs/main"), "abc123\n")
        .put_file(format!("{cache}/snapshots/abc123/config.json"), CONFIG)
        .put_file(
            format!("{cache}/snapshots/abc123/model.safetensors"),
            safetensors(one, 1280),
        );
    for name in ["some/model", cache] {
        let report = fit(&context, &FitRequest::of(name)).unwrap();
        assert_eq!(report.model.weights_bytes, 1280.0, "{name}");
    }
    for name in ["some/other", "../model", "some/../model"] {
        assert!(fit(&context, &FitRequest::of(name)).is_err(), "{name}");
    }
}

#[test]
fn hostile_and_damaged_files_are_refused_in_words() {
    let (sim, context) = context();
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend([0; 100]);
    sim.put_file("/bad/huge.safetensors", huge)
        .put_file("/bad/short.safetensors", b"abc".to_vec())
        .put_file(
            "/bad/overlap.safetensors",
            safetensors(
                r#"{"a":{"dtype":"BF16","shape":[9],"data_offsets":[0,99]}}"#,
                99,
            ),
        )
        .put_file("/bad/cut.gguf", gguf(2)[..40].to_vec())
        .put_file("/bad/text.bin", "hello")
        .put_file("/bad/config.json", "[1,2")
        .put_file("/empty/readme.md", "nothing")
        .put_file("/outside/config.json", CONFIG)
        .put_file(
            "/outside/model.safetensors.index.json",
            r#"{"weight_map":{"a":"../bad/huge.safetensors"}}"#,
        );
    for path in [
        "/bad/huge.safetensors",
        "/bad/short.safetensors",
        "/bad/overlap.safetensors",
        "/bad/cut.gguf",
        "/bad/text.bin",
        "/bad/config.json",
        "/empty",
        "/outside",
    ] {
        let problem = fit(&context, &FitRequest::of(path)).unwrap_err();
        assert_eq!(problem.code, Code::ModelUnreadable, "{path}: {problem:?}");
        assert!(!problem.causes.is_empty(), "{path}");
    }
    assert_eq!(
        fit(&context, &FitRequest::of("/not/there.gguf"))
            .unwrap_err()
            .code,
        Code::Missing
    );
    assert_eq!(
        fit(&context, &FitRequest::of("nobody/knows"))
            .unwrap_err()
            .code,
        Code::ModelUnknown
    );
}

#[test]
fn names_counts_and_training_are_answered_for_other_machines() {
    let (_, context) = context();
    let mut request = FitRequest::of("Qwen/Qwen2.5-7B");
    request.on = Some("RTX 4090".into());
    request.tokens = Some(1e6);
    let report = fit(&context, &request).unwrap();
    let place = &report.advice.places[0];
    assert_eq!((report.own_places, report.advice.places.len()), (1, 1));
    assert!(place.decode_tokens_per_second.unwrap() > 5.0 && place.job_hours.unwrap() > 1.0);
    assert!(place.job_watt_hours.unwrap() > 100.0);
    request.train = Some(TrainRequest {
        method: "full".into(),
        ..TrainRequest::default()
    });
    let report = fit(&context, &request).unwrap();
    assert!(report.training && report.advice.change.is_some());
    request.format = Some("nf4".into());
    assert_eq!(
        fit(&context, &request).unwrap_err().code,
        Code::FitContradictory
    );
    let report = fit(&context, &FitRequest::of("8B")).unwrap();
    assert!(
        report
            .assumptions
            .iter()
            .any(|text| text.contains("count of parameters"))
    );
    assert!(report.advice.places.len() > 10);
}

#[test]
fn a_table_without_its_columns_is_refused() {
    let (sim, context) = context();
    sim.put_file("/t/good.csv", "id,metric,model\na,peak_mem,8B\n")
        .put_file("/t/bad.csv", "x,y\n1,2\n");
    assert_eq!(
        table(&context, "/t/good.csv".as_ref()).unwrap().rows.len(),
        1
    );
    assert_eq!(
        table(&context, "/t/bad.csv".as_ref()).unwrap_err().code,
        Code::FitContradictory
    );
    assert_eq!(
        table(&context, "/t/none.csv".as_ref()).unwrap_err().code,
        Code::Missing
    );
}

const HUB: &str = "https://huggingface.co/me/thing/resolve/main";

fn asked(model: &str, reach: Reach) -> FitRequest {
    FitRequest {
        reach,
        on: Some("RTX 4090".into()),
        ..FitRequest::of(model)
    }
}

#[test]
fn a_model_of_the_hub_is_read_by_its_headers_alone() {
    let (sim, context) = context();
    let one = r#"{"a":{"dtype":"BF16","shape":[10,64],"data_offsets":[0,1280]}}"#;
    let two = r#"{"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#;
    // Nothing is asked offline.
    let problem = fit(&context, &asked("me/thing", Reach::Offline)).unwrap_err();
    assert_eq!(problem.code, Code::ModelUnknown);
    sim.serve(format!("{HUB}/config.json"), "", CONFIG)
        .serve(
            format!("{HUB}/model.safetensors.index.json"),
            "",
            r#"{"metadata":{"total_size":1292},"weight_map":{"a":"a-1.safetensors","b":"b-2.safetensors"}}"#,
        )
        .serve(format!("{HUB}/a-1.safetensors"), "", safetensors(one, 1280))
        .serve(format!("{HUB}/b-2.safetensors"), "", safetensors(two, 12));
    let report = fit(&context, &asked("me/thing", Reach::Unknown)).unwrap();
    assert_eq!(report.model.weights_bytes, 1292.0);
    assert!(report.model.weights_counted && report.model.read_from.starts_with("the hub"));
    // One file without an index, behind a token.
    let gated = "https://huggingface.co/me/gated/resolve/main";
    sim.serve(format!("{gated}/config.json#token"), "", CONFIG)
        .serve(
            format!("{gated}/model.safetensors#token"),
            "",
            safetensors(one, 1280),
        );
    let problem = fit(&context, &asked("me/gated", Reach::Unknown)).unwrap_err();
    assert_eq!(problem.code, Code::ModelUnknown);
    assert!(
        problem.hints.iter().any(|hint| hint.contains("HF_TOKEN")),
        "{problem:?}"
    );
    sim.set_variable("HF_TOKEN", "hf_secret");
    let report = fit(&context, &asked("me/gated", Reach::Unknown)).unwrap();
    assert_eq!(report.model.weights_bytes, 1280.0);
    assert!(!format!("{report:?}").contains("hf_secret"));
    // A GGUF file by its path.
    sim.serve(format!("{HUB}/m.gguf"), "", gguf(2));
    let report = fit(&context, &asked("me/thing/m.gguf", Reach::Unknown)).unwrap();
    assert_eq!(
        (report.model.weights_bytes, report.framework.as_str()),
        (1152.0, "llama.cpp")
    );
    // What a table knows is not asked for, unless it is wished.
    assert!(
        fit(&context, &asked("Qwen/Qwen2.5-7B", Reach::Unknown))
            .unwrap()
            .model
            .read_from
            .contains("table")
    );
    sim.set_network(false);
    let report = fit(&context, &asked("Qwen/Qwen2.5-7B", Reach::Always)).unwrap();
    assert!(
        report
            .assumptions
            .iter()
            .any(|text| text.contains("hub could not be asked"))
    );
    assert_eq!(
        fit(&context, &asked("me/other", Reach::Unknown))
            .unwrap_err()
            .code,
        Code::Network
    );
}

#[test]
fn hostile_headers_of_the_hub_are_bounded_and_refused() {
    let (sim, context) = context();
    sim.serve(format!("{HUB}/config.json"), "", CONFIG);
    let huge = {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.extend([b'{'; 100]);
        bytes
    };
    let long = {
        let mut bytes = 4_000_000_u64.to_le_bytes().to_vec();
        bytes.extend([b'{'; 100]);
        bytes
    };
    let nested = safetensors(&format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000)), 0);
    for bytes in [huge, long, nested, b"abc".to_vec(), safetensors("{}x", 0)] {
        sim.serve(format!("{HUB}/model.safetensors"), "", bytes);
        let problem = fit(&context, &asked("me/thing", Reach::Unknown)).unwrap_err();
        assert_eq!(problem.code, Code::ModelUnreadable, "{problem:?}");
    }
    for index in [
        r#"{"weight_map":{"a":"../../secret"}}"#,
        r#"{"weight_map":{"a":"a?b"}}"#,
        r#"{"weight_map":{"a":"gone.safetensors"}}"#,
        "[[[",
    ] {
        sim.serve(format!("{HUB}/model.safetensors.index.json"), "", index);
        let problem = fit(&context, &asked("me/thing", Reach::Unknown)).unwrap_err();
        assert_eq!(problem.code, Code::ModelUnreadable, "{index}");
    }
    sim.serve(format!("{HUB}/bad.gguf"), "", "GGUF\u{3}\u{0}\u{0}\u{0}");
    assert_eq!(
        fit(&context, &asked("me/thing/bad.gguf", Reach::Unknown))
            .unwrap_err()
            .code,
        Code::ModelUnreadable
    );
}
