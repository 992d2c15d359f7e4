//! The keeper: one small process that sleeps while jobs run or wait.
//!
//! It wakes when its bell rings, a supervisor (or what is left of a lost job) ends, a time comes, or the wall clock is set. Then
//! it settles what died and starts what can start. Who holds its lock is the keeper; a second process sleeps on that lock (the
//! deputy), so that a killed keeper is followed at once, and a killed deputy is replaced by the keeper. Both end when
//! nothing goes on.

use crate::awake::Awake;
use crate::queue::{JobState, Queue, Row, Settled, Turn, bell, deputy_lock, keeper_lock, vault};
use crate::schedule::zone;
use crate::session;
use crate::supervise::{TRY_AGAIN, cards, control, passes, see_to, told};
use crate::sweep;
use deskside_machine::supervise::{Bell, Supervision};
use deskside_machine::{Acting, Directories, Effect, ErrorKind, Held, Machine, Moment, Reading};
use deskside_types::Result;
use deskside_types::run::ProcessIdentity;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::time::Duration;

/// The hidden word that makes this program a keeper.
pub const COMMAND: &str = "__keeper";

/// After so many tries a queue that can't be read is given up.
const MOST_FAILURES: u32 = 1800;

/// After so many a file that can't even be opened is given up.
const FEW_FAILURES: u32 = 30;

/// What was settled, what goes on, what is to be started, and the sweeps that go on.
type Looked = (Vec<Settled>, Vec<Row>, Turn, Vec<String>);

/// Lock and bell, let go of in this order.
type Listening = (Box<dyn Held>, Box<dyn Bell>);

/// A process that should be there is looked for again after that.
const SOON: Duration = Duration::from_millis(600);

/// How often cards are looked at that programs of somebody else hold: their memory tells nobody when it is freed.
const LOOK_AT_CARDS: Duration = Duration::from_secs(15);

/// Within that a shutdown has asked everybody to end.
const SHUTDOWN: Duration = Duration::from_millis(300);

/// Rings the keeper's bell; where nobody listens, starts a keeper. Whether one listened.
///
/// # Errors
/// When no process can be started.
pub(crate) fn ensure(directories: &Directories, control: &dyn Supervision) -> Result<bool> {
    let listens = control.ring(&bell(directories))?;
    if !listens {
        control.detach(&[COMMAND])?;
    }
    Ok(listens)
}

/// Keeps the queue, or waits to become its keeper, or ends at once where both are there.
///
/// # Errors
/// As the queue's file and the machine say.
pub fn keep(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    let control = control(machine)?;
    session::leave(machine);
    let held = match machine.lock(&keeper_lock(directories), Duration::ZERO) {
        Ok(held) => held,
        Err(error) if error.kind == ErrorKind::Busy => {
            let deputy = machine.lock(&deputy_lock(directories), Duration::ZERO);
            let _deputy = match deputy {
                Ok(deputy) => deputy,
                Err(error) if error.kind == ErrorKind::Busy => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let held = control.await_lock(&keeper_lock(directories))?;
            // Where the keeper was ended in a shutdown, this process's turn comes in a moment: nothing begins on the way down.
            machine.effect(&Effect::Sleep { span: SHUTDOWN })?;
            held
        }
        Err(error) => return Err(error.into()),
    };
    watch(machine, directories, control, held)
}

fn watch(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    held: Box<dyn Held>,
) -> Result<()> {
    if is_gone(machine, directories) {
        return Ok(());
    }
    let mut queue = open(machine, directories)?;
    let mut held = Some(held);
    // A deputy that follows a keeper whose work is done has none either. What can't be told goes on.
    let idle = queue.if_nothing_goes_on(|| held = None);
    let (false, Some(held)) = (idle.unwrap_or(false), held) else {
        return Ok(());
    };
    // The deputy first: whoever finds somebody listening leaves everything to them, so that there must be two.
    // One that can't be started now is started later: without a keeper, what waits would wait for ever.
    let mut deputy = find_deputy(machine, directories, control).unwrap_or_default();
    let mut deputy_at = machine.now()?.monotonic;
    let mut listening: Option<Listening> = Some((held, control.bell(&bell(directories))?));
    let zone = zone(machine);
    let mut failures = 0;
    let mut awake = Awake::default();
    let mut started = sweep::Started::default();
    loop {
        if is_gone(machine, directories) {
            return Ok(());
        }
        let looked = look(machine, directories, &mut queue, &zone, &mut listening);
        let (settled, live, turn, sweeps) = match looked {
            Ok(Some(looked)) => looked,
            Ok(None) => return Ok(()),
            // A full disk, a busy file: what waits must not be left without a keeper.
            Err(problem) if passes(&problem) && failures < MOST_FAILURES => {
                failures += 1;
                machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
                continue;
            }
            Err(problem) => return Err(problem),
        };
        failures = 0;
        for one in &settled {
            told(machine, directories, one);
        }
        if !settled.is_empty() {
            sweep::ring_all(directories, control, &queue);
        }
        let jobs_run = live.iter().any(|row| row.state == JobState::Running);
        awake.set(machine, jobs_run || turn.more > 0);
        let starting = turn.more > 0;
        let mut failed = see_to(directories, control, &turn, false).is_err();
        let lives = |process: &ProcessIdentity| machine.is_alive(process).unwrap_or(false);
        if !deputy.as_ref().is_some_and(lives) {
            let now = machine.now()?.monotonic;
            // One that dies as soon as it is started (its program is gone, say) is not followed at once.
            deputy = None;
            if now >= deputy_at + SOON {
                deputy_at = now;
                deputy = find_deputy(machine, directories, control).unwrap_or_else(|_| {
                    failed = true;
                    None
                });
            }
        }
        let (drivers, look_soon) =
            sweep::drivers(machine, directories, control, &sweeps, &mut started).unwrap_or_else(
                |_| {
                    failed = true;
                    Default::default()
                },
            );
        let now = machine.now()?;
        let mut until = turn.plan.wake_at;
        if turn.plan.waits_for_others {
            until = sooner(until, now.wall, LOOK_AT_CARDS);
        }
        if starting {
            // A supervisor that was started and died before it claimed anything has nobody who hears of it.
            until = sooner(until, now.wall, Duration::from_secs(5));
        }
        let running: Vec<ProcessIdentity> =
            live.into_iter().filter_map(|row| row.process).collect();
        // A dead supervisor's job that could not be settled yet wakes nobody when it can be.
        let unsettled = !running.iter().all(lives);
        if failed {
            until = sooner(until, now.wall, TRY_AGAIN);
        } else if deputy.is_none() || look_soon || unsettled {
            until = sooner(until, now.wall, SOON);
        }
        let processes: Vec<ProcessIdentity> = running
            .into_iter()
            .filter(lives)
            .chain(deputy.clone())
            .chain(drivers)
            .collect();
        let moment = until.map(|wall| Moment {
            wall,
            monotonic: Duration::try_from(wall.duration_since(now.wall)).unwrap_or_default(),
        });
        let waited = match &mut listening {
            Some((_, bell)) => bell.wait(&processes, moment),
            None => Ok(()),
        };
        if let Err(error) = waited {
            failures += 1;
            if failures >= MOST_FAILURES {
                return Err(error.into());
            }
            machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
        }
    }
}

/// Whether the folder that this keeper keeps was taken away: nothing waits there any more, and nothing may be made there anew.
fn is_gone(machine: &dyn Machine, directories: &Directories) -> bool {
    let lock = keeper_lock(directories);
    let is_absent = matches!(machine.exists(&lock), Ok(false));
    let is_anothers = || {
        let (Ok(Some(holder)), Ok(own)) = (holder(machine, &lock), machine.own_process()) else {
            return false;
        };
        holder.pid != own.pid
    };
    is_absent || is_anothers()
}

/// The queue's file, as soon as it can be opened.
fn open<'a>(machine: &'a dyn Machine, directories: &'a Directories) -> Result<Queue<'a>> {
    let mut failures = 0;
    loop {
        match Queue::open(machine, directories) {
            Err(problem) if passes(&problem) && failures < FEW_FAILURES => {
                failures += 1;
                machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
            }
            opened => return opened,
        }
    }
}

/// Settles what died and sees what can start. None when nothing goes on: then lock and bell are let go of.
fn look(
    machine: &dyn Machine,
    directories: &Directories,
    queue: &mut Queue<'_>,
    zone: &TimeZone,
    listening: &mut Option<Listening>,
) -> Result<Option<Looked>> {
    let settled = queue.settle()?;
    let live = queue.live()?;
    let cards = if queue.wants_cards()? {
        cards(machine, &live)
    } else {
        None
    };
    let turn = queue.turn(None, None, cards.as_deref(), zone)?;
    if live.is_empty() {
        queue.forget_marks()?;
        vault::forget(machine, &queue.vaults_of_the_past()?);
    }
    // Who adds a job after this finds no bell, and starts another keeper.
    if queue.if_nothing_goes_on(|| *listening = None)? {
        for one in &settled {
            told(machine, directories, one);
        }
        queue.tidy();
        return Ok(None);
    }
    let sweeps = queue.sweeps()?;
    Ok(Some((settled, live, turn, sweeps)))
}

/// The deputy there is, or a new one. None while one is about to say who it is.
fn find_deputy(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
) -> Result<Option<ProcessIdentity>> {
    let path = deputy_lock(directories);
    match machine.lock(&path, Duration::ZERO) {
        Ok(nobody) => {
            drop(nobody);
            Ok(Some(control.detach(&[COMMAND])?))
        }
        Err(error) if error.kind == ErrorKind::Busy => holder(machine, &path),
        Err(error) => Err(error.into()),
    }
}

/// The process that holds a lock. None while it is about to say who it is.
pub(crate) fn holder(machine: &dyn Machine, lock: &Path) -> Result<Option<ProcessIdentity>> {
    // Who holds a lock writes its number into it.
    let pid = machine
        .text(lock)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let Some(pid) = pid else {
        return Ok(None);
    };
    Ok(machine.process(pid)?.map(|start_time| ProcessIdentity {
        pid,
        start_time,
        boot_id: machine.boot_id(),
    }))
}

fn sooner(until: Option<Timestamp>, now: Timestamp, span: Duration) -> Option<Timestamp> {
    let span = SignedDuration::try_from(span).unwrap_or_default();
    let at = now.checked_add(span).unwrap_or(now);
    Some(until.map_or(at, |until| until.min(at)))
}
