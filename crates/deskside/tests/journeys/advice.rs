//! Choosing a platform, keeping offers up to date, reading a model of the hub: through the program, the network no further than
//! the loopback interface.

use crate::person::{Person, machine, said};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A server of some files that knows ranges; it keeps what it was asked, and lives as long as the test's process.
struct Files {
    root: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    fn of(files: Vec<(&str, Vec<u8>)>) -> Self {
        let files: HashMap<String, Vec<u8>> = files
            .into_iter()
            .map(|(path, bytes)| (path.to_string(), bytes))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let request = lines.join("\n");
                let path = request.split(' ').nth(1).unwrap_or_default().to_string();
                seen.lock().unwrap().push(request.clone());
                let range = request
                    .to_ascii_lowercase()
                    .lines()
                    .find_map(|line| line.strip_prefix("range: bytes=").map(str::to_string))
                    .and_then(|range| {
                        let (first, last) = range.split_once('-')?;
                        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
                    });
                let (head, body) = match (files.get(&path), range) {
                    (None, _) => ("404 Not Found".to_string(), &[][..]),
                    (Some(bytes), Some((first, last))) if first < bytes.len() => {
                        let last = last.min(bytes.len() - 1);
                        (
                            format!(
                                "206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}",
                                bytes.len()
                            ),
                            &bytes[first..=last],
                        )
                    }
                    (Some(bytes), _) => ("200 OK".to_string(), &bytes[..]),
                };
                let head = format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(body));
            }
        });
        Self { root, asked }
    }
}

#[test]
fn choose_compares_explains_and_refuses() {
    let person = Person::new();
    person.write("train.py", "import flash_attn\n");
    let asked = [
        "choose",
        "--model",
        "Llama-3.1-8B",
        "--method",
        "qlora",
        "--hours",
        "15",
        "--country",
        "US",
        "--project",
        ".",
    ];
    let mut command = person.command(&asked);
    let answer = said(&command.env("COLUMNS", "80").output().unwrap());
    assert_eq!(answer.code, 0, "{}", answer.talk);
    for word in [
        "a month for this work",
        "turns with",
        "USD a month",
        "Runpod",
        "Mac Studio",
        "flash-attn (train.py:1)",
        "Best for",
    ] {
        assert!(answer.out.contains(word), "{word}: {}", answer.out);
    }
    let wide = answer.out.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let report = person.json(&asked);
    assert_eq!(report["schema"], "deskside.choose");
    let chosen = report["choice"]["platform"].as_str().unwrap();
    let platforms = report["platforms"].as_array().unwrap();
    let of = |id: &str| platforms.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(
        (
            of(chosen)["qualifies"].clone(),
            of(chosen)["code"]["value"].as_str()
        ),
        (true.into(), Some("runs"))
    );
    assert_eq!(of("mac-studio-m4-max-128")["code"]["value"], "no");
    assert_eq!(report["choice"]["flips"].as_array().unwrap().len(), 2);
    let why = person.says(&[&asked[..], &["--why", "rtx-3090-used"]].concat());
    for word in ["fits", "price", "hours/week", "drawback", "2026-01", "GiB"] {
        assert!(why.out.contains(word), "{word}: {}", why.out);
    }
    // The machine at hand is one of them, by what a recorded one says.
    let card = machine("ubuntu-22.04-rtx-4090");
    let report = person.json(&[&asked[..], &["--machine", &card, "--why", "here"]].concat());
    let here = &report["platforms"][0];
    assert_eq!(
        (
            here["driver"]["value"].as_str(),
            here["code"]["value"].as_str()
        ),
        (Some("cuda"), Some("runs"))
    );
    assert!(
        report["asked"]["hours_on"]
            .as_str()
            .unwrap()
            .contains("this machine's")
    );
    let book = machine("macbook-pro-m4-max");
    let report = person.json(&[&asked[..], &["--machine", &book, "--why", "here"]].concat());
    assert_eq!(
        (
            &report["platforms"][0]["code"]["value"],
            &report["platforms"][0]["qualifies"]
        ),
        (&"no".into(), &false.into())
    );
    // A scenario of its own; nobody is asked without a terminal.
    person.write(
        "mine.toml",
        "models = [\"8B\"]\nhours_a_week = 5\nquiet = true\ncountry = \"DE\"\n",
    );
    assert_eq!(person.says(&["choose", "--scenario", "mine.toml"]).code, 0);
    for (arguments, word) in [
        (&["choose"][..], "--model"),
        (
            &["choose", "--model", "8B", "--code", "flash-atn"],
            "flash-attn",
        ),
        (&["choose", "--model", "8B", "--why", "rtx-409"], "rtx-4090"),
        (&["choose", "--model", "8B", "--hours", "999"], "168"),
        (
            &["choose", "--model", "8B", "--price", "rtx-4090=cheap"],
            "above zero",
        ),
    ] {
        let refused = person.says(arguments);
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.talk);
        assert!(refused.talk.contains(word), "{word}: {}", refused.talk);
    }
}

#[test]
fn offers_are_refreshed_from_a_mirror_taken_back_and_overridden() {
    let person = Person::new();
    let csv = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n\
        a,A10,1,30,200,1.10,eu,{},\nb,H100-80GB,8,200,1800,24.0,eu,{},\nc,B200,1,1,1,900,eu,{},\nd,A6000,1,1,1,0.95,eu,{},\n";
    let server = Files::of(vec![
        ("/lambda/vms.csv", csv.into()),
        ("/runpod/vms.csv", b"<html>".to_vec()),
    ]);
    let refresh = [
        "offers",
        "refresh",
        "--from",
        "skypilot",
        "--url",
        &server.root,
    ];
    let plan = person.json(&[&refresh[..], &["--plan"]].concat());
    assert_eq!(
        (
            plan["kept"].clone(),
            plan["refused"].as_array().unwrap().len()
        ),
        (false.into(), 1)
    );
    let before = person.json(&["offers", "--provider", "lambda"]);
    assert!(
        before["offers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["from"] == "built-in")
    );
    let done = person.says(&refresh);
    assert_eq!(done.code, 0, "{}", done.talk);
    for word in [
        "~ A10 24 GB, lambda on-demand: 1.290",
        "refused",
        "900",
        "offers undo",
        "no column",
    ] {
        assert!(done.out.contains(word), "{word}: {}", done.out);
    }
    let after = person.json(&["offers", "--provider", "lambda"]);
    let prices: Vec<f64> = after["offers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["usd_an_hour"].as_f64())
        .collect();
    assert_eq!(prices.len(), 3);
    assert!(prices.contains(&3.0), "{prices:?}");
    let said = person.says(&["offers", "undo"]);
    assert!(
        said.out.contains("brought back"),
        "{} {}",
        said.out,
        said.talk
    );
    assert_eq!(
        person.json(&["offers", "--provider", "lambda"])["offers"],
        before["offers"]
    );
    let own = person.says(&[
        "offers",
        "add",
        "--gpu",
        "RTX 4090",
        "--provider",
        "university",
        "--price",
        "0.25",
    ]);
    assert_eq!(own.code, 0, "{}", own.talk);
    let cost = person.json(&["cost", "buy", "--gpu", "RTX 4090", "--country", "US"]);
    let rent = cost["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == "rent.per_hour")
        .unwrap();
    assert_eq!(rent["value"]["base"], 0.25);
    assert_eq!(
        person
            .says(&[
                "offers",
                "add",
                "--gpu",
                "RTX 4090",
                "--provider",
                "x",
                "--price",
                "-1"
            ])
            .code,
        1
    );
    let dead = person.says(&[
        "offers",
        "refresh",
        "--from",
        "gpuhunt",
        "--url",
        "http://127.0.0.1:1",
    ]);
    assert_eq!(dead.code, 1);
    assert!(dead.talk.contains("as they were"), "{}", dead.talk);
}

#[test]
fn a_model_of_the_hub_is_read_by_ranges_and_a_token_is_never_shown() {
    let person = Person::new();
    let header = r#"{"a":{"dtype":"BF16","shape":[1000,64],"data_offsets":[0,128000]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + 128_000, 0);
    let config = r#"{"model_type":"llama","num_hidden_layers":2,"hidden_size":64,"num_attention_heads":4,"intermediate_size":128,"vocab_size":1000}"#;
    let server = Files::of(vec![
        ("/me/small/resolve/main/config.json", config.into()),
        ("/me/small/resolve/main/model.safetensors", file),
    ]);
    let mut command = person.command(&["--json", "fit", "me/small", "--on", "RTX 4090"]);
    let answer = said(
        &command
            .env("HF_ENDPOINT", &server.root)
            .env("HF_TOKEN", "hf_never_shown")
            .output()
            .unwrap(),
    );
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let report: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(report["model"]["weights_bytes"], 128_000.0);
    assert!(!answer.out.contains("hf_never") && !answer.talk.contains("hf_never"));
    let asked = server
        .asked
        .lock()
        .unwrap()
        .join("\n\n")
        .to_ascii_lowercase();
    // The token stays at home where nobody asks for it, and every question is for a part.
    assert!(!asked.contains("authorization"), "{asked}");
    assert_eq!(
        asked.matches("get /").count(),
        asked.matches("range: bytes=").count()
    );
    let offline = person.says(&["fit", "me/small", "--offline"]);
    assert_eq!(offline.code, 1);
    assert!(offline.talk.contains("not known"), "{}", offline.talk);
}

#[test]
fn a_machine_is_measured_and_counted_with() {
    let person = Person::new();
    let measured = person.says(&["fit", "--calibrate"]);
    assert_eq!(measured.code, 0, "{}", measured.talk);
    assert!(measured.out.contains("own kernel"), "{}", measured.out);
    let report = person.json(&["fit", "1B", "--offline"]);
    // On a machine with an accelerator the processor is not where it would run.
    if report["advice"]["places"][0]["name"]
        .as_str()
        .unwrap()
        .contains("main memory")
    {
        assert!(
            report["measured_here"][0]
                .as_str()
                .unwrap()
                .contains("measured here on")
        );
        assert!(
            report["advice"]["places"][0]["decode_tokens_per_second"]
                .as_f64()
                .unwrap()
                > 0.0
        );
    }
    assert_eq!(
        person
            .says(&["fit", "--calibrate", "--python", "/nowhere/python"])
            .code,
        1
    );
    assert_eq!(person.says(&["fit", "--runs"]).code, 0);
}

/// The paths for cards, with a stand-in that answers to everything: no card is measured by this.
#[test]
fn the_measuring_script_goes_through_with_a_stand_in_for_torch() {
    let person = Person::new();
    person.write(
        "fake/torch/__init__.py",
        "import sys\nfrom unittest.mock import MagicMock\ntorch = MagicMock()\ntorch.__version__ = '0.0-stand-in'\ntorch.version.hip = None\n\
         torch.cuda.is_available.return_value = True\ntorch.cuda.device_count.return_value = 1\ntorch.cuda.get_device_name.return_value = 'NVIDIA GeForce RTX 4090'\n\
         torch.cuda.mem_get_info.return_value = (23_000_000_000, 24_000_000_000)\ntorch.cuda.memory_reserved.return_value = 500_000_000\n\
         torch.cuda.max_memory_allocated.return_value = 300_000_000\nsys.modules[__name__] = torch\n",
    );
    let python = person.write(
        ".venv/bin/python",
        "#!/bin/sh\nPYTHONPATH=fake DESKSIDE_CALIBRATE_SPAN=0.02 exec python3 \"$@\"\n",
    );
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let report = person.json(&["fit", "--calibrate"]);
    assert_eq!(report["python"].as_str(), python.to_str());
    assert_eq!(report["troubles"], serde_json::Value::Null);
    let devices = report["calibration"]["devices"].as_array().unwrap();
    let processor = devices.iter().find(|one| one["kind"] == "cpu").unwrap();
    assert_eq!(processor["framework"], "torch 0.0-stand-in");
}
