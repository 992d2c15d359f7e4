//! Jobs that take moments and share a sync.

use super::*;
use deskside_machine::Durability;
use deskside_track::{Folder, record};
use deskside_types::run::{RunExit, RunState, StateRecord};
use std::time::Duration;

fn turn(queue: &mut Queue<'_>, me: &ProcessIdentity, before: Option<(&Row, &End)>) -> Turn {
    queue
        .turn_paced(
            before,
            Some(me),
            None,
            &TimeZone::UTC,
            Pace::Moment(Duration::from_millis(25)),
        )
        .unwrap()
}

fn marked(queue: &Queue<'_>) -> Vec<i64> {
    let mut query = queue
        .connection
        .prepare("SELECT number FROM jobs WHERE ahead IS NOT NULL ORDER BY number")
        .unwrap();
    let numbers = query.query_map([], |row| row.get(0)).unwrap();
    numbers.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn one_sync_serves_several_jobs_and_no_more() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let jobs: Vec<New> = (0..20).map(|_| job("x")).collect();
    queue.add(&Surroundings::default(), &jobs).unwrap();
    let good = ended("finished", 0);
    let mut claimed = claim(&mut queue, &me, None).claimed.unwrap();
    assert!(
        marked(&queue).is_empty(),
        "the first says nothing of the others"
    );
    let mut synced = Vec::new();
    let mut order = vec![claimed.row.number];
    while let Some(next) = turn(&mut queue, &me, Some((&claimed.row, &good))).claimed {
        if queue.synced {
            synced.push(next.row.number);
            assert!(marked(&queue).len() <= 8);
        }
        order.push(next.row.number);
        claimed = next;
    }
    assert_eq!(order, (1..=20).collect::<Vec<_>>());
    assert_eq!(synced, [2, 11, 20]);
    assert!(queue.synced, "the last end is on the disk");
    assert!(marked(&queue).is_empty());
}

#[test]
fn marks_go_where_they_mean_nothing() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let jobs: Vec<New> = (0..6).map(|_| job("x")).collect();
    queue.add(&Surroundings::default(), &jobs).unwrap();
    let good = ended("finished", 0);
    let first = claim(&mut queue, &me, None).claimed.unwrap();
    let second = turn(&mut queue, &me, Some((&first.row, &good)))
        .claimed
        .unwrap();
    assert_eq!(marked(&queue), [3, 4, 5, 6]);
    queue.hold(4).unwrap();
    assert_eq!(marked(&queue), [3, 5, 6]);
    queue.move_job(6, Move::First).unwrap();
    let third = turn(&mut queue, &me, Some((&second.row, &good)))
        .claimed
        .unwrap();
    assert_eq!(third.row.number, 6, "a mark is no place in the queue");
    // A job that took longer is worth its own sync, and so are those behind it.
    let fourth = claim(&mut queue, &me, Some((&third.row, &good)))
        .claimed
        .unwrap();
    assert_eq!((fourth.row.number, queue.synced), (3, true));
    assert!(marked(&queue).is_empty());
    turn(&mut queue, &me, Some((&fourth.row, &good)));
    queue.release(4).unwrap();
    queue.forget_marks().unwrap();
    assert!(marked(&queue).is_empty());
}

/// The machine died: claims that were not synced are gone, the marks are not.
#[test]
fn after_the_machines_death_a_marked_job_does_not_begin_again() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let again = New {
        spec: Spec {
            restart: Restart::OnReboot,
            ..job("again").spec
        },
        ..New::default()
    };
    let jobs = [job("seen"), job("unseen"), again, job("unmarked")];
    let added = queue.add(&Surroundings::default(), &jobs).unwrap();
    queue
        .connection
        .execute(
            "UPDATE jobs SET ahead = 'a boot long ago' WHERE number < 4",
            [],
        )
        .unwrap();
    let state = StateRecord {
        state: RunState::Finished {
            exit: RunExit::ExitCode(3),
        },
        started_at: None,
        ended_at: None,
    };
    let folder = Folder::of(&directories, &added[0].id);
    record::write_state(&home.host, &folder, &state, Durability::Process).unwrap();
    let claimed = claim(&mut queue, &me, None).claimed;
    assert_eq!(
        claimed, None,
        "whoever comes first starts none of them: {claimed:?}"
    );
    queue.settle().unwrap();
    let told: Vec<String> = (1..=4)
        .map(|number| {
            let row = queue.row(number).unwrap();
            let state = row.outcome.unwrap_or_else(|| row.state.word().into());
            format!("{} {state} {:?} {}", row.name, row.exit, row.attempt)
        })
        .collect();
    assert_eq!(
        told,
        [
            "seen finished Some(3) 1",
            "unseen interrupted None 1",
            "again waiting None 1",
            "unmarked waiting None 0"
        ]
    );
    assert_eq!(claim(&mut queue, &me, None).claimed.unwrap().row.number, 3);
}
