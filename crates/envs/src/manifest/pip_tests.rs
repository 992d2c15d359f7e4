//! Tables of lines in requirements files, and what becomes of them.

use super::*;
use crate::manifest::Manifest;
use crate::project::requirements;
use deskside_testkit::Sim;

fn taken(text: &str) -> Taken {
    let sim = Sim::linux();
    sim.put_file("/p/loc/pyproject.toml", "[project]\nname = \"Loc_a\"\n");
    sim.put_file("/p/old/setup.py", "setup(name='old')");
    sim.put_file("/p/nameless/x.py", "");
    sim.put_file("/p/wheels/w-1.0-py3-none-any.whl", "");
    sim.put_file("/p/requirements.txt", text);
    let read = requirements::read(&sim, Path::new("/p/requirements.txt"));
    take(&sim, Path::new("/p"), &read)
}

#[test]
fn requirements_are_taken_over() {
    for (line, wanted) in [
        ("six", "six"),
        (
            "six>=1.10 ; python_version >= \"3.8\"",
            "six>=1.10 ; python_version >= \"3.8\"",
        ),
        (
            "six==1.16.0 --hash=sha256:00 --hash=sha256:01",
            "six==1.16.0",
        ),
        ("six==1.16.0 \\\n    --hash=sha256:00", "six==1.16.0"),
        ("uvicorn[standard]>=0.20,<1", "uvicorn[standard]>=0.20,<1"),
        ("six (>=1.10)", "six (>=1.10)"),
        ("torch==2.1.0+cu121", "torch==2.1.0+cu121"),
        (
            "a @ https://x.example/a-1.0-py3-none-any.whl",
            "a @ https://x.example/a-1.0-py3-none-any.whl",
        ),
        (
            "https://x.example/a-1.0-py3-none-any.whl",
            "a @ https://x.example/a-1.0-py3-none-any.whl",
        ),
        (
            "https://x.example/a-b-1.0.tar.gz#sha256=00",
            "a-b @ https://x.example/a-b-1.0.tar.gz",
        ),
        (
            "git+https://x.example/b.git@v1#egg=b",
            "b @ git+https://x.example/b.git@v1",
        ),
        (
            "-e git+ssh://git@x.example/b.git#egg=b&subdirectory=s",
            "b @ git+ssh://git@x.example/b.git#subdirectory=s",
        ),
        (
            "git+https://x.example/b#egg=b ; sys_platform == 'linux'",
            "b @ git+https://x.example/b ; sys_platform == 'linux'",
        ),
        // What tools of conda's write.
        (
            "certifi @ file:///croot/certifi_1665/work/certifi",
            "certifi",
        ),
        ("numpy=1.21.2=py39h20f2e39_0", "numpy==1.21.2"),
        // Folders.
        ("-e ./loc", "Loc_a"),
        ("--editable=loc[dev]", "Loc_a[dev]"),
        ("./old ; python_version > '3'", "old ; python_version > '3'"),
        ("wheels/w-1.0-py3-none-any.whl", "w"),
    ] {
        let taken = taken(line);
        assert_eq!(taken.requirements, [wanted], "{line}: {:?}", taken.left_out);
        assert_eq!(taken.left_out, Vec::<String>::new(), "{line}");
    }
}

#[test]
fn what_cannot_be_taken_over_is_named_without_its_secret() {
    for (line, word) in [
        ("git+https://x.example/b.git", "which package"),
        ("git+https://user:geheim@x.example/b.git#egg=b", "password"),
        (
            "https://geheim@x.example/a-1.0-py3-none-any.whl",
            "password",
        ),
        ("a @ https://u:geheim@x.example/a.whl", "password"),
        (
            "--extra-index-url https://u:geheim@x.example/simple",
            "password",
        ),
        ("git+https://${TOKEN}/b.git#egg=b", "variable"),
        (
            "hg+https://x.example/b#egg=b",
            "fetches nothing by hg+https",
        ),
        ("svn+ssh://u:geheim@x.example/b#egg=b", "***"),
        ("-e ./none", "there is no"),
        ("./nameless", "which package"),
        ("~/x", "without ~"),
        ("--trusted-host x.example", "option"),
        ("--no-index", "offline"),
        ("-r https://x.example/r.txt", "not read"),
        ("two words", "no requirement"),
        ("six=>1", "no requirement"),
        ("six==", "no requirement"),
        ("=", "no requirement"),
        ("-", "option"),
        ("-é", "option"),
        ("==1", "no requirement"),
        ("six>=1,2", "no requirement"),
    ] {
        let taken = taken(line);
        assert_eq!(taken.requirements, Vec::<String>::new(), "{line}");
        assert_eq!(taken.left_out.len(), 1, "{line}: {taken:?}");
        assert!(taken.left_out[0].contains(word), "{line}: {taken:?}");
        assert!(!taken.left_out[0].contains("geheim"), "{taken:?}");
    }
}

#[test]
fn settings_become_keys_of_uv_and_stay_when_taken_over_again() {
    let taken = taken(
        "-i https://a.example/simple\n--extra-index-url=https://b.example/simple\n-f https://c.example/links\n--pre\n--no-binary numpy,scipy\n--only-binary :all:\n--require-hashes\n--extra-index-url https://download.pytorch.org/whl/cu118\n-e ./loc\n-e .\nsix\n-c bounds.txt",
    );
    assert!(taken.own && taken.prereleases);
    assert_eq!(taken.left_out, Vec::<String>::new());
    assert!(
        taken.notes.iter().any(|note| note.contains("cu118")),
        "{:?}",
        taken.notes
    );
    let mut manifest = Manifest::new("p", ">=3.11");
    manifest.take_in(&taken);
    let text = manifest.text();
    for part in [
        "url = \"https://a.example/simple\"\ndefault = true",
        "url = \"https://b.example/simple\"\n",
        "find-links = [\n    \"https://c.example/links\",\n]",
        "prerelease = \"allow\"",
        "no-binary-package = [",
        "no-build = true",
        "loc-a = { path = \"./loc\", editable = true }",
        "    \"six\",",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("cu118"), "{text}");
    manifest.take_in(&taken);
    assert_eq!(manifest.text(), text);
    assert!(manifest.text().parse::<toml::Table>().is_ok());
}

#[test]
fn one_name_may_stand_under_several_markers() {
    let mut manifest = Manifest::new("p", ">=3.11");
    for line in [
        "six==1.15; sys_platform == 'win32'",
        "six==1.16; sys_platform != 'win32'",
        "idna",
    ] {
        assert!(manifest.add_dependency(line));
    }
    assert!(manifest.add_dependency("six==1.17 ; sys_platform  != \"win32\""));
    assert!(!manifest.add_dependency("idna"));
    assert_eq!(
        manifest.dependencies(),
        [
            "six==1.15; sys_platform == 'win32'",
            "six==1.17 ; sys_platform  != \"win32\"",
            "idna"
        ]
    );
}

#[test]
fn a_folder_with_setup_py_becomes_a_package() {
    let mut manifest = Manifest::new("p", ">=3.11");
    manifest.set_package();
    let text = manifest.text();
    assert!(
        text.contains("build-backend = \"setuptools.build_meta\""),
        "{text}"
    );
    assert!(!text.contains("package = false"), "{text}");
    manifest.set_package();
    assert_eq!(manifest.text(), text);
}
