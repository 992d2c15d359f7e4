//! `space keep`: some checkpoints stay, the others are moved into the trash beside them; `space gc` empties it.

use super::checkpoints::{Checkpoint, Policy, going, is_checkpoint, step};
use super::places::is_trash;
use super::walk::{Part, walk};
use crate::environment::change::workshop;
use crate::runs::folder;
use crate::{Answer, Context};
use deskside_machine::{Acting, Machine, Reading};
use deskside_operate::{apply_in, turn};
use deskside_runs::supervise::survivors;
use deskside_track::segment::{Everything, RunMetrics};
use deskside_track::{Folder, Store, index, truth};
use deskside_types::plan::{Action, Check, PLAN_VERSION, Plan, Risk, Step, Undo};
use deskside_types::run::{RunId, RunState};
use deskside_types::{Code, Problem, Result, units};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was moved into the trash longer ago is removed when more is moved there.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// The answer of `space keep`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KeepReport {
    /// Runs with checkpoints that go.
    pub runs: Vec<RunCheckpoints>,
    /// How many go in all.
    pub going: usize,
    /// How many stay.
    pub staying: usize,
    /// Bytes of those that go. They are free when the trash is emptied, and not before.
    pub bytes: u64,
    /// The operation, as the history names it; none where it was only shown, or nothing goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for KeepReport {
    const SCHEMA: &'static str = "deskside.space-keep";
}

/// One run's checkpoints that go.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunCheckpoints {
    /// The run.
    pub run: String,
    /// Its name.
    pub name: String,
    /// How many stay.
    pub staying: usize,
    /// Paths that go.
    pub going: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
}

/// What is to go, found out.
pub struct PreparedKeep {
    plan: Plan,
    /// As an answer.
    pub report: KeepReport,
}

/// Finds out what would go. Changes nothing.
///
/// # Errors
/// When no run is called that, or one goes on that was named; when runs can't be read.
pub fn prepare(context: &Context, runs: &[String], policy: &Policy) -> Result<PreparedKeep> {
    let machine = &*context.machine;
    let store = Store::new(machine, &context.directories);
    let mut warnings = Vec::new();
    let mut chosen: Vec<(Folder, String)> = Vec::new();
    if runs.is_empty() {
        let listing = store.list(&index::Filter::default())?;
        warnings.extend(listing.warnings);
        for run in listing.runs {
            chosen.push((store.folder(&run.id), run.name));
        }
    }
    for text in runs {
        let folder = folder(context, text)?;
        let name = store
            .read(folder.id())
            .map_or_else(|_| text.clone(), |run| run.name);
        if !rests(machine, &folder, &truth(machine, &folder)?.state) {
            return Err(Problem::new(
                Code::JobState,
                format!(
                    "run {} goes on: its checkpoints are left alone",
                    folder.id()
                ),
            )
            .hint("wait for its end, or stop it"));
        }
        chosen.push((folder, name));
    }
    // What can't be settled may go on.
    chosen.retain(|(folder, _)| {
        truth(machine, folder).is_ok_and(|record| match &record.state {
            // Looked at once more, with all that it started, before anything of it is moved.
            RunState::Finished { .. } => true,
            state => rests(machine, folder, state),
        })
    });
    let roots: Vec<PathBuf> = chosen
        .iter()
        .map(|(folder, _)| folder.path().into())
        .collect();
    let splits =
        |_: usize, path: &Path, is_folder: bool| is_trash(path) || is_checkpoint(path, is_folder);
    let walked = walk(machine, &roots, &splits)?;
    let now = machine.now()?.wall.as_second();
    let (mut found, mut staying) = (Vec::new(), 0);
    for (at, (folder, name)) in chosen.iter().enumerate() {
        let all: Vec<Checkpoint> = walked.parts[roots.len()..]
            .iter()
            .filter(|part| part.root == at && !is_trash(&part.path))
            .map(checkpoint)
            .collect();
        if all.is_empty() {
            continue;
        }
        let values = match &policy.best {
            Some((_, metric, _)) => values(context, folder, metric),
            None => Vec::new(),
        };
        if let (Some((_, metric, _)), true) = (&policy.best, values.is_empty()) {
            // Without values nothing is the best; what a person asked for can't be told, so that nothing goes.
            warnings.push(format!(
                "{name} ({}) logged no {metric}: it is left alone",
                folder.id()
            ));
            staying += all.len();
            continue;
        }
        let gone = going(&all, policy, &values, now);
        staying += all.len() - gone.len();
        if !gone.is_empty() {
            found.push(RunCheckpoints {
                run: folder.id().0.clone(),
                name: name.clone(),
                staying: all.len() - gone.len(),
                bytes: gone.iter().map(|one| one.bytes).sum(),
                going: gone.into_iter().map(|one| one.path).collect(),
            });
        }
    }
    let report = KeepReport {
        going: found.iter().map(|run| run.going.len()).sum(),
        bytes: found.iter().map(|run| run.bytes).sum(),
        staying,
        runs: found,
        operation: None,
        warnings,
    };
    let plan = Plan {
        version: PLAN_VERSION,
        wish: "Move checkpoints into the trash".into(),
        made_at: machine.now()?.wall,
        premises: Vec::new(),
        steps: report.runs.iter().map(a_step).collect(),
        satisfied: Vec::new(),
    };
    Ok(PreparedKeep { plan, report })
}

/// A run that is over, with nothing of it left that still writes: its command's workers may outlive the command.
fn rests(machine: &dyn Machine, folder: &Folder, state: &RunState) -> bool {
    let survives = matches!(state, RunState::ExitUnknown { survivor: Some(_) });
    state.is_over() && !survives && survivors(machine, folder).is_empty()
}

fn checkpoint(part: &Part) -> Checkpoint {
    let name = part
        .path
        .file_stem()
        .map(|name| name.to_string_lossy().to_ascii_lowercase());
    Checkpoint {
        path: part.path.display().to_string(),
        step: name.and_then(|name| step(&name)),
        newest: part.newest,
        bytes: part.bytes,
    }
}

fn values(context: &Context, folder: &Folder, metric: &str) -> Vec<(i64, f64)> {
    let wanted = Everything::only(vec![metric.to_string()]);
    let mut metrics = RunMetrics::new(folder.metrics(), wanted);
    if metrics.refresh(&*context.machine).is_err() {
        return Vec::new();
    }
    let series = metrics.collected.into_series();
    let points = series.into_iter().flat_map(|series| series.points);
    points.map(|point| (point.step, point.value)).collect()
}

/// The action's name says `keep`: the trash is told by it.
fn a_step(run: &RunCheckpoints) -> Step {
    let gone: Vec<Check> = run
        .going
        .iter()
        .map(|path| Check::Absent { path: path.clone() })
        .collect();
    Step {
        id: format!("keep-{}", run.run),
        title: format!(
            "Move {} of {} into the trash",
            units::count(run.going.len(), "checkpoint"),
            run.name
        ),
        why: format!("{} stay", run.staying),
        check: gone.clone(),
        actions: run
            .going
            .iter()
            .map(|path| Action::Remove { path: path.clone() })
            .collect(),
        verify: gone,
        undo: Undo::BestEffort {
            why: "until the trash is emptied".into(),
        },
        risk: Risk::Moderate,
        ..Step::simple()
    }
}

/// Moves what was found; what has been in the trash for a month goes.
///
/// # Errors
/// When another command changes this machine, or something can't be moved: the same command goes on from there.
pub fn carry_out(context: &Context, prepared: &PreparedKeep) -> Result<KeepReport> {
    context.require_live("space keep")?;
    let workshop = workshop(context);
    let turn = turn(&workshop)?;
    let store = Store::new(&*context.machine, &context.directories);
    for run in &prepared.report.runs {
        // It may have been begun anew since it was looked at.
        let folder = store.folder(&RunId(run.run.clone()));
        if !rests(
            &*context.machine,
            &folder,
            &truth(&*context.machine, &folder)?.state,
        ) {
            return Err(Problem::new(
                Code::JobState,
                format!("run {} goes on: nothing was moved", run.run),
            )
            .hint("wait for its end, or stop it"));
        }
    }
    let applied = apply_in(&turn, &workshop, &prepared.plan, &mut |_| {})?;
    let mut report = prepared.report.clone();
    report.operation = applied.operation.map(|id| id.0);
    let old = trash(context, Some(KEPT))?;
    if old.count > 0 {
        remove(context, &old)?;
        report.warnings.push(format!(
            "{} that were in the trash for thirty days are gone: {} are free",
            units::count(old.count, "thing"),
            units::bytes(old.bytes)
        ));
    }
    Ok(report)
}

/// The answer of `space gc`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct GcReport {
    /// How many things go, or went.
    pub count: usize,
    /// Bytes that are free then.
    pub bytes: u64,
    /// Where they lie.
    pub paths: Vec<String>,
    /// They are gone; else it was only shown.
    pub gone: bool,
}

impl Answer for GcReport {
    const SCHEMA: &'static str = "deskside.space-gc";
}

/// What lies in the trash; with a span only what was moved there longer ago.
///
/// # Errors
/// On Ctrl-C; when the clock can't be read.
pub fn trash(context: &Context, older_than: Option<Duration>) -> Result<GcReport> {
    let machine = &*context.machine;
    let roots = [context.directories.runs()];
    let walked = walk(machine, &roots, &|_, path, _| is_trash(path))?;
    let now = machine.now()?.wall;
    let mut report = GcReport::default();
    for part in &walked.parts[1..] {
        let is_old = older_than.is_none_or(|span| {
            moved_at(&part.path).is_some_and(|at| {
                u64::try_from(now.as_second() - at.as_second())
                    .is_ok_and(|age| age > span.as_secs())
            })
        });
        if is_old {
            report.count += 1;
            report.bytes += part.frees;
            report.paths.push(part.path.display().to_string());
        }
    }
    Ok(report)
}

/// When an operation moved something, by the operation's own name, which begins with its moment.
fn moved_at(path: &Path) -> Option<jiff::Timestamp> {
    let name = path.file_name()?.to_str()?;
    let stamp = name.rsplit_once(".deskside-")?.1.get(..15)?;
    let moment = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", stamp).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(moment).ok()
}

/// Empties the trash, as it was shown.
///
/// # Errors
/// When something can't be removed; the rest goes with the next call.
pub fn empty(context: &Context, shown: &GcReport) -> Result<GcReport> {
    context.require_live("space gc")?;
    let workshop = workshop(context);
    let _turn = turn(&workshop)?;
    remove(context, shown)?;
    Ok(GcReport {
        gone: true,
        ..shown.clone()
    })
}

fn remove(context: &Context, shown: &GcReport) -> Result<()> {
    for path in &shown.paths {
        let path = Path::new(path);
        // Only what an operation of this program named.
        if is_trash(path) {
            context.machine.remove_tree(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    fn machine() -> (Sim, Context, PathBuf) {
        let sim = Sim::linux();
        let context = Context::here(sim.shared()).unwrap();
        let id = "20261125-150102-k7mq";
        let run = context.directories.runs().join(id);
        let at = "2026-11-25T15:01:02Z";
        sim.put_file(
            run.join("run.toml"),
            format!("version = 1\nid = \"{id}\"\nname = \"base\"\nexperiment = \"default\"\ncreated_at = \"{at}\"\nargv = [\"a\"]\nworking_directory = \"/\"\n[place]\nkind = \"here\"\n"),
        );
        sim.put_file(
            run.join("state"),
            format!(
                "state = \"finished\"\nexit_code = 0\nstarted_at = \"{at}\"\nended_at = \"{at}\"\n"
            ),
        );
        for step in [100, 200, 300] {
            sim.put_file(
                run.join(format!("artifacts/checkpoint-{step}/weights")),
                vec![7; 6 << 20],
            );
        }
        (sim, context, run)
    }

    const LAST_ONE: Policy = Policy {
        last: Some(1),
        best: None,
        newer_than: None,
    };

    #[test]
    fn what_goes_comes_back_until_the_trash_is_emptied() {
        let (sim, context, run) = machine();
        let prepared = prepare(&context, &[], &LAST_ONE).unwrap();
        assert_eq!(
            (prepared.report.going, prepared.report.staying),
            (2, 1),
            "{:?}",
            prepared.report
        );
        let there = |step: u32| {
            sim.exists(run.join(format!("artifacts/checkpoint-{step}/weights")))
                .unwrap()
        };
        assert!(there(100), "preparing changes nothing");
        let kept = carry_out(&context, &prepared).unwrap();
        assert!(!there(100) && !there(200) && there(300));
        let lies = trash(&context, None).unwrap();
        assert_eq!((lies.count, lies.bytes), (2, 12 << 20));
        crate::undo::undo(&context, kept.operation.as_deref(), &mut |_| {}).unwrap();
        assert!(there(100) && there(200) && there(300));
        assert_eq!(trash(&context, None).unwrap().count, 0);
        let again = prepare(&context, &["base".into()], &LAST_ONE).unwrap();
        carry_out(&context, &again).unwrap();
        assert_eq!(
            trash(&context, Some(Duration::from_secs(86_400)))
                .unwrap()
                .count,
            0,
            "too young"
        );
        let emptied = empty(&context, &trash(&context, None).unwrap()).unwrap();
        assert!(emptied.gone && !there(100) && there(300));
        assert_eq!(trash(&context, None).unwrap().count, 0);
        // What is gone for good is not said to be back.
        let undone = crate::undo::undo(&context, None, &mut |_| {}).unwrap();
        let said = serde_json::to_string(&undone).unwrap();
        assert!(said.contains("checkpoint-100 is gone for good"), "{said}");
    }

    /// They lie where `space gc` finds them, and nowhere else.
    #[test]
    fn small_files_are_moved_like_large_ones() {
        let (sim, context, run) = machine();
        for step in [100, 200, 300] {
            sim.put_file(
                run.join(format!("artifacts/model_{step}.pt")),
                vec![7; 1000],
            );
        }
        let kept = carry_out(&context, &prepare(&context, &[], &LAST_ONE).unwrap()).unwrap();
        let lies = trash(&context, None).unwrap();
        assert_eq!((lies.count, lies.bytes), (4, (12 << 20) + 2000));
        assert!(!sim.exists(context.directories.state.join("kept")).unwrap());
        crate::undo::undo(&context, kept.operation.as_deref(), &mut |_| {}).unwrap();
        assert!(sim.exists(run.join("artifacts/model_100.pt")).unwrap());
        assert_eq!(trash(&context, None).unwrap().count, 0);
    }

    #[test]
    fn a_month_later_the_trash_goes_by_itself() {
        let (sim, context, run) = machine();
        carry_out(&context, &prepare(&context, &[], &LAST_ONE).unwrap()).unwrap();
        sim.advance(Duration::from_secs(31 * 86_400));
        sim.put_file(
            run.join("artifacts/checkpoint-400/weights"),
            vec![7; 6 << 20],
        );
        let report = carry_out(&context, &prepare(&context, &[], &LAST_ONE).unwrap()).unwrap();
        assert!(
            report
                .warnings
                .iter()
                .any(|warning| warning.contains("thirty days")),
            "{report:?}"
        );
        assert_eq!(trash(&context, None).unwrap().count, 1);
    }

    #[test]
    fn a_run_that_goes_on_and_a_metric_that_is_not_there_keep_everything() {
        let (sim, context, run) = machine();
        let best = Policy {
            best: Some((1, "eval/loss".into(), false)),
            ..Policy::default()
        };
        let prepared = prepare(&context, &[], &best).unwrap();
        assert_eq!(prepared.report.going, 0);
        assert!(
            prepared
                .report
                .warnings
                .iter()
                .any(|warning| warning.contains("eval/loss"))
        );
        let pid = sim.change(|state| state.start_process());
        let start = sim.process(pid).unwrap().unwrap();
        let boot = sim.boot_id();
        sim.put_file(
            run.join("state"),
            format!("state = \"running\"\nstarted_at = \"2026-11-25T15:01:02Z\"\n[process]\npid = {pid}\nstart_time = {start}\nboot_id = \"{boot}\"\n"),
        );
        assert_eq!(prepare(&context, &[], &LAST_ONE).unwrap().report.going, 0);
        assert_eq!(
            prepare(&context, &["base".into()], &LAST_ONE)
                .err()
                .unwrap()
                .code,
            Code::JobState
        );
    }
}
