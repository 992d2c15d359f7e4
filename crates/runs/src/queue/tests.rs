//! The queue on disk, without any process of its own.

mod asked;
mod clock;
mod marks;
mod settled;

use super::*;
use crate::schedule::Claim;
use deskside_machine::{Host, Reading};
use deskside_types::run::ProcessIdentity;
use jiff::tz::TimeZone;
use std::path::Path;

struct Home {
    folder: tempfile::TempDir,
    host: Host,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            host: Host::new(),
        }
    }

    fn directories(&self) -> Directories {
        let under = |name: &str| self.folder.path().join(name);
        Directories {
            home: under("home"),
            config: under("config"),
            data: under("data"),
            state: under("state"),
            cache: under("cache"),
            projects: under("projects"),
        }
    }

    fn me(&self) -> ProcessIdentity {
        self.host.own_process().unwrap()
    }
}

fn job(command: &str) -> New {
    New {
        spec: Spec {
            argv: command
                .split_whitespace()
                .map(|word| Word::Text(word.into()))
                .collect(),
            ..Spec::default()
        },
        ..New::default()
    }
}

fn with<'a>(home: &'a Home, directories: &'a Directories) -> Queue<'a> {
    Queue::open(&home.host, directories).unwrap()
}

fn claim(queue: &mut Queue<'_>, me: &ProcessIdentity, before: Option<(&Row, &End)>) -> Turn {
    queue.turn(before, Some(me), None, &TimeZone::UTC).unwrap()
}

fn ended(word: &'static str, exit: i32) -> End {
    End::Over(Outcome {
        word,
        exit: Some(exit),
        reason: None,
    })
}

#[test]
fn jobs_come_in_order_and_one_at_a_time() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let jobs: Vec<New> = ["a", "b", "c", "d"].map(job).to_vec();
    let added = queue.add(&Surroundings::default(), &jobs).unwrap();
    let numbers: Vec<i64> = added.iter().map(|job| job.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    queue.set_priority(4, 5).unwrap();
    queue.move_job(3, Move::First).unwrap();
    queue.move_job(1, Move::Behind(2)).unwrap();
    let mut order = Vec::new();
    let mut turn = claim(&mut queue, &me, None);
    assert_eq!(turn.more, 0, "one slot");
    while let Some(claimed) = turn.claimed {
        assert_eq!(claimed.row.state, JobState::Running);
        assert_eq!(claimed.run, claimed.row.id);
        order.push(claimed.row.number);
        turn = claim(&mut queue, &me, Some((&claimed.row, &ended("finished", 0))));
    }
    assert_eq!(order, [4, 3, 2, 1]);
    assert!(!turn.needs_keeper);
    assert_eq!(queue.list(Filter::Ended, 10).unwrap().total, 4);
    queue.set_slots(3).unwrap();
    queue.add(&Surroundings::default(), &jobs).unwrap();
    assert_eq!(claim(&mut queue, &me, None).more, 2);
}

#[test]
fn who_waits_for_whom() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let behind = |of: &[(i64, bool)]| New {
        after: of.to_vec(),
        ..job("x")
    };
    // 1 fails; 2 needs its good end, 3 needs 2's, 4 only the end, 5 nothing.
    let jobs = [
        job("a"),
        behind(&[(-1, true)]),
        behind(&[(-2, true)]),
        behind(&[(-1, false)]),
        job("e"),
    ];
    queue.add(&Surroundings::default(), &jobs).unwrap();
    let first = claim(&mut queue, &me, None).claimed.unwrap();
    let second = claim(&mut queue, &me, Some((&first.row, &ended("finished", 1))))
        .claimed
        .unwrap();
    let state = |queue: &Queue<'_>, number| {
        let row = queue.row(number).unwrap();
        row.outcome.unwrap_or_else(|| row.state.word().into())
    };
    assert_eq!(
        [1, 2, 3, 4].map(|number| state(&queue, number)),
        ["finished", "skipped", "skipped", "running"]
    );
    assert_eq!(second.row.number, 4);
    for (of, good) in [(1, true), (2, true)] {
        let problem = queue
            .add(&Surroundings::default(), &[behind(&[(of, good)])])
            .unwrap_err();
        assert_eq!(problem.code, Code::Dependency);
    }
    assert_eq!(
        queue
            .add(&Surroundings::default(), &[behind(&[(99, false)])])
            .unwrap_err()
            .code,
        Code::Dependency
    );
    let fine = queue
        .add(&Surroundings::default(), &[behind(&[(1, false)])])
        .unwrap();
    assert_eq!(queue.row(fine[0].number).unwrap().waits, 0);
    // Removing one skips those behind it.
    let last = queue
        .add(
            &Surroundings::default(),
            &[behind(&[(fine[0].number, true)])],
        )
        .unwrap();
    queue.remove(fine[0].number).unwrap();
    assert_eq!(state(&queue, last[0].number), "skipped");
}

#[test]
fn a_job_that_is_held_is_passed_and_what_can_not_be_done_is_said() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    queue
        .add(&Surroundings::default(), &[job("a"), job("b")])
        .unwrap();
    queue.hold(1).unwrap();
    let turn = claim(&mut queue, &me, None);
    assert_eq!(turn.claimed.unwrap().row.number, 2);
    assert_eq!(queue.hold(2).unwrap_err().code, Code::JobState);
    assert_eq!(queue.remove(2).unwrap_err().code, Code::JobState);
    assert_eq!(queue.hold(7).unwrap_err().code, Code::JobUnknown);
    queue.release(1).unwrap();
    assert_eq!(queue.row(1).unwrap().state, JobState::Waiting);
    for (text, number) in [
        ("1", 1),
        ("#2", 2),
        ("a", 1),
        (queue.row(2).unwrap().id.0.as_str(), 2),
    ] {
        assert_eq!(queue.find(text).unwrap().number, number, "{text}");
    }
    for unknown in ["", "3", "c", "#", "%", "_", "99999999999999999999"] {
        assert_eq!(
            queue.find(unknown).unwrap_err().code,
            Code::JobUnknown,
            "{unknown}"
        );
    }
}

#[test]
fn an_end_is_only_written_by_who_has_the_job() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    queue.add(&Surroundings::default(), &[job("a")]).unwrap();
    let first = claim(&mut queue, &me, None).claimed.unwrap();
    queue.end(&first.row, &End::NeverRan).unwrap();
    assert_eq!(queue.row(1).unwrap().attempt, 0, "it was no attempt");
    let other = ProcessIdentity {
        start_time: me.start_time + 1,
        ..me.clone()
    };
    let second = claim(&mut queue, &other, None).claimed.unwrap();
    assert_eq!(second.run, first.run, "the same run, begun anew");
    // A late word of the first one changes nothing.
    for end in [End::NeverRan, ended("finished", 0), End::Held("x".into())] {
        queue.end(&first.row, &end).unwrap();
        assert_eq!(queue.row(1).unwrap(), second.row);
    }
    let again = End::Again {
        ready_at: 0,
        reason: "failed".into(),
        spec: None,
    };
    queue.end(&second.row, &again).unwrap();
    let third = claim(&mut queue, &me, None).claimed.unwrap();
    assert_eq!(
        third.run.0,
        format!("{}-2", third.row.id),
        "a second attempt is a run of its own"
    );
}

#[test]
fn ten_thousand_at_once_have_ten_thousand_identities() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let jobs: Vec<New> = (0..10_000)
        .map(|seed| job(&format!("t.py --seed {seed}")))
        .collect();
    let added = queue.add(&Surroundings::default(), &jobs).unwrap();
    let identities: std::collections::BTreeSet<_> = added.iter().map(|job| &job.id).collect();
    assert_eq!(identities.len(), 10_000);
    assert_eq!(queue.list(Filter::Waiting, 20).unwrap().total, 10_000);
    assert_eq!(claim(&mut queue, &me, None).claimed.unwrap().row.number, 1);
    for _ in 0..60 {
        // Places between two others run out and are dealt out anew.
        queue.move_job(9_000, Move::Before(5_000)).unwrap();
        queue.move_job(9_001, Move::Before(9_000)).unwrap();
        queue.move_job(9_000, Move::Before(9_001)).unwrap();
    }
    let rows = queue.list(Filter::Waiting, 20_000).unwrap().rows;
    let place = |number| rows.iter().position(|row| row.number == number).unwrap();
    assert_eq!(
        [place(4_999) + 1, place(9_000) + 1],
        [place(9_000), place(9_001)]
    );
}

#[test]
fn claims_of_cards_are_kept_to() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let one = New {
        claim: Claim {
            gpus: 1,
            ..Claim::default()
        },
        ..job("gpu")
    };
    let card = crate::schedule::Card {
        uuid: "GPU-1".into(),
        name: "a card".into(),
        total: 8 << 30,
        used: 0,
        held: Default::default(),
        others: false,
        exclusive: false,
    };
    queue
        .add(&Surroundings::default(), &[one.clone(), one, job("cpu")])
        .unwrap();
    let mut take = |cards: Option<&[crate::schedule::Card]>| {
        let turn = queue.turn(None, Some(&me), cards, &TimeZone::UTC).unwrap();
        turn.claimed
            .map(|claimed| (claimed.row.number, claimed.row.cards))
    };
    let cards = [card];
    assert_eq!(
        take(None),
        Some((3, vec![])),
        "cards that can't be read start nothing"
    );
    assert_eq!(take(Some(&cards)), Some((1, vec!["GPU-1".into()])));
    assert_eq!(take(Some(&cards)), None);
}

/// A file as version 1 of this program wrote it, with a job in each state.
#[test]
fn an_old_file_is_read() {
    let home = Home::new();
    let directories = home.directories();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/queue-1.sqlite");
    if std::env::var_os("DESKSIDE_WRITE_GOLDEN").is_some() {
        write_golden(&home, &golden);
    }
    std::fs::create_dir_all(directories.queue()).unwrap();
    std::fs::copy(&golden, database(&directories)).unwrap();
    let mut queue = with(&home, &directories);
    let states: Vec<String> = (1..=4)
        .map(|number| {
            let row = queue.row(number).unwrap();
            format!(
                "{} {}",
                row.name,
                row.outcome.unwrap_or_else(|| row.state.word().into())
            )
        })
        .collect();
    assert_eq!(states, ["one finished", "t running", "t held", "t waiting"]);
    let (spec, surroundings) = queue.spec(4).unwrap();
    assert_eq!(spec.shown().join(" "), "python t.py --seed 4");
    assert_eq!(surroundings.variables["PATH"], "/usr/bin");
    assert_eq!(queue.row(4).unwrap().waits, 1);
    queue.settle().unwrap();
    assert_eq!(
        queue.row(2).unwrap().outcome.as_deref(),
        Some("interrupted")
    );
    assert_eq!(queue.row(4).unwrap().outcome.as_deref(), Some("skipped"));
    assert_eq!(queue.slots().unwrap(), 1);
}

fn write_golden(home: &Home, golden: &Path) {
    let directories = home.directories();
    let mut queue = with(home, &directories);
    let named = New {
        spec: Spec {
            name: Some("one".into()),
            ..job("python t.py --seed 1").spec
        },
        ..New::default()
    };
    let behind = New {
        after: vec![(-2, true)],
        window: Some("09:00-18:00".parse().unwrap()),
        ..job("python t.py --seed 4")
    };
    let held = New {
        held: true,
        ..job("python t.py --seed 3")
    };
    let surroundings = Surroundings {
        directory: "/home/ada/digits".into(),
        variables: [("PATH".to_string(), "/usr/bin".to_string())].into(),
        ..Surroundings::default()
    };
    let jobs = [named, job("python t.py --seed 2"), held, behind];
    queue.add(&surroundings, &jobs).unwrap();
    let process = ProcessIdentity {
        pid: 4242,
        start_time: 7,
        boot_id: "a boot long ago".into(),
    };
    let first = claim(&mut queue, &process, None).claimed.unwrap();
    claim(
        &mut queue,
        &process,
        Some((&first.row, &ended("finished", 0))),
    );
    queue
        .connection
        .pragma_update(None, "journal_mode", "DELETE")
        .unwrap();
    drop(queue);
    std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
    std::fs::rename(database(&directories), golden).unwrap();
}

#[test]
fn a_newer_or_damaged_file_is_left_alone() {
    let home = Home::new();
    let directories = home.directories();
    drop(with(&home, &directories));
    let path = database(&directories);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    assert_eq!(
        Queue::open(&home.host, &directories).err().unwrap().code,
        Code::QueueNewer
    );
    std::fs::write(
        &path,
        "no database at all, and long enough to be looked at as one",
    )
    .unwrap();
    for name in ["queue.sqlite-wal", "queue.sqlite-shm"] {
        let _ = std::fs::remove_file(directories.queue().join(name));
    }
    let problem = Queue::open(&home.host, &directories).err().unwrap();
    assert_eq!(problem.code, Code::QueueBroken, "{problem:?}");
    assert!(std::fs::read(&path).unwrap().starts_with(b"no database"));
}

/// Two machines that share a home by a network file system.
#[test]
fn another_machines_queue_is_refused() {
    let home = Home::new();
    let directories = home.directories();
    drop(with(&home, &directories));
    let path = directories.queue().join("machine");
    assert!(!path.exists(), "nobody shares it");
    std::fs::write(&path, "0123456789abcdef").unwrap();
    let Err(problem) = Queue::open(&home.host, &directories) else {
        assert_eq!(
            deskside_track::shared::own(&home.host),
            None,
            "a machine without identity"
        );
        return;
    };
    assert_eq!(problem.code, Code::QueueElsewhere);
    std::fs::write(&path, deskside_track::shared::own(&home.host).unwrap()).unwrap();
    with(&home, &directories);
}
