//! The device library asked through the door, with a made-up library in place of NVIDIA's.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests"
)]

use deskside_machine::device::Watch;
use deskside_machine::{DeviceQuestion, DoorError, ErrorKind, Host, Machine, Reading};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const GPU: &str = "gpu name=Fake_GPU capability=8.9 total=8000 used=3000 util=37 temp=61 mw=215500 limit=450000 display=1 persist=0";

/// The made-up library, compiled once.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fake-nvml");
    std::fs::create_dir_all(&folder).unwrap();
    let library = folder.join("libnvidia-ml.so.1");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fake-nvml/fake_nvml.rs");
    let age = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
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
    folder
});

/// A program that asks the made-up library in a given state: the door passes its own environment
/// on, so a script sets what this test wants.
fn host(name: &str, state: &str) -> Host {
    use std::os::unix::fs::PermissionsExt;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("device-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("state"), state).unwrap();
    let (script, helper) = (
        folder.join("ask"),
        env!("CARGO_BIN_EXE_deskside-ask-device"),
    );
    let text = format!(
        "#!/bin/sh\nFAKE_NVML='{}' LD_LIBRARY_PATH='{}' exec '{helper}' \"$@\"\n",
        folder.join("state").display(),
        LIBRARY.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    // SAFETY: every test of this file sets the same value, and none reads it while it is set.
    unsafe { std::env::set_var("LD_LIBRARY_PATH", LIBRARY.as_path()) };
    Host::new().with_device_program(script)
}

fn ask(name: &str, state: &str, deadline: Duration) -> Result<Value, DoorError> {
    host(name, state).device(DeviceQuestion::Nvml { deadline })
}

const ENOUGH: Duration = Duration::from_secs(20);

#[test]
fn a_healthy_library_tells_everything() {
    let answer = ask(
        "healthy",
        &format!("driver=580.95.05\nnvml=13.580\ncuda=13000\n{GPU}\n"),
        ENOUGH,
    )
    .unwrap();
    let wanted = json!({
        "driver_version": "580.95.05", "cuda_driver_version": 13000, "nvml_version": "13.580",
        "devices": [{
            "index": 0, "name": "Fake GPU", "uuid": "GPU-00000000-0000-0000-0000-000000000000",
            "pci_bus_id": "00000000:01:00.0", "compute_capability": "8.9", "memory_total": 8000,
            "memory_used": 3000, "utilization": 37, "temperature": 61, "power_watts": 215.5,
            "power_limit_watts": 450.0, "display_active": true, "persistence": false,
        }],
    });
    assert_eq!(answer, wanted);
}

#[test]
fn a_field_that_is_not_told_does_not_hide_the_others() {
    let state = format!("driver=1\nnvml=1\ngpu name=Fake_GPU total=8000\n{GPU} lost=1\n");
    let answer = ask("partly", &state, ENOUGH).unwrap();
    assert_eq!(
        answer["cuda_driver_version"],
        json!({"error": "NotSupported"})
    );
    let [first, second] = [&answer["devices"][0], &answer["devices"][1]];
    assert_eq!(
        (&first["name"], &first["memory_total"]),
        (&json!("Fake GPU"), &json!(8000))
    );
    assert_eq!(first["temperature"], json!({"error": "NotSupported"}));
    assert_eq!(
        (&second["index"], &second["name"]),
        (&json!(1), &json!({"error": "GpuLost"}))
    );
}

#[test]
fn a_library_that_refuses_is_named() {
    for (code, name) in [(9, "DriverNotLoaded"), (18, "LibRmVersionMismatch")] {
        let answer = ask(
            &format!("refuses-{code}"),
            &format!("init={code}\n"),
            ENOUGH,
        )
        .unwrap();
        assert_eq!(answer["error"], json!(name));
    }
}

#[test]
fn a_library_that_blocks_is_given_up_on_in_time() {
    let warm = ask("warm", "driver=1\n", ENOUGH);
    assert!(
        warm.is_ok(),
        "the library is built before time is taken: {warm:?}"
    );
    let begun = Instant::now();
    let error = ask("blocks", "block=45\n", Duration::from_millis(700)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_library_that_crashes_takes_its_own_process_down_only() {
    let error = ask("crashes", "crash=1\n", ENOUGH).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.detail.contains("134"), "{error}");
}

/// What is heard of a library that is held open, within a span.
fn heard(watch: &mut dyn Watch, span: Duration) -> Option<Value> {
    let begun = Instant::now();
    while begun.elapsed() < span {
        if let Some(answer) = watch.newest().unwrap() {
            return Some(answer);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

const LIVE: DeviceQuestion = DeviceQuestion::NvmlLive { deadline: ENOUGH };
const OFTEN: Duration = Duration::from_millis(50);

#[test]
fn a_library_that_is_held_open_tells_again_and_again() {
    let gpu = format!("{GPU} sm=2520 mem=10501 throttle=4 pcie=1000 processes=4711:1048576");
    let host = host("live", &format!("driver=1\n{gpu}\n"));
    let mut watch = host.watch_device(LIVE, OFTEN).unwrap();
    let first = heard(&mut *watch, ENOUGH).unwrap();
    let device = &first["devices"][0];
    for (name, value) in [
        ("utilization", json!(37)),
        ("power_watts", json!(215.5)),
        ("sm_clock_mhz", json!(2520)),
        ("throttle_reasons", json!(4)),
        ("pcie_rx", json!(1_000_000)),
        ("processes", json!([{ "pid": 4711, "used": 1_048_576 }])),
    ] {
        assert_eq!(device[name], value, "{name}: {device}");
    }
    // Some answers later it is the newest that is told, and the others are gone.
    std::thread::sleep(OFTEN * 6);
    assert!(watch.newest().unwrap().is_some());
    assert!(watch.newest().unwrap().is_none());
}

#[test]
fn a_held_library_that_hangs_keeps_nobody_waiting() {
    let host = host("hangs", &format!("driver=1\nhang=1\n{GPU}\n"));
    let mut watch = host.watch_device(LIVE, OFTEN).unwrap();
    assert_eq!(heard(&mut *watch, Duration::from_millis(500)), None);
    let begun = Instant::now();
    drop(watch);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it is let go of at once"
    );
}
