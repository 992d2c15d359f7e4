//! The lock file, and input that is none.

use super::*;

#[test]
fn a_lock_file_of_another_pyproject_is_seen() {
    let project = |dependencies: &str| {
        format!(
            "[project]\nname = \"p\"\nversion = \"0\"\nrequires-python = \">=3.11\"\ndependencies = [{dependencies}]\n[dependency-groups]\ndev = [\"pytest\"]\n"
        )
    };
    let lock = "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = { virtual = \".\" }\n[package.metadata]\nrequires-dist = [\n{ name = \"six\", marker = \"python_full_version >= '3.12'\", specifier = \">=1\" },\n{ name = \"numpy\", extras = [\"x\"], specifier = \"==2.0.*\" },\n]\n[package.metadata.requires-dev]\ndev = [{ name = \"pytest\" }]\n";
    for (dependencies, fresh) in [
        (
            "\"six>=1 ; python_version >= '3.12'\", \"NumPy[x] == 2.0.*\"",
            true,
        ),
        (
            "\"six >= 1.0; python_version>='3.12'\", \"numpy[x]==2.0.*\"",
            true,
        ),
        ("\"six>=1\", \"numpy[x]==2.0.*\"", false),
        (
            "\"six>=2; python_version >= '3.12'\", \"numpy[x]==2.0.*\"",
            false,
        ),
        (
            "\"six>=1; python_version >= '3.12'\", \"numpy==2.0.*\"",
            false,
        ),
        ("\"six>=1; python_version >= '3.12'\"", false),
    ] {
        let sim = Sim::linux();
        sim.put_file("/home/user/p/pyproject.toml", project(dependencies))
            .put_file("/home/user/p/uv.lock", lock);
        let place = Place {
            environment: Path::new("/home/user/p/.venv"),
            project: Path::new("/home/user/p"),
            extras: &[],
            groups: &[],
        };
        let scene = Scene::read(&sim, &place);
        assert_eq!(
            stale::findings(&scene).is_empty(),
            fresh,
            "{dependencies}: {:#?}",
            stale::findings(&scene)
        );
    }
}

#[test]
fn bad_input_is_no_panic_and_no_guess() {
    let fixture = Fixture::new();
    fixture.with("six", "1.17.0", &["((("], &[]);
    fixture
        .file("odd.dist-info/METADATA", vec![0xff; 100])
        .file("odd.dist-info/RECORD", vec![0xfe; 100])
        .file("-.dist-info/METADATA", "Name\n")
        .file("~", "")
        .file("~~.dist-info/x", "")
        .file("x.pth", vec![0xff, 0, 10, 0xff]);
    fixture
        .sim
        .put_file("/home/user/p/pyproject.toml", "[[[")
        .put_file("/home/user/p/uv.lock", "[[[");
    let checked = fixture.look(Depth::Hashes);
    assert!(
        checked
            .findings
            .iter()
            .any(|finding| finding.id == "lock-unreadable")
    );
    assert!(
        checked
            .not_looked_at
            .iter()
            .any(|sentence| sentence.contains("(((")),
        "{:?}",
        checked.not_looked_at
    );
    let mut fixture = Fixture::new();
    fixture.facts.system.architecture = Known::unknown("not read");
    fixture.facts.gpus = Known::unknown("not read");
    fixture.with("six", "1.17.0", &[], &[]);
    assert_eq!(fixture.ids(), Vec::<String>::new());
}
