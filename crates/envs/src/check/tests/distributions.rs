//! Distributions, and what follows from one that is not right.

use super::*;

#[test]
fn the_distributions_family() {
    type Break = fn(&Fixture);
    let cases: &[(&str, Break)] = &[
        ("distribution-twice", |fixture| {
            fixture.with("six", "1.16.0", &[], &[]);
        }),
        ("distribution-half-made", |fixture| {
            fixture.gone(format!("{SITE}/six-1.17.0.dist-info/METADATA"))
        }),
        ("distribution-half-made", |fixture| {
            fixture.gone(format!("{SITE}/six-1.17.0.dist-info/RECORD"))
        }),
        ("distribution-half-made", |fixture| {
            fixture.file("six-1.17.0.dist-info/METADATA", "");
        }),
        ("leftover-of-removal", |fixture| {
            fixture
                .file("~ix-1.16.0.dist-info/METADATA", "")
                .file("~ix/x.py", "");
        }),
        ("requirement-missing", |fixture| {
            fixture.with("needy", "1.0", &["absent>=2"], &[]);
        }),
        ("requirement-version", |fixture| {
            fixture.with("needy", "1.0", &["six<1"], &[]);
        }),
        ("files-of-nobody", |fixture| {
            fixture.with("needy", "1.0", &["gone>=2"], &[]);
            fixture.file("gone.py", "x");
        }),
        ("files-of-two", |fixture| {
            fixture.with("left", "1.0", &[], &[("shared/core.py", "left = 1\n")]);
            fixture.with("right", "1.0", &[], &[("shared/core.py", "right = 12\n")]);
        }),
        ("flavours-exclude-each-other", |fixture| {
            fixture.with(
                "opencv-python",
                "4.10.0",
                &[],
                &[("cv2/__init__.py", "a = 1\n")],
            );
            fixture.with(
                "opencv-python-headless",
                "4.11.0",
                &[],
                &[("cv2/__init__.py", "b = 12\n")],
            );
        }),
        ("editable-gone", |fixture| {
            fixture.with(
                "mine",
                "0.1",
                &[],
                &[("only:__editable__.mine-0.1.pth", "/home/user/gone/src\n")],
            );
            fixture.file(
                "mine-0.1.dist-info/direct_url.json",
                r#"{"url":"file:///home/user/gone","dir_info":{"editable":true}}"#,
            );
        }),
        ("path-file-leads-nowhere", |fixture| {
            fixture.file("paths.pth", "/nowhere/at/all\n");
        }),
        ("path-file-of-nobody", |fixture| {
            fixture.file("evil.pth", "import os; os.system('x')\n");
        }),
        ("path-file-imports-nothing", |fixture| {
            fixture.file("odd.pth", "import not_there\n");
        }),
        ("built-for-another-python", |fixture| {
            fixture.file(
                "six-1.17.0.dist-info/WHEEL",
                "Tag: cp311-cp311-manylinux_2_28_x86_64\n",
            );
        }),
        ("needs-another-python", |fixture| {
            let text =
                "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\nRequires-Python: >=3.13\n\n";
            fixture.file("six-1.17.0.dist-info/METADATA", text);
            fixture.file("six-1.17.0.dist-info/RECORD", "six.py,,\n");
        }),
    ];
    for (id, spoil) in cases {
        let fixture = Fixture::new();
        fixture.with("six", "1.17.0", &[], &[]);
        spoil(&fixture);
        fixture.only(id);
    }
}

#[test]
fn what_follows_is_told_below_its_cause() {
    let fixture = Fixture::new();
    fixture
        .with("needy", "1.0", &["numpy>=2"], &[])
        .with("numpy", "1.26.4", &[], &[]);
    fixture.sim.put_file(
        "/home/user/p/pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0\"\ndependencies = [\"needy\"]\n",
    );
    fixture.sim.put_file(
        "/home/user/p/uv.lock",
        "version = 1\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"needy\" }]\n[package.metadata]\nrequires-dist = [{ name = \"needy\" }]\n\n[[package]]\nname = \"needy\"\nversion = \"1.0\"\nsource = { registry = \"x\" }\ndependencies = [{ name = \"numpy\" }]\n\n[[package]]\nname = \"numpy\"\nversion = \"2.1.0\"\nsource = { registry = \"x\" }\n",
    );
    let root = fixture.only("not-as-locked");
    assert_eq!(root.consequences.len(), 1, "{root:#?}");
    assert!(root.consequences[0].contains("needy"));
    assert!(root.mend.contains(&"deskside env sync".to_string()));
    fixture.sim.change(|state| {
        for part in [
            "numpy-1.26.4.dist-info/METADATA",
            "numpy-1.26.4.dist-info/RECORD",
            "numpy-1.26.4.dist-info/INSTALLER",
            "numpy-1.26.4.dist-info/WHEEL",
            "numpy-1.26.4.dist-info",
            "numpy.py",
        ] {
            state.remove(format!("{SITE}/{part}"));
        }
    });
    let root = fixture.only("locked-package-missing");
    assert_eq!(root.severity, Severity::Broken);
}
