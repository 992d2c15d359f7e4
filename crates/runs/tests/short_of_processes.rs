//! Where no further process can be started, jobs wait, and whoever keeps them stays.
//!
//! One test: a supervisor collects every child of its process, so that nothing else may run in it meanwhile.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]

use deskside_machine::supervise::{Bell, Command, Gate, Supervision};
use deskside_machine::{
    Answer, Child, Directories, DoorError, Effect, ErrorKind, Held, Host, Launch, Machine,
    Progress, Question, Reading,
};
use deskside_runs::queue::{JobState, New, Queue, Row, Spec, Surroundings, Word};
use deskside_runs::{keeper, supervise};
use deskside_types::run::ProcessIdentity;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// This machine, which starts no process the first so many times; nothing it starts apart is started really, and nobody waits
/// for longer than a moment.
struct Scarce {
    host: Host,
    /// How many commands, and how many processes of ours, can't be started yet.
    commands: AtomicUsize,
    apart: AtomicUsize,
    /// What was started apart.
    started: Mutex<Vec<String>>,
    /// Called when a process of ours could be started.
    then: Box<dyn Fn() + Send + Sync>,
}

impl Scarce {
    fn new(commands: usize, apart: usize, then: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            host: Host::new(),
            commands: AtomicUsize::new(commands),
            apart: AtomicUsize::new(apart),
            started: Mutex::default(),
            then: Box::new(then),
        }
    }

    fn control(&self) -> &dyn Supervision {
        self.host.supervision().unwrap()
    }
}

/// Whether it is to fail once more.
fn fails(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

fn none_left(what: &str) -> DoorError {
    DoorError::new(
        ErrorKind::Shortage,
        what,
        "no further process can be started",
    )
}

impl Machine for Scarce {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.host.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if let Effect::Sleep { .. } = effect {
            let span = Duration::from_millis(5);
            return self.host.act(&Effect::Sleep { span }, watch);
        }
        self.host.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.host.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.host.launch(launch)
    }

    fn supervision(&self) -> Option<&dyn Supervision> {
        Some(self)
    }

    fn is_here(&self) -> bool {
        true
    }
}

impl Supervision for Scarce {
    fn become_supervisor(&self) -> Result<(), DoorError> {
        self.control().become_supervisor()
    }

    fn is_asked_to_end(&self) -> bool {
        self.control().is_asked_to_end()
    }

    fn prepare(&self, command: &Command) -> Result<Box<dyn Gate>, DoorError> {
        if fails(&self.commands) {
            return Err(none_left("start sh"));
        }
        self.control().prepare(command)
    }

    fn detach(&self, arguments: &[&str]) -> Result<ProcessIdentity, DoorError> {
        if fails(&self.apart) {
            return Err(none_left("start deskside"));
        }
        self.started.lock().unwrap().push(arguments.join(" "));
        (self.then)();
        self.host.own_process()
    }

    fn await_lock(&self, path: &Path) -> Result<Box<dyn Held>, DoorError> {
        self.control().await_lock(path)
    }

    fn bell(&self, path: &Path) -> Result<Box<dyn Bell>, DoorError> {
        self.control().bell(path)
    }

    fn ring(&self, path: &Path) -> Result<bool, DoorError> {
        self.control().ring(path)
    }
}

fn directories(home: &Path) -> Directories {
    let under = |name: &str| home.join(name);
    Directories {
        home: home.into(),
        config: under("config"),
        data: under("data"),
        state: under("state"),
        cache: under("cache"),
        projects: under("projects"),
    }
}

fn job(script: &str, ready_at: i64) -> New {
    New {
        spec: Spec {
            argv: ["sh", "-c", script]
                .map(|word| Word::Text(word.into()))
                .into(),
            ..Spec::default()
        },
        ready_at,
        ..New::default()
    }
}

fn add(directories: &Directories, jobs: &[New]) {
    let host = Host::new();
    let surroundings = Surroundings {
        directory: directories.home.clone(),
        variables: [("PATH".to_string(), "/usr/bin:/bin".to_string())].into(),
        ..Surroundings::default()
    };
    let mut queue = Queue::open(&host, directories).unwrap();
    queue.add(&surroundings, jobs).unwrap();
}

fn rows(directories: &Directories, count: i64) -> Vec<Row> {
    let host = Host::new();
    let queue = Queue::open(&host, directories).unwrap();
    (1..=count)
        .map(|number| queue.row(number).unwrap())
        .collect()
}

#[test]
fn jobs_wait_and_nobody_leaves_them() {
    the_command_can_not_be_started();
    nobody_else_can_be_started();
    the_keeper_stays();
}

/// It failed at once before, and the next one behind it.
fn the_command_can_not_be_started() {
    let home = tempfile::tempdir().unwrap();
    let directories = directories(home.path());
    add(
        &directories,
        &[job("true", 0), job("true", 0), job("echo ran > ran", 0)],
    );
    let machine = Scarce::new(2, 0, || {});
    let now = machine.now().unwrap().wall.as_millisecond();
    supervise::supervise(&machine, &directories).unwrap();
    let rows = rows(&directories, 3);
    for row in &rows[..2] {
        assert_eq!((row.state, row.attempt), (JobState::Waiting, 0), "{row:?}");
        assert!(
            row.ready_at > now + 10_000,
            "it is tried again, and not at once"
        );
        let reason = row.reason.as_deref().unwrap();
        assert!(reason.contains("no further process"), "{reason}");
    }
    assert_eq!(
        rows[2].outcome.as_deref(),
        Some("finished"),
        "{:?}",
        rows[2]
    );
    assert!(machine.exists(home.path().join("ran")).unwrap());
    assert_eq!(
        *machine.started.lock().unwrap(),
        [keeper::COMMAND; 2],
        "somebody knows of what waits"
    );
}

/// The job that was claimed runs all the same, and the keeper is started as soon as that can be.
fn nobody_else_can_be_started() {
    let home = tempfile::tempdir().unwrap();
    let directories = directories(home.path());
    let later = Host::new().now().unwrap().wall.as_millisecond() + 3_600_000;
    add(
        &directories,
        &[job("sleep 0.1; echo ran > ran", 0), job("true", later)],
    );
    let machine = Scarce::new(0, 4, || {});
    supervise::supervise(&machine, &directories).unwrap();
    let rows = rows(&directories, 2);
    assert_eq!(
        rows[0].outcome.as_deref(),
        Some("finished"),
        "{:?}",
        rows[0]
    );
    assert_eq!(rows[1].state, JobState::Waiting);
    assert_eq!(*machine.started.lock().unwrap(), [keeper::COMMAND]);
}

/// It ended before, and its deputy behind it: what waited was forgotten.
fn the_keeper_stays() {
    let home = tempfile::tempdir().unwrap();
    let of_home = directories(home.path());
    add(&of_home, &[job("true", 0)]);
    let seen = of_home.clone();
    let machine = Scarce::new(0, 3, move || {
        // As if a supervisor had run it.
        let host = Host::new();
        let _ = Queue::open(&host, &seen).unwrap().remove(1);
        let control = host.supervision().unwrap();
        control.ring(&seen.queue().join("bell")).unwrap();
    });
    keeper::keep(&machine, &of_home).unwrap();
    assert_eq!(machine.apart.load(Ordering::SeqCst), 0);
    assert!(!machine.started.lock().unwrap().is_empty());
    assert_eq!(rows(&of_home, 1)[0].state, JobState::Ended);
}
