//! Measurements by a stand-in for Python: kept, counted with, and no longer once the driver changed. No card is asked here.

use super::{CalibrateRequest, Calibration, MeasuredDevice, applied, calibrate, processor};
use crate::Context;
use crate::fit::{FitRequest, fit};
use deskside_advise::fit::case::Device;
use deskside_testkit::Sim;
use deskside_testkit::sim::output;
use deskside_types::Code;

fn context() -> (Sim, Context) {
    let sim = Sim::linux();
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

fn answers(sim: &Sim, text: &str) -> CalibrateRequest {
    let text = text.to_string();
    sim.put_file("/e/bin/python", "");
    sim.on_command(
        |argv| argv[0] == "/e/bin/python",
        move |_, command| {
            assert!(
                String::from_utf8_lossy(&command.input).contains("DESKSIDE"),
                "the script is what it reads"
            );
            Ok(output(0, text.as_str(), ""))
        },
    );
    CalibrateRequest {
        python: Some("/e/bin/python".into()),
    }
}

const CPU: &str = "Hello from a framework\nDESKSIDE {\"python\":\"3.12.1\",\"devices\":[{\"kind\":\"cpu\",\"place\":0,\"name\":\"cpu\",\"framework\":\"numpy 2.1\",\"copy_bytes_per_second\":2.0e10,\"matrix_flops\":1.5e11}],\"troubles\":[\"cuda: no\"]}\n";

#[test]
fn what_was_measured_is_kept_and_counted_with() {
    let (sim, context) = context();
    let before = fit(&context, &FitRequest::of("1B")).unwrap();
    assert!(
        before.measured_here.is_empty()
            && before.advice.places[0].decode_tokens_per_second.is_none()
    );
    let report = calibrate(&context, &answers(&sim, CPU)).unwrap();
    assert_eq!(report.calibration.devices.len(), 1);
    assert_eq!(report.troubles, ["cuda: no"]);
    let after = fit(&context, &FitRequest::of("1B")).unwrap();
    assert!(
        after.measured_here[0].contains("numpy 2.1"),
        "{:?}",
        after.measured_here
    );
    // 2 GB and some at 20 GB/s: near ten tokens a second.
    let rate = after.advice.places[0].decode_tokens_per_second.unwrap();
    assert!((2.0..14.0).contains(&rate), "{rate}");
    // There is no driver's context in main memory.
    assert!(
        after
            .advice
            .estimate
            .terms
            .iter()
            .all(|term| term.name != "context" || term.bytes == 0.0)
    );
}

#[test]
fn what_can_not_be_measured_leaves_what_was_there() {
    let (sim, context) = context();
    calibrate(&context, &answers(&sim, CPU)).unwrap();
    for text in ["", "DESKSIDE {", "DESKSIDE []", "Traceback: no"] {
        assert_eq!(
            calibrate(&context, &answers(&sim, text)).unwrap_err().code,
            Code::CalibrationFailed,
            "{text}"
        );
    }
    // Numbers that can't be count for nothing.
    let odd = "DESKSIDE {\"python\":\"3\",\"devices\":[{\"kind\":\"cpu\",\"copy_bytes_per_second\":-1,\"matrix_flops\":1e30},{\"kind\":\"cuda\",\"name\":\"a card that is not here\"}]}";
    assert_eq!(
        calibrate(&context, &answers(&sim, odd)).unwrap_err().code,
        Code::CalibrationFailed
    );
    assert_eq!(
        fit(&context, &FitRequest::of("1B"))
            .unwrap()
            .measured_here
            .len(),
        1
    );
    sim.put_file(context.directories.state.join("calibration.json"), "{");
    assert!(
        fit(&context, &FitRequest::of("1B"))
            .unwrap()
            .measured_here
            .is_empty()
    );
}

#[test]
fn another_driver_or_card_ends_a_measurement() {
    let (_, context) = context();
    let mut facts = deskside_probe::collect(&*context.machine);
    let one = MeasuredDevice {
        kind: "cuda".into(),
        name: "NVIDIA GeForce RTX 4090".into(),
        driver: Some("580.95".into()),
        framework: "a stand-in".into(),
        copy_bytes_per_second: Some(0.9 * 900e9),
        matrix_flops: Some(0.75 * 150e12),
        context_bytes: Some(400e6),
        ..MeasuredDevice::default()
    };
    let calibration = Calibration::of(
        "2026-11-26T00:00:00Z".parse().unwrap(),
        None,
        vec![one.clone()],
    );
    facts.drivers.nvidia.loaded = deskside_types::Known::Value("580.95".into());
    let of = |facts: &deskside_types::facts::Facts, name: &str| {
        calibration
            .device(facts, name, "cuda")
            .map(|one| one.map(|one| one.name.clone()))
    };
    assert!(of(&facts, "NVIDIA GeForce RTX 4090").unwrap().is_ok());
    assert!(
        of(&facts, "NVIDIA H100")
            .unwrap()
            .unwrap_err()
            .contains("NVIDIA H100")
    );
    facts.drivers.nvidia.loaded = deskside_types::Known::Value("595.01".into());
    assert!(
        of(&facts, "NVIDIA GeForce RTX 4090")
            .unwrap()
            .unwrap_err()
            .contains("595.01")
    );
    assert!(calibration.device(&facts, "cpu", "cpu").is_none());
    let mut device = Device {
        name: "RTX 4090".into(),
        memory_bytes: None,
        bandwidth: 1008e9,
        reach: 1.0,
        vector_flops: 82e12,
        prompt_flops: 155e12,
        peak_flops: 165e12,
        training_flops: 165e12,
        link: 20e9,
        bf16: true,
        training_seen: true,
        unified: false,
        context_bytes: None,
    };
    let said = applied(&mut device, &one, "2026-11-26");
    assert!(said.contains("measured here on 2026-11-26"));
    assert!(
        (device.bandwidth / 900e9 - 1.0).abs() < 1e-9
            && (device.peak_flops / 150e12 - 1.0).abs() < 1e-9
    );
    assert!((device.prompt_flops / (155e12 * 150.0 / 165.0) - 1.0).abs() < 1e-9);
    assert_eq!(device.context_bytes, Some(400e6));
    // A card that something else worked on is not believed.
    let before = device.clone();
    let busy = MeasuredDevice {
        copy_bytes_per_second: Some(1e10),
        matrix_flops: Some(1e12),
        context_bytes: None,
        ..one
    };
    assert!(applied(&mut device, &busy, "2026-11-26").contains("too far"));
    assert_eq!(device, before);
}

/// Copying says how fast text can come at the most; it says nothing of prompts and of training, and nor do we.
#[test]
fn own_kernel_gives_decoding_by_bandwidth_and_nothing_else() {
    let (sim, context) = context();
    let facts = deskside_probe::collect(&*context.machine);
    // As an earlier version kept it: with what its own loop multiplied, a hundredth of what a library reaches.
    let kept = Calibration::of(
        "2026-11-26T00:00:00Z".parse().unwrap(),
        None,
        vec![MeasuredDevice {
            kind: "cpu".into(),
            name: processor(&facts),
            framework: "deskside's own kernel (a lower bound of FLOP/s)".into(),
            copy_bytes_per_second: Some(10e9),
            matrix_flops: Some(2e9),
            ..MeasuredDevice::default()
        }],
    );
    sim.put_file(
        context.directories.state.join("calibration.json"),
        serde_json::to_vec(&kept).unwrap(),
    );
    let report = fit(&context, &FitRequest::of("Qwen2.5-0.5B")).unwrap();
    let place = &report.advice.places[0];
    assert_eq!(place.prompt_tokens_per_second, None);
    let decoded = place.decode_tokens_per_second.unwrap();
    assert!(
        decoded > 3.0,
        "{decoded}: bandwidth alone allows about 10 a second"
    );
    assert!(
        report.measured_here[0].contains("by bandwidth alone"),
        "{:?}",
        report.measured_here
    );
    let mut training = FitRequest::of("Qwen2.5-0.5B");
    training.train = Some(crate::fit::TrainRequest {
        method: "lora".into(),
        ..crate::fit::TrainRequest::default()
    });
    let report = fit(&context, &training).unwrap();
    assert_eq!(report.advice.places[0].training_tokens_per_second, None);
}
