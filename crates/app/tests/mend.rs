//! From a finding to a machine that is mended: the recipe becomes a plan, the plan is carried out by the same engine as
//! every other, and the check, made again, no longer finds it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_app::Context;
use deskside_app::doctor::fix::{Mend, mend, reason};
use deskside_app::doctor::{Confidence, DoctorReport, DoctorRequest, Finding, doctor};
use deskside_operate::root::{Direct, STATE};
use deskside_operate::{NoDomain, Workshop, apply};
use deskside_testkit::{Sim, apt};
use deskside_types::plan::Plan;

/// A machine whose person is root, with apt and dpkg.
fn machine() -> Sim {
    let sim = Sim::linux();
    apt::put(&sim, vec![apt::Package::new("tool", "1.0")]);
    sim.change(|state| state.person.uid = 0);
    sim.put_file(
        "/etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n",
    )
    .put_directory("/var/lib/dpkg/updates");
    sim
}

fn examined(context: &Context) -> DoctorReport {
    doctor(context, &DoctorRequest::default()).unwrap()
}

fn found<'a>(report: &'a DoctorReport, id: &str) -> Option<&'a Finding> {
    report.diagnosis.findings.iter().find(|one| one.id == id)
}

fn planned(context: &Context, finding: &Finding) -> Plan {
    match mend(context, finding).unwrap() {
        Some(Mend::Plan(plan)) => *plan,
        other => panic!("{other:?}"),
    }
}

fn carried_out(sim: &Sim, plan: &Plan) {
    let machine = sim.shared();
    let root = Direct { machine: &*machine };
    let workshop = Workshop {
        machine: &*machine,
        domain: &NoDomain,
        state: STATE.into(),
        root: Some(&root),
    };
    apply(&workshop, plan, &mut |_| {}).unwrap();
}

#[test]
fn an_interrupted_dpkg_is_found_finished_and_not_found_again() {
    let sim = machine();
    let context = Context::here(sim.shared()).unwrap();
    assert_eq!(found(&examined(&context), "dpkg-interrupted"), None);
    sim.put_file("/var/lib/dpkg/updates/0001", "");
    let report = examined(&context);
    let finding = found(&report, "dpkg-interrupted").unwrap();
    assert_eq!(finding.confidence, Confidence::Proven);
    assert_eq!(reason(finding), None);
    carried_out(&sim, &planned(&context, finding));
    assert_eq!(found(&examined(&context), "dpkg-interrupted"), None);
}

#[test]
fn looking_changes_nothing() {
    let sim = machine();
    sim.put_file("/var/lib/dpkg/updates/0001", "");
    let context = Context::here(sim.shared()).unwrap();
    let before = sim.tree();
    examined(&context);
    assert_eq!(sim.tree(), before);
}

#[test]
fn what_is_not_proven_or_is_a_persons_is_not_carried_out() {
    let sim = machine();
    sim.put_file("/var/lib/dpkg/updates/0001", "");
    let context = Context::here(sim.shared()).unwrap();
    let report = examined(&context);
    let mut finding = found(&report, "dpkg-interrupted").unwrap().clone();
    finding.confidence = Confidence::Likely;
    assert!(reason(&finding).unwrap().contains("not proven"));
    assert_eq!(mend(&context, &finding).unwrap(), None);
    finding.confidence = Confidence::Proven;
    finding.fix.as_mut().unwrap().by_hand = Some("a plug is loose".into());
    assert!(reason(&finding).unwrap().contains("a plug is loose"));
    finding.fix = None;
    assert_eq!(mend(&context, &finding).unwrap(), None);
}
