//! What is asked of a job that runs, whenever it ends by itself meanwhile.

use super::*;
use crate::stop::{StoppedJob, stand_still, stop};
use deskside_machine::{
    Answer, Child, DoorError, Effect, Held, Launch, Machine, Progress, Question,
};
use std::sync::Mutex;
use std::time::Duration;

/// This machine; signals are only written down, and something may happen at the first look at a process.
struct Meanwhile<'a> {
    host: Host,
    happens: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
    signals: Mutex<Vec<i32>>,
}

impl<'a> Meanwhile<'a> {
    fn new(happens: impl FnOnce() + Send + 'a) -> Self {
        Self {
            host: Host::new(),
            happens: Mutex::new(Some(Box::new(happens))),
            signals: Mutex::new(Vec::new()),
        }
    }

    fn signals(&self) -> Vec<i32> {
        self.signals.lock().unwrap().clone()
    }
}

impl Machine for Meanwhile<'_> {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        let answer = self.host.ask(question);
        if let Question::Process { .. } = question
            && let Some(happens) = self.happens.lock().unwrap().take()
        {
            happens();
        }
        answer
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if let Effect::Signal { signal, .. } = effect {
            self.signals.lock().unwrap().push(*signal);
            return Ok(Answer::Done);
        }
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

fn wish(why: &str) -> Request {
    Request::Stop {
        grace: Duration::from_millis(1500),
        why: why.into(),
    }
}

/// Two jobs, the first of them running in this process's hands.
fn two(home: &Home) -> Claimed {
    let directories = home.directories();
    let mut queue = with(home, &directories);
    queue
        .add(&Surroundings::default(), &[job("a"), job("b")])
        .unwrap();
    claim(&mut queue, &home.me(), None).claimed.unwrap()
}

/// The first job ends by itself, and the same supervisor begins the second.
fn goes_on_to_the_next(home: &Home, first: &Claimed) {
    let directories = home.directories();
    let mut queue = with(home, &directories);
    let turn = claim(
        &mut queue,
        &home.me(),
        Some((&first.row, &ended("finished", 0))),
    );
    assert_eq!(turn.claimed.unwrap().row.number, 2);
}

#[test]
fn a_stop_that_comes_late_reaches_no_other_job() {
    let home = Home::new();
    let first = two(&home);
    let machine = Meanwhile::new(|| goes_on_to_the_next(&home, &first));
    let directories = home.directories();
    let stopped = stop(&machine, &directories, 1, None, "stopped by a person").unwrap();
    assert_eq!(stopped, StoppedJob::Already);
    assert!(machine.signals().is_empty());
    let queue = with(&home, &directories);
    assert_eq!(queue.row(1).unwrap().outcome.as_deref(), Some("finished"));
    let second = queue.row(2).unwrap();
    assert_eq!(
        (second.state, second.asked),
        (JobState::Running, Some(Request::GoOn))
    );
}

#[test]
fn a_pause_that_comes_late_reaches_no_other_job() {
    let home = Home::new();
    let first = two(&home);
    let machine = Meanwhile::new(|| goes_on_to_the_next(&home, &first));
    let directories = home.directories();
    let problem = stand_still(&machine, &directories, 1, true).unwrap_err();
    assert_eq!(problem.code, Code::JobState, "{problem}");
    assert!(machine.signals().is_empty());
    assert!(!with(&home, &directories).row(2).unwrap().is_paused());
}

/// A request stands in the row before the signal is sent, so that whatever is behind the claim reads it.
#[test]
fn what_is_asked_of_the_next_job_is_not_lost_and_not_the_first_ones() {
    let home = Home::new();
    let first = two(&home);
    let directories = home.directories();
    let mut queue = with(&home, &directories);
    let me = home.me();
    goes_on_to_the_next(&home, &first);
    assert!(!queue.ask(&first.row, &wish("late")).unwrap());
    let second = queue.row(2).unwrap();
    assert!(queue.ask(&second, &wish("in time")).unwrap());
    assert_eq!(queue.asked(1, &me).unwrap(), None);
    assert_eq!(queue.asked(2, &me).unwrap(), Some(wish("in time")));
    let other = ProcessIdentity {
        start_time: me.start_time + 1,
        ..me
    };
    assert_eq!(queue.asked(2, &other).unwrap(), None);
}

#[test]
fn a_job_that_is_to_end_does_not_wait_again() {
    let again = End::Again {
        ready_at: 0,
        reason: "attempt 1 ended with 3".into(),
        spec: None,
    };
    let later = End::Later {
        ready_at: 0,
        reason: "full".into(),
    };
    let me = Home::new().me();
    for (end, asked, expected) in [
        (again.clone(), true, "stopped"),
        (End::NeverRan, true, "stopped"),
        (later, true, "stopped"),
        (End::Held("a key is gone".into()), true, "stopped"),
        (ended("finished", 0), true, "finished"),
        (End::Lost(me), true, "lost"),
        (again, false, "waiting"),
    ] {
        let home = Home::new();
        let first = two(&home);
        let directories = home.directories();
        let mut queue = with(&home, &directories);
        if asked {
            assert!(queue.ask(&first.row, &wish("enough")).unwrap());
        }
        queue.end(&first.row, &end).unwrap();
        let row = queue.row(1).unwrap();
        let found = row
            .outcome
            .clone()
            .unwrap_or_else(|| row.state.word().into());
        assert_eq!(found, expected, "{end:?}");
        if expected == "stopped" {
            assert_eq!(row.reason.as_deref(), Some("enough"));
        }
        if expected == "waiting" {
            // What is asked is asked of an attempt's own hands.
            assert_eq!(row.asked, None);
            let claimed = claim(&mut queue, &home.me(), None).claimed.unwrap();
            assert_eq!(claimed.row.asked, Some(Request::GoOn));
        }
    }
}

#[test]
fn the_last_wish_counts_and_an_end_is_not_taken_back() {
    let home = Home::new();
    let first = two(&home);
    let directories = home.directories();
    let mut queue = with(&home, &directories);
    let asked = |queue: &Queue<'_>| queue.row(1).unwrap().asked.unwrap();
    for (request, done) in [
        (Request::Pause, true),
        (Request::GoOn, true),
        (Request::Pause, true),
        (wish("one"), true),
        (Request::Pause, false),
        (Request::GoOn, false),
        (wish("another, with 'quotes' and stop 5 in it"), true),
    ] {
        assert_eq!(
            queue.ask(&first.row, &request).unwrap(),
            done,
            "{request:?}"
        );
        if done {
            assert_eq!(asked(&queue), request);
            assert_eq!(queue.row(1).unwrap().is_paused(), request == Request::Pause);
        }
    }
    let problem = stand_still(&home.host, &directories, 1, true).unwrap_err();
    assert!(problem.message.contains("about to end"), "{problem}");
    for odd in [
        "",
        "stop",
        "stop ",
        "stop x y",
        "stop -1 y",
        "a word of tomorrow",
    ] {
        assert_eq!(Request::of(odd), Request::GoOn, "{odd}");
    }
}

/// A supervisor of an earlier version that still runs hears signals only.
#[test]
fn an_older_supervisor_is_asked_by_signals() {
    use deskside_machine::supervise::Asked;
    let home = Home::new();
    let _first = two(&home);
    let directories = home.directories();
    let queue = with(&home, &directories);
    let set = |text: &str| queue.connection.execute(text, []).unwrap();
    set("UPDATE jobs SET asked = NULL");
    let machine = Meanwhile::new(|| {});
    stand_still(&machine, &directories, 1, true).unwrap();
    assert!(queue.row(1).unwrap().is_paused());
    stand_still(&machine, &directories, 1, false).unwrap();
    assert!(!queue.row(1).unwrap().is_paused());
    set("UPDATE jobs SET asked = ''");
    stand_still(&machine, &directories, 1, true).unwrap();
    assert_eq!(
        machine.signals(),
        [Asked::Pause, Asked::Resume, Asked::Look].map(Asked::signal)
    );
}
