//! Calls that may never return (a dead network file system, a sick sysfs) made on a thread that
//! can be given up on.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// After that long a file question is given up on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

const BRIEFLY: Duration = Duration::from_micros(60);

type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for work. One is started when none is idle, and kept for the next call.
#[derive(Default)]
pub(crate) struct Workers {
    /// No thread is ever started: calls are made where they are asked for, and may take as long as they take.
    alone: bool,
    idle: Mutex<Vec<Sender<Job>>>,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum GivenUp {
    /// The time was over; the thread is left to itself.
    Timeout,
    /// No thread could be started, or it died.
    NoThread(String),
}

impl Workers {
    /// None: calls are made where they are asked for.
    pub fn none() -> Self {
        Self {
            alone: true,
            ..Self::default()
        }
    }

    /// Makes a call on a thread and waits for it, but no longer than `patience`.
    pub fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, GivenUp> {
        if self.alone {
            return Ok(call());
        }
        let (give, receive): (Sender<T>, Receiver<T>) = channel();
        let mut job: Job = Box::new(move || {
            let _ = give.send(call());
        });
        let worker = loop {
            let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
            let fresh = idle.is_none();
            let worker = match idle {
                Some(worker) => worker,
                None => start().map_err(|error| GivenUp::NoThread(error.to_string()))?,
            };
            match worker.send(job) {
                Ok(()) => break worker,
                Err(_) if fresh => return Err(GivenUp::NoThread("it ended at once".into())),
                // This one died of a panic; the next one gets the same job.
                Err(back) => job = back.0,
            }
        };
        let quick = briefly(&receive);
        match quick.map_or_else(|| receive.recv_timeout(patience), Ok) {
            Ok(result) => {
                if let Ok(mut idle) = self.idle.lock() {
                    idle.push(worker);
                }
                Ok(result)
            }
            // Dropping the sender ends the thread as soon as its call returns.
            Err(RecvTimeoutError::Timeout) => Err(GivenUp::Timeout),
            Err(RecvTimeoutError::Disconnected) => {
                Err(GivenUp::NoThread("the call panicked".into()))
            }
        }
    }
}

/// What comes within moments, without going to sleep: questions come in bursts of hundreds, and
/// waking a thread takes ten times as long as most of their answers.
fn briefly<T>(receive: &Receiver<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        for _ in 0..20 {
            match receive.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => std::hint::spin_loop(),
            }
        }
        if begun.elapsed() > BRIEFLY {
            return None;
        }
        std::thread::yield_now();
    }
}

fn start() -> std::io::Result<Sender<Job>> {
    let (give, receive) = channel::<Job>();
    std::thread::Builder::new()
        .name("deskside-file".into())
        .stack_size(256 << 10)
        .spawn(move || {
            while let Ok(job) = briefly(&receive).map_or_else(|| receive.recv(), Ok) {
                job();
            }
        })?;
    Ok(give)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_is_given_up_on_and_the_next_one_answered() {
        let workers = Workers::default();
        let begun = Instant::now();
        let hung = workers.run(Duration::from_millis(50), || {
            std::thread::sleep(Duration::from_secs(3))
        });
        assert!(matches!(hung, Err(GivenUp::Timeout)));
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(workers.run(PATIENCE, || 7).unwrap(), 7);
        assert_eq!(
            workers.idle.lock().unwrap().len(),
            1,
            "the idle thread is kept"
        );
    }

    #[test]
    fn a_panic_inside_a_call_costs_one_answer_only() {
        let workers = Workers::default();
        let panicked = workers.run(PATIENCE, || panic!("as the test wants"));
        assert!(matches!(panicked, Err(GivenUp::NoThread(_))));
        assert_eq!(workers.run(PATIENCE, || 7).unwrap(), 7);
    }
}
