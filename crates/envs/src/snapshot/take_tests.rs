//! What a lock file and installed files tell.

use super::*;
use deskside_testkit::Sim;

const SITE: &str = "/p/.venv/lib/python3.12/site-packages";

#[test]
fn wheels_and_archives_of_a_lock_file_are_told_apart() {
    let text = r#"
version = 1
[[package]]
name = "Charset_Normalizer"
version = "3.5.3"
source = { registry = "https://me:secret@index.example/simple" }
sdist = { url = "https://me:secret@f.example/c-3.5.3.tar.gz", hash = "sha256:aa", size = 9 }
wheels = [
    { url = "https://f.example/charset_normalizer-3.5.3-cp311-cp311-manylinux_2_28_x86_64.whl", hash = "sha256:bb", size = 7 },
    { url = "https://f.example/charset_normalizer-3.5.3-cp312-cp312-macosx_11_0_arm64.whl", hash = "md5:cc" },
    { filename = "no-address.whl", hash = "sha256:dd" },
]
[[package]]
version = "1"
"#;
    let locked = locked(text);
    assert_eq!(locked.len(), 1);
    let files = &locked[&("charset-normalizer".to_string(), "3.5.3".to_string())];
    assert_eq!(files.wheels.len(), 1);
    assert_eq!(
        files.wheels[0].index.as_deref(),
        Some("https://index.example/simple")
    );
    assert_eq!(
        files.sdist.as_ref().unwrap().url,
        "https://f.example/c-3.5.3.tar.gz"
    );
    assert!(super::locked("not [ toml").is_empty());
}

#[test]
fn what_was_built_here_is_not_taken_for_a_wheel_of_the_index() {
    let sim = Sim::linux();
    let information = format!("{SITE}/odd-1.0.dist-info");
    sim.put_file(format!("{information}/RECORD"), "odd.py,sha256=x,1\n");
    sim.put_file(
        format!("{information}/WHEEL"),
        "Tag: cp312-cp312-linux_x86_64\n",
    );
    let wheel = |name: &str| Wheel {
        url: format!("https://f.example/{name}"),
        sha256: "aa".into(),
        size: None,
        index: None,
    };
    let mut locked = Locked::new();
    locked.insert(
        ("odd".into(), "1.0".into()),
        LockedFiles {
            wheels: vec![wheel("odd-1.0-cp312-cp312-macosx_11_0_arm64.whl")],
            sdist: Some(wheel("odd-1.0.tar.gz")),
        },
    );
    let found = distributions(&sim, Path::new("/p/.venv"), &locked);
    assert_eq!(found[0].wheel, None);
    assert_eq!(
        found[0].sdist.as_ref().unwrap().url,
        "https://f.example/odd-1.0.tar.gz"
    );
}

#[test]
fn a_large_record_counts_to_its_end() {
    let sim = Sim::linux();
    let line = |number: usize, hash: &str| format!("a/{number:030}.py,sha256={hash:0>43},1\n");
    let record = |last: &str| -> String {
        let lines: String = (0..20_000).map(|number| line(number, "x")).collect();
        lines + &line(20_000, last)
    };
    let contents = |text: String| {
        sim.put_file(format!("{SITE}/big-1.0.dist-info/RECORD"), text);
        distributions(&sim, Path::new("/p/.venv"), &Locked::new())[0]
            .contents
            .clone()
    };
    assert!(record("y").len() > 1 << 20);
    assert_ne!(contents(record("y")), contents(record("z")));
}
