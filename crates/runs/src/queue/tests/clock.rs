//! The wall clock is set, forwards and backwards, while jobs wait for a time and run.

use super::*;
use deskside_machine::{
    Answer, Child, DoorError, Effect, Held, Launch, Machine, Progress, Question,
};
use jiff::SignedDuration;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// This machine, its wall clock set wrong by some seconds.
struct Skewed {
    host: Host,
    seconds: AtomicI64,
}

impl Machine for Skewed {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        Ok(match self.host.ask(question)? {
            Answer::Moment(mut moment) => {
                let by = SignedDuration::from_secs(self.seconds.load(Ordering::Relaxed));
                moment.wall += by;
                Answer::Moment(moment)
            }
            other => other,
        })
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.host.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.host.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.host.launch(launch)
    }

    fn is_here(&self) -> bool {
        true
    }
}

#[test]
fn a_clock_that_is_set_moves_times_and_loses_nothing() {
    let home = Home::new();
    let directories = home.directories();
    let machine = Skewed {
        host: Host::new(),
        seconds: AtomicI64::new(0),
    };
    let me = machine.own_process().unwrap();
    let mut queue = Queue::open(&machine, &directories).unwrap();
    queue.set_slots(2).unwrap();
    let later = New {
        ready_at: machine.now().unwrap().wall.as_millisecond() + 7_200_000,
        ..job("later")
    };
    queue
        .add(&Surroundings::default(), &[later, job("now")])
        .unwrap();
    let running = claim(&mut queue, &me, None).claimed.unwrap();
    assert_eq!(running.row.name, "now");
    let turn = claim(&mut queue, &me, None);
    assert!(turn.claimed.is_none());
    assert!(turn.plan.wake_at.is_some(), "its time is waited for");

    // Two hours back: the job that runs began in the future, and is no less alive.
    machine.seconds.store(-7_200, Ordering::Relaxed);
    assert_eq!(queue.settle().unwrap(), []);
    assert!(claim(&mut queue, &me, None).claimed.is_none());
    queue.end(&running.row, &ended("finished", 0)).unwrap();
    let row = queue.row(running.row.number).unwrap();
    assert!(row.ended_at < row.started_at);
    assert_eq!(row.outcome.as_deref(), Some("finished"));

    // A day forwards: its time is come.
    machine.seconds.store(86_400, Ordering::Relaxed);
    let claimed = claim(&mut queue, &me, None).claimed.unwrap();
    assert_eq!(claimed.row.name, "later");
    machine.seconds.store(0, Ordering::Relaxed);
    assert_eq!(queue.settle().unwrap(), []);
    assert_eq!(
        queue.row(claimed.row.number).unwrap().state,
        JobState::Running
    );
}
