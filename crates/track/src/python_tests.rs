//! Runs the Python module's own tests with the system's Python.

use std::process::Command;

#[test]
fn the_python_module_passes_its_own_tests() {
    let Ok(version) = Command::new("python3")
        .args(["-c", "import sys; print(sys.version_info >= (3, 9))"])
        .output()
    else {
        deskside_testkit::skip("the_python_module_passes_its_own_tests: no python3");
        return;
    };
    if String::from_utf8_lossy(&version.stdout).trim() != "True" {
        deskside_testkit::skip("the_python_module_passes_its_own_tests: python3 is older than 3.9");
        return;
    }
    let output = Command::new("python3")
        .args([
            "-B", "-W", "error", "-m", "unittest", "discover", "-s", "tests",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for reason in said
        .lines()
        .filter_map(|line| line.strip_prefix("SKIPPED: "))
    {
        deskside_testkit::skip(reason);
    }
    assert!(output.status.success(), "{said}");
}
