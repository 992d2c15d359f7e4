//! The device library, as the shipped program asks it: a stand-in for NVIDIA's that can answer, fail and hang.

use crate::person::{Person, said};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The stand-in library, compiled by plain rustc; its folder.
pub fn library() -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fake-nvml-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fake-nvml/fake_nvml.rs");
    let built = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(folder.join("libnvidia-ml.so.1"))
        .arg(source)
        .status()
        .unwrap();
    assert!(built.success());
    folder
}

#[test]
fn info_with_a_device_library_that_answers_fails_or_hangs() {
    if !cfg!(target_os = "linux") {
        deskside_testkit::skip("the stand-in for NVIDIA's library is for Linux");
        return;
    }
    let folder = library();
    let person = Person::new();
    let gpu = "gpu name=NVIDIA_GeForce_RTX_4090 capability=8.9 total=25757220864 used=1073741824 util=37 temp=61 mw=215500 limit=450000 display=1 persist=0\n";
    for (state, wanted) in [
        (format!("driver=580.95.05\ncuda=13000\n{gpu}"), "\"ok\""),
        (format!("driver=580.95.05\ninit=18\n{gpu}"), "ismatch"),
        (format!("driver=580.95.05\nblock=45\n{gpu}"), "unknown"),
    ] {
        let path = person.write("state", &state);
        let start = Instant::now();
        let output = person
            .command(&["--json", "info"])
            .env("LD_LIBRARY_PATH", &folder)
            .env("FAKE_NVML", path)
            .output()
            .unwrap();
        let said = said(&output);
        assert_eq!(said.code, 0, "{}", said.talk);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let library = json["facts"]["drivers"]["nvidia"]["device_library"].to_string();
        assert!(library.contains(wanted), "{state}: {library}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{state}: took {:?}",
            start.elapsed()
        );
        if state.contains("cuda=") {
            assert_eq!(
                json["facts"]["gpus"][0]["name"], "NVIDIA GeForce RTX 4090",
                "{}",
                said.out
            );
            assert_eq!(json["model_memory"][0]["low_bytes"], 25_757_220_864_u64);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
