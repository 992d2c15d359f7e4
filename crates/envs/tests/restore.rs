//! What a snapshot needs and the index no longer has is known before anything is changed. The network is simulated.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_envs::snapshot::available::{Fetching, require};
use deskside_envs::snapshot::origin::{Looking, Origin, origins};
use deskside_envs::snapshot::recipe::recipe;
use deskside_envs::snapshot::{
    Distribution, Kept, MachineState, PythonState, SNAPSHOT_VERSION, Snapshot, Store, Wheel,
};
use deskside_machine::Machine;
use deskside_testkit::{Sim, SimResponse};
use deskside_types::Code;
use std::path::Path;

const INDEX: &str = "https://index.example/simple";
const HASH: &str = "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19";

fn distribution(name: &str, version: &str) -> Distribution {
    Distribution {
        name: name.into(),
        version: version.into(),
        contents: String::new(),
        tags: vec!["py3-none-any".into()],
        wheel: None,
        sdist: None,
        kept: None,
        direct: None,
        installer: Some("pip".into()),
    }
}

fn snapshot(distributions: Vec<Distribution>) -> Snapshot {
    Snapshot {
        version: SNAPSHOT_VERSION,
        id: "20261125-100000-abcd".into(),
        taken_at: "2026-11-25T10:00:00Z".parse().unwrap(),
        reason: "test".into(),
        operation: None,
        project: "/p".into(),
        environment: "/p/.venv".into(),
        python: PythonState {
            version: "3.12.3".into(),
            interpreter: String::new(),
            managed: false,
            system_packages: false,
        },
        choice: None,
        parts: None,
        indexes: vec![],
        machine: MachineState::default(),
        files: Default::default(),
        distributions,
        full: false,
        finished: None,
        module: None,
    }
}

fn machine() -> Sim {
    let sim = Sim::linux();
    sim.set_variable("UV_DEFAULT_INDEX", INDEX);
    sim
}

fn page(sim: &Sim, project: &str, files: &[&str]) {
    let links: String = files
        .iter()
        .map(|file| format!("<a href=\"../../files/{file}#sha256={HASH}\">{file}</a>\n"))
        .collect();
    sim.serve(
        format!("{INDEX}/{project}/"),
        "text/html",
        format!("<html>{links}</html>"),
    );
}

fn look(machine: &dyn Machine, snapshot: &Snapshot, offline: bool) -> Vec<Origin> {
    let store = Store::at(Path::new("/store"));
    origins(
        machine,
        &Looking {
            store: &store,
            snapshot,
            offline,
            platform: None,
        },
    )
}

#[test]
fn a_file_is_found_by_name_version_and_tags() {
    let sim = machine();
    page(
        &sim,
        "charset-normalizer",
        &[
            "charset_normalizer-3.4-py3-none-any.whl",
            "charset_normalizer-3.5-cp312-cp312-manylinux_2_28_x86_64.whl",
            "charset_normalizer-3.5-py3-none-any.whl",
            "charset_normalizer-3.5.tar.gz",
        ],
    );
    page(&sim, "built", &["built-1.0.tar.gz"]);
    let snapshot = snapshot(vec![
        distribution("charset-normalizer", "3.5"),
        distribution("built", "1.0"),
    ]);
    let found = look(&sim, &snapshot, false);
    let Origin::Files {
        wheels,
        sdist: None,
    } = &found[0]
    else {
        panic!("{found:?}")
    };
    assert_eq!(wheels.len(), 1);
    assert!(
        wheels[0]
            .url
            .ends_with("charset_normalizer-3.5-py3-none-any.whl")
    );
    assert_eq!(
        (wheels[0].sha256.as_str(), wheels[0].index.as_deref()),
        (HASH, Some(INDEX))
    );
    assert!(matches!(&found[1], Origin::Files { wheels, sdist: Some(_) } if wheels.is_empty()));
    assert_eq!(
        recipe(&snapshot.distributions, &found).notes.built,
        ["built"]
    );
}

#[test]
fn what_the_index_lost_is_named_with_what_it_has() {
    let sim = machine();
    page(
        &sim,
        "six",
        &["six-1.17.0-py3-none-any.whl", "six-1.15.0-py3-none-any.whl"],
    );
    let snapshot = snapshot(vec![
        distribution("six", "1.16.0"),
        distribution("never", "1.0"),
    ]);
    let found = look(&sim, &snapshot, false);
    let problem = require(&sim, &snapshot, &found, &Fetching::default()).unwrap_err();
    assert_eq!(problem.code, Code::SnapshotUnavailable);
    let said = problem.causes.join("\n");
    assert!(
        said.contains("no longer has six 1.16.0; it has 1.17.0, 1.15.0"),
        "{said}"
    );
    assert!(said.contains("no never at all"), "{said}");
}

#[test]
fn a_locked_file_is_knocked_for_and_only_where_the_cache_lacks_it() {
    let sim = machine();
    let url = "https://me:secret@f.example/six-1.16.0-py3-none-any.whl";
    let mut six = distribution("six", "1.16.0");
    six.wheel = Some(Wheel {
        url: url.replace("me:secret@", ""),
        sha256: HASH.into(),
        size: Some(11053),
        index: Some(INDEX.into()),
    });
    let snapshot = snapshot(vec![six]);
    let found = look(&sim, &snapshot, false);
    let lacking = Fetching {
        names: vec!["six".into()],
        bytes: 11053,
    };
    // In the cache: nobody is asked.
    require(&sim, &snapshot, &found, &Fetching::default()).unwrap();
    let code =
        |sim: &Sim| require(sim, &snapshot, &found, &lacking).map_err(|problem| problem.code);
    assert_eq!(code(&sim), Err(Code::SnapshotUnavailable));
    let address = url.replace("me:secret@", "");
    sim.serve(&address, "application/zip", vec![0; 11053]);
    assert_eq!(code(&sim), Ok(()));
    sim.serve_response(&address, SimResponse::Status(503));
    assert_eq!(code(&sim), Err(Code::IndexUnreachable));
    sim.set_network(false);
    assert_eq!(code(&sim), Err(Code::IndexUnreachable));
}

#[test]
fn an_index_that_refuses_has_not_said_that_it_lacks_anything() {
    let sim = machine();
    sim.serve_response(format!("{INDEX}/six/"), SimResponse::Status(403));
    let snapshot = snapshot(vec![distribution("six", "1.16.0")]);
    let found = look(&sim, &snapshot, false);
    assert!(matches!(&found[0], Origin::Version { .. }), "{found:?}");
    // uv looks it up by its version then.
    assert_eq!(
        recipe(&snapshot.distributions, &found).notes.versions,
        ["six==1.16.0"]
    );
}

#[test]
fn offline_only_what_is_kept_counts_and_our_module_is_never_looked_up() {
    let sim = machine();
    page(&sim, "six", &["six-1.16.0-py3-none-any.whl"]);
    // Somebody else's package of that name must never be taken for the module.
    page(&sim, "deskside", &["deskside-0.1.0-py3-none-any.whl"]);
    let mut kept = distribution("idna", "3.7");
    kept.kept = Some(Kept {
        file: "idna-3.7-py3-none-any.whl".into(),
        sha256: HASH.into(),
    });
    let snapshot = snapshot(vec![
        distribution("deskside", "0.1.0"),
        kept,
        distribution("six", "1.16.0"),
    ]);
    sim.put_file(
        format!("/store/wheels/{HASH}/idna-3.7-py3-none-any.whl"),
        "zip",
    );
    let offline = look(&sim, &snapshot, true);
    assert!(matches!(
        offline.as_slice(),
        [Origin::NotKept, Origin::Lying { .. }, Origin::NotKept]
    ));
    let problem = require(&sim, &snapshot, &offline, &Fetching::default()).unwrap_err();
    assert_eq!(problem.causes, ["no wheel of six 1.16.0 is kept"]);
    let online = look(&sim, &snapshot, false);
    assert!(matches!(
        online.as_slice(),
        [Origin::NotKept, Origin::Lying { .. }, Origin::Files { .. }]
    ));
    require(&sim, &snapshot, &online, &Fetching::default()).unwrap();
}
