//! What is done to jobs: stop, pause, resume, move, hold, release, remove.

use crate::{Answer, Context};
use deskside_machine::{Acting, Effect};
use deskside_runs::queue::{JobState, Move, Queue, Row, vault};
use deskside_runs::stop::{StoppedJob, end_survivors, stand_still, stop};
use deskside_runs::supervise::GRACE;
use deskside_track::{Store, truth};
use deskside_types::run::RunState;
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// End it: asked first, killed after the grace.
    Stop(Option<Duration>),
    /// Let it stand still.
    Pause,
    /// Let it go on.
    Resume,
    /// Keep it from starting.
    Hold,
    /// Let it start.
    Release,
    /// Take it out of the queue.
    Remove,
    /// Move it.
    Move(MoveTo),
    /// Give it another priority.
    Priority(i32),
}

/// Where a job is moved to, in a person's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveTo {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Before another.
    Before(String),
    /// Behind another.
    Behind(String),
}

/// The answer of what is done to jobs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ActReport {
    /// What was done, in order.
    pub jobs: Vec<Acted>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for ActReport {
    const SCHEMA: &'static str = "deskside.queue-act";
}

/// What was done to one job.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Acted {
    /// Its number; none of a run in the foreground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Its name.
    pub name: String,
    /// What was done, in a word or two.
    pub done: String,
}

/// Does something to jobs, one after the other.
///
/// # Errors
/// The first that can't be done; those before it are done.
pub fn act(context: &Context, jobs: &[String], action: &Action) -> Result<ActReport> {
    context.require_live("queue")?;
    let mut report = ActReport::default();
    for text in jobs {
        report.jobs.push(one(context, text, action)?);
    }
    report.warnings.extend(super::advance(context));
    Ok(report)
}

fn one(context: &Context, text: &str, action: &Action) -> Result<Acted> {
    let machine = &*context.machine;
    let Some(row) = super::job(context, text)? else {
        if let Action::Stop(grace) = action {
            return stop_foreground(context, text, *grace);
        }
        return Err(
            Problem::new(Code::JobUnknown, format!("there is no job {text}"))
                .hint("see what waits: `deskside queue`; what runs: `deskside ps`"),
        );
    };
    let number = row.number;
    let queue = || Queue::open(machine, &context.directories);
    let done = match action {
        Action::Stop(grace) => match stop(
            machine,
            &context.directories,
            number,
            *grace,
            "stopped by a person",
        )? {
            StoppedJob::Removed => "taken out of the queue",
            StoppedJob::Ended => "stopped",
            StoppedJob::LeftOvers => "ended: what its dead supervisor left behind",
            StoppedJob::Already => "was over already",
        },
        Action::Pause => {
            stand_still(machine, &context.directories, number, true)?;
            "paused: it keeps its memory and its cards"
        }
        Action::Resume => {
            stand_still(machine, &context.directories, number, false)?;
            "goes on"
        }
        Action::Hold => {
            queue()?.hold(number)?;
            "held"
        }
        Action::Release => {
            renew_variables(context, &row)?;
            queue()?.release(number)?;
            "released"
        }
        Action::Remove => {
            queue()?.remove(number)?;
            "taken out of the queue"
        }
        Action::Priority(priority) => {
            queue()?.set_priority(number, *priority)?;
            "has another priority"
        }
        Action::Move(to) => {
            let other = |text: &str| {
                super::job(context, text)?
                    .map(|row| row.number)
                    .ok_or_else(|| {
                        Problem::new(Code::JobUnknown, format!("there is no job {text}"))
                            .hint("see what waits: `deskside queue`")
                    })
            };
            let to = match to {
                MoveTo::First => Move::First,
                MoveTo::Last => Move::Last,
                MoveTo::Before(text) => Move::Before(other(text)?),
                MoveTo::Behind(text) => Move::Behind(other(text)?),
            };
            queue()?.move_job(number, to)?;
            "moved"
        }
    };
    Ok(Acted {
        number: Some(number),
        name: row.name,
        done: done.into(),
    })
}

/// A held job may be held because a variable was kept in memory only and is gone: this shell's are taken.
fn renew_variables(context: &Context, row: &Row) -> Result<()> {
    if row.state != JobState::Held {
        return Ok(());
    }
    let machine = &*context.machine;
    let mut queue = Queue::open(machine, &context.directories)?;
    let (_, surroundings) = queue.spec(row.number)?;
    match vault::renewed(machine, &surroundings)? {
        Some(surroundings) => queue.set_surroundings(row.number, &surroundings),
        None => Ok(()),
    }
}

/// A run in the foreground of another terminal is asked through the process that watches it. Where that was killed, what it left
/// is ended.
fn stop_foreground(context: &Context, text: &str, grace: Option<Duration>) -> Result<Acted> {
    let machine = &*context.machine;
    let store = Store::new(machine, &context.directories);
    let id = store.find(text)?;
    let folder = store.folder(&id);
    let of_job = store
        .read(&id)
        .ok()
        .and_then(|run| run.tags.get("job").cloned());
    if let Some(job) = of_job {
        return Err(Problem::new(
            Code::JobState,
            format!("run {id} is of job {job}, and is stopped as that"),
        )
        .hint(format!("deskside stop {job}")));
    }
    let state = truth(machine, &folder)?.state;
    let grace = grace.unwrap_or(GRACE);
    let acted = |done: &str| Acted {
        number: None,
        name: id.0.clone(),
        done: done.into(),
    };
    match &state {
        RunState::Running {
            supervisor: Some(supervisor),
            ..
        } => {
            machine.effect(&Effect::Signal {
                pid: supervisor.pid,
                start_time: supervisor.start_time,
                signal: 15,
            })?;
            // Whoever runs it passes that on to the command alone; all that the command started ends, too.
            let ended = end_survivors(machine, &folder, grace, &format!("run {id}"))?;
            return Ok(acted(if ended > 0 {
                "stopped"
            } else {
                "asked to stop"
            }));
        }
        // What a run left behind goes by its mark, however the run itself ended.
        _ => {
            if end_survivors(machine, &folder, grace, &format!("run {id}"))? > 0 {
                truth(machine, &folder)?;
                return Ok(acted("ended: what was left of it"));
            }
        }
    }
    Err(Problem::new(
        Code::JobState,
        format!("run {id} can't be stopped: it is {}", state.word()),
    )
    .hint("see what runs: `deskside ps`"))
}

/// Says, or sets, how many jobs without a claim of cards run at once.
///
/// # Errors
/// When the queue can't be read or written.
pub fn slots(context: &Context, slots: Option<u32>) -> Result<super::QueueReport> {
    if let Some(slots) = slots {
        context.require_live("queue slots")?;
        Queue::open(&*context.machine, &context.directories)?.set_slots(slots)?;
    }
    super::list(context, 20, false)
}

/// The answer of `queue cards`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct CardsReport {
    /// The cards, in the order of their places.
    pub cards: Vec<CardRow>,
}

impl Answer for CardsReport {
    const SCHEMA: &'static str = "deskside.queue-cards";
}

/// One card as the queue sees it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CardRow {
    /// Its place, as `queue cards` takes it.
    pub place: usize,
    /// Its identity, by which jobs are bound to it.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its memory in bytes.
    pub memory_total: u64,
    /// What is in use, by whomever.
    pub memory_used: u64,
    /// What jobs of the queue hold, where the driver tells.
    pub memory_of_jobs: u64,
    /// Somebody else computes on it: a notebook, another person.
    pub others: bool,
    /// Its mode lets one process on it only.
    pub exclusive: bool,
}

/// Says which cards there are, or sets which of them the queue may use and in which order.
///
/// # Errors
/// [`Code::ClaimImpossible`] when the cards can't be read, or one that is named is not there.
pub fn cards(context: &Context, places: Option<&[String]>) -> Result<CardsReport> {
    let machine = &*context.machine;
    let queue = Queue::open(machine, &context.directories)?;
    let live = queue.live()?;
    drop(queue);
    let cards = deskside_runs::supervise::cards(machine, &live).ok_or_else(|| {
        Problem::new(
            Code::ClaimImpossible,
            "the queue can see no card of this machine",
        )
        .hint("`deskside info` says which there are, and what is lacking")
    })?;
    if let Some(places) = places {
        context.require_live("queue cards")?;
        let mut chosen = Vec::new();
        for text in places.iter().filter(|text| *text != "all") {
            let by_place = text
                .parse::<usize>()
                .ok()
                .and_then(|place| cards.get(place));
            let card = by_place.or_else(|| cards.iter().find(|card| card.uuid == *text));
            let card = card.ok_or_else(|| {
                Problem::new(Code::ClaimImpossible, format!("there is no card {text}"))
                    .hint("`deskside queue cards` lists them with their places")
            })?;
            chosen.push(card.uuid.clone());
        }
        Queue::open(machine, &context.directories)?.set_cards(&chosen)?;
        super::advance(context);
    }
    Ok(CardsReport {
        cards: cards
            .into_iter()
            .enumerate()
            .map(|(place, card)| CardRow {
                place,
                memory_of_jobs: card.held.values().sum(),
                uuid: card.uuid,
                name: card.name,
                memory_total: card.total,
                memory_used: card.used,
                others: card.others,
                exclusive: card.exclusive,
            })
            .collect(),
    })
}
