//! Damaged machines: truncated, garbled, denied and silent sources never make the probe panic.
#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::bundle::{Bundle, CommandRecord, Node, Outcome};
use deskside_machine::wrappers::Replay;
use deskside_machine::{ErrorKind, Output};
use deskside_probe::collect;
use deskside_types::Known;
use proptest::prelude::*;
use std::sync::OnceLock;

/// The machines whose sources differ most.
const MACHINES: [&str; 6] = [
    "ubuntu-22.04-rtx-4090",
    "ubuntu-22.04-rx-7900-xtx",
    "mac-studio-m3-ultra",
    "wsl2-rtx-3070",
    "runpod-h100",
    "pop-os-22.04-rtx-3080",
];

fn bundle(index: usize) -> Bundle {
    static BUNDLES: OnceLock<Vec<Bundle>> = OnceLock::new();
    let load = |name: &&str| {
        Bundle::load(format!(
            "{}/../../fixtures/machines/{name}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .unwrap()
    };
    BUNDLES.get_or_init(|| MACHINES.iter().map(load).collect())[index].clone()
}

/// Puts every file's and every command's bytes through a change.
fn changed(mut bundle: Bundle, mut change: impl FnMut(&[u8]) -> Vec<u8>) -> Bundle {
    for node in bundle.tree.values_mut() {
        if let Node::File { contents, .. } = node {
            *contents = change(contents);
        }
    }
    for record in bundle.commands.values_mut() {
        if let CommandRecord::Output(Output { stdout, .. }) = record {
            *stdout = change(stdout);
        }
    }
    bundle
}

/// JSON with some of its values replaced.
fn garbled(value: &mut serde_json::Value, picks: &mut impl Iterator<Item = u8>) {
    match (picks.next().unwrap_or(0), &mut *value) {
        (200.., value) => *value = serde_json::Value::Null,
        (180..200, value) => *value = serde_json::json!(-1.5e300),
        (160..180, value) => *value = serde_json::json!("\u{fffd}::\u{0}"),
        (140..160, value) => *value = serde_json::json!({ "error": "GpuLost" }),
        (120..140, value) => *value = serde_json::json!([[], {}, 1]),
        (_, serde_json::Value::Object(fields)) => {
            fields.values_mut().for_each(|value| garbled(value, picks))
        }
        (_, serde_json::Value::Array(values)) => {
            values.iter_mut().for_each(|value| garbled(value, picks))
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_in_every_source_are_survived(index in 0..MACHINES.len(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        collect(&Replay::new(changed(bundle(index), |_| bytes.clone())));
    }

    #[test]
    fn truncated_sources_are_survived(index in 0..MACHINES.len(), share in 0.0..1.0_f64) {
        collect(&Replay::new(changed(bundle(index), |bytes| bytes[..(bytes.len() as f64 * share) as usize].to_vec())));
    }

    #[test]
    fn flipped_bytes_are_survived(index in 0..MACHINES.len(), step in 1..37_usize, mask in any::<u8>()) {
        collect(&Replay::new(changed(bundle(index), |bytes| {
            bytes.iter().enumerate().map(|(at, byte)| if at % step == 0 { byte ^ mask } else { *byte }).collect()
        })));
    }

    #[test]
    fn a_garbled_device_library_is_survived(index in 0..MACHINES.len(), picks in prop::collection::vec(any::<u8>(), 64)) {
        let mut bundle = bundle(index);
        let mut picks = picks.into_iter();
        for value in bundle.devices.values_mut() {
            garbled(value, &mut picks);
        }
        collect(&Replay::new(bundle));
    }
}

#[test]
fn a_machine_that_says_nothing_leaves_everything_unknown_with_a_reason() {
    for kind in [ErrorKind::Denied, ErrorKind::Timeout, ErrorKind::NotAsked] {
        let mut bundle = Bundle::default();
        bundle.outcomes.insert("/".into(), Outcome::of(kind));
        let facts = collect(&Replay::new(bundle));
        let reasons = [
            facts.system.os.reason(),
            facts.system.architecture.reason(),
            facts.system.glibc.reason(),
            facts.system.boot.reason(),
            facts.system.container.reason(),
            facts.cpu.model.reason(),
            facts.memory.total_bytes.reason(),
            facts.disks.reason(),
            facts.gpus.reason(),
            facts.toolkits.reason(),
            facts.drivers.nvidia.loaded.reason(),
            facts.drivers.nvidia.device_library.reason(),
            facts.drivers.nouveau_loaded.reason(),
        ];
        for (index, reason) in reasons.iter().enumerate() {
            assert!(
                reason.is_some_and(|reason| !reason.is_empty()),
                "{kind:?}: fact {index} is not unknown"
            );
        }
    }
}

#[test]
fn an_empty_machine_has_nothing_and_nothing_is_made_up() {
    let mut bundle = Bundle::default();
    bundle.header.complete.push("/".into());
    bundle.variables.complete = true;
    let facts = collect(&Replay::new(bundle));
    assert_eq!(facts.system.os, Known::Absent);
    assert_eq!(facts.gpus, Known::Value(Vec::new()));
    assert_eq!(facts.drivers.nvidia.device_library, Known::Absent);
    assert!(facts.cpu.model.reason().is_some() && facts.memory.total_bytes.reason().is_some());
    assert!(
        facts.pythons.is_empty()
            && facts.environments.is_empty()
            && facts.tools.is_empty()
            && facts.uv.is_absent()
    );
}
