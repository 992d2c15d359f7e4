//! A kernel on each card through the door, with a made-up library in place of NVIDIA's and AMD's.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests"
)]

use deskside_machine::{DeviceQuestion, DoorError, ErrorKind, Host, Reading};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const ENOUGH: Duration = Duration::from_secs(20);

/// The made-up library under both names, compiled once.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fake-compute");
    std::fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fake-compute/fake_compute.rs");
    let age = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    for name in ["libcuda.so.1", "libamdhip64.so.6"] {
        let library = folder.join(name);
        if age(&library) < age(&source) {
            // Each test may be a process of its own: the last one to finish gives the file its name.
            let fresh = folder.join(format!("fresh-{}", std::process::id()));
            let built = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
                .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
                .arg(&fresh)
                .arg(&source)
                .status();
            assert!(built.unwrap().success());
            std::fs::rename(fresh, &library).unwrap();
        }
    }
    folder
});

/// The answer in a given state of the library. The door passes its own environment on, so a script sets what is wanted.
fn ask(name: &str, state: &str, question: DeviceQuestion) -> Result<Value, DoorError> {
    use std::os::unix::fs::PermissionsExt;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernel-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("state"), state).unwrap();
    let (script, helper) = (
        folder.join("ask"),
        env!("CARGO_BIN_EXE_deskside-ask-device"),
    );
    let text = format!(
        "#!/bin/sh\nFAKE_COMPUTE='{}' LD_LIBRARY_PATH='{}' exec '{helper}' \"$@\"\n",
        folder.join("state").display(),
        LIBRARY.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    // SAFETY: every test of this file sets the same values, and none reads them while they are set.
    unsafe {
        std::env::set_var("LD_LIBRARY_PATH", LIBRARY.as_path());
        std::env::set_var("CUDA_VISIBLE_DEVICES", "");
    }
    Host::new().with_device_program(script).device(question)
}

fn cuda(name: &str, state: &str) -> Result<Value, DoorError> {
    ask(name, state, DeviceQuestion::CudaKernel { deadline: ENOUGH })
}

#[test]
fn each_card_squares_although_cards_are_hidden_from_programs() {
    let answer = cuda("two", "gpu name=Card_A\ngpu name=Card_B\n").unwrap();
    assert_eq!(answer["library"], "libcuda.so.1");
    let cards = answer["devices"].as_array().unwrap();
    assert_eq!(cards.len(), 2);
    for (card, name) in cards.iter().zip(["Card A", "Card B"]) {
        assert_eq!(
            (&card["name"], &card["error"]),
            (&json!(name), &Value::Null)
        );
        assert!(card["seconds"].as_f64().unwrap() >= 0.0);
    }
    assert_eq!(cards[1]["uuid"], "GPU-01010101-0101-0101-0101-010101010101");
}

#[test]
fn a_card_that_fails_does_not_hide_the_others() {
    let state = "gpu name=A load=218\ngpu name=B launch=46\ngpu name=C wrong=1\ngpu name=D\n";
    let answer = cuda("some", state).unwrap();
    let errors: Vec<&Value> = (0..4)
        .map(|card| &answer["devices"][card]["error"])
        .collect();
    let wanted = [
        json!("CUDA_ERROR_INVALID_PTX"),
        json!("CUDA_ERROR_DEVICE_UNAVAILABLE"),
        json!("WrongResult"),
        Value::Null,
    ];
    assert_eq!(errors, wanted.iter().collect::<Vec<_>>());
    assert_eq!(answer["devices"][1]["call"], "cuLaunchKernel");
}

#[test]
fn hip_compiles_for_the_card_and_squares() {
    let question = DeviceQuestion::HipKernel { deadline: ENOUGH };
    let answer = ask("hip", "gpu name=AMD_Radeon_RX_7900_XTX\n", question).unwrap();
    let card = &answer["devices"][0];
    assert_eq!(card["name"], "AMD Radeon RX 7900 XTX", "{answer}");
    assert!(card["seconds"].is_number() && card["error"].is_null());
}

#[test]
fn a_library_that_refuses_is_named_and_one_that_blocks_given_up_on() {
    let answer = cuda("refuses", "init=100\n").unwrap();
    assert_eq!(
        (&answer["error"], &answer["call"]),
        (&json!("CUDA_ERROR_NO_DEVICE"), &json!("cuInit"))
    );
    let begun = Instant::now();
    let deadline = Duration::from_millis(700);
    let error = ask(
        "blocks",
        "block=45\n",
        DeviceQuestion::CudaKernel { deadline },
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
