//! The processes of a run, followed from sample to sample.

use super::proc::{self, Stat};
use deskside_machine::{Answer, Machine, Question, Reading};
use std::collections::BTreeMap;

/// Where a tree begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// All children of a process, which is not one of them: a supervisor, to which orphans of its tree come back.
    ChildrenOf(u32),
    /// A process, and all it started.
    Process(u32),
}

/// Between two looks at every thread for new children; between them only main threads are looked at, which start nearly all.
const WHOLE_EVERY: u64 = 10;
const SMALL: u64 = 64 << 10;

/// A tree of processes.
#[derive(Debug)]
pub struct Tree {
    root: Root,
    members: Vec<u32>,
    looks: u64,
    /// The kernel does not list children (CONFIG_PROC_CHILDREN): all processes are looked at, now and then.
    by_listing: bool,
    page: u64,
}

/// What a tree took, by its own counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeReading {
    /// How many processes there are.
    pub processes: u64,
    /// Clock ticks of processor time since each began, those that ended and were collected included.
    pub ticks: u64,
    /// Bytes of memory: what each process has for itself, and the largest of what they share.
    pub memory: u64,
    /// Bytes read from disks; none where the kernel does not tell.
    pub read: Option<u64>,
    /// Bytes written to disks.
    pub written: Option<u64>,
}

impl Tree {
    /// A tree that nobody has looked at.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            members: Vec::new(),
            looks: 0,
            by_listing: false,
            page: 0,
        }
    }

    /// The processes that were there at the last look.
    pub fn members(&self) -> &[u32] {
        &self.members
    }

    /// Looks at it; none where nothing of it can be read.
    pub fn look(&mut self, machine: &dyn Machine) -> Option<TreeReading> {
        self.find(machine);
        self.looks += 1;
        let mut questions = Vec::with_capacity(self.members.len() * 3);
        for pid in &self.members {
            for name in ["stat", "statm", "io"] {
                questions.push(small(format!("/proc/{pid}/{name}")));
            }
        }
        let answers = machine.ask_all(&questions);
        let bytes = |at: usize| match answers.get(at) {
            Some(Ok(Answer::Bytes(bytes))) => bytes.as_slice(),
            _ => &[],
        };
        let mut reading = TreeReading::default();
        let (mut shared, mut alive) = (0, Vec::with_capacity(self.members.len()));
        for (at, pid) in self.members.iter().enumerate() {
            let Some(stat) = proc::stat(bytes(at * 3)) else {
                continue;
            };
            alive.push(*pid);
            reading.ticks += stat.own + stat.of_children;
            if let Some((_, resident, of_others)) = proc::statm(bytes(at * 3 + 1)) {
                let own = resident.saturating_sub(of_others);
                reading.memory += own.saturating_mul(self.page);
                shared = of_others.max(shared);
            }
            let io = bytes(at * 3 + 2);
            for (sum, name) in [
                (&mut reading.read, "read_bytes"),
                (&mut reading.written, "write_bytes"),
            ] {
                if let Some(more) = proc::named(io, name) {
                    *sum = Some(sum.unwrap_or(0) + more);
                }
            }
        }
        self.members = alive;
        reading.processes = self.members.len() as u64;
        reading.memory += shared * self.page;
        if let Root::ChildrenOf(pid) = self.root {
            // What lost its parent was collected here.
            reading.ticks += stat_of(machine, pid).map_or(0, |stat| stat.of_children);
        }
        (!self.members.is_empty()).then_some(reading)
    }

    fn find(&mut self, machine: &dyn Machine) {
        if self.page == 0 {
            self.page = page(machine, self.pid()).unwrap_or(4096);
        }
        let whole = self.looks.is_multiple_of(WHOLE_EVERY);
        if self.by_listing {
            if self.looks < 3 || self.looks.is_multiple_of(WHOLE_EVERY / 2) {
                self.list(machine);
            }
            return;
        }
        let mut found = match self.root {
            Root::ChildrenOf(pid) => match children(machine, pid, pid) {
                Some(children) => children,
                None => {
                    self.by_listing = true;
                    return self.list(machine);
                }
            },
            Root::Process(pid) if children(machine, pid, pid).is_some() => vec![pid],
            Root::Process(_) if self.looks == 0 => {
                self.by_listing = true;
                return self.list(machine);
            }
            Root::Process(_) => Vec::new(),
        };
        // Those that were known and lost their parent meanwhile.
        for known in &self.members {
            if !found.contains(known) {
                found.push(*known);
            }
        }
        let mut at = 0;
        while at < found.len() {
            let pid = found[at];
            at += 1;
            let mut threads = vec![pid];
            if whole {
                let listed = machine.entries(format!("/proc/{pid}/task"));
                let listed = listed.unwrap_or_default();
                let others = listed
                    .iter()
                    .filter_map(|entry| entry.name.parse::<u32>().ok());
                threads.extend(others.filter(|thread| *thread != pid));
            }
            for thread in threads {
                for child in children(machine, pid, thread).unwrap_or_default() {
                    if !found.contains(&child) {
                        found.push(child);
                    }
                }
            }
        }
        self.members = found;
    }

    /// By every process's parent.
    fn list(&mut self, machine: &dyn Machine) {
        let Ok(entries) = machine.entries("/proc") else {
            return;
        };
        let pids: Vec<u32> = entries
            .iter()
            .filter_map(|entry| entry.name.parse().ok())
            .collect();
        let questions: Vec<Question> = pids
            .iter()
            .map(|pid| small(format!("/proc/{pid}/stat")))
            .collect();
        let mut of_parent: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (pid, answer) in pids.iter().zip(machine.ask_all(&questions)) {
            if let Ok(Answer::Bytes(bytes)) = answer
                && let Some(stat) = proc::stat(&bytes)
            {
                of_parent.entry(stat.parent).or_default().push(*pid);
            }
        }
        let mut found = self.members.clone();
        match self.root {
            Root::ChildrenOf(pid) => found.extend(of_parent.remove(&pid).unwrap_or_default()),
            Root::Process(pid) => found.push(pid),
        }
        found.sort_unstable();
        found.dedup();
        let mut at = 0;
        while at < found.len() {
            for child in of_parent.remove(&found[at]).unwrap_or_default() {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
            at += 1;
        }
        self.members = found;
    }

    fn pid(&self) -> u32 {
        match self.root {
            Root::ChildrenOf(pid) | Root::Process(pid) => pid,
        }
    }
}

fn small(path: String) -> Question {
    Question::File {
        path: path.into(),
        limit: SMALL,
    }
}

fn stat_of(machine: &dyn Machine, pid: u32) -> Option<Stat> {
    proc::stat(&machine.file(format!("/proc/{pid}/stat"), SMALL).ok()?)
}

/// The children that one thread of a process started (`proc_pid_task(5)`, children); none where the kernel does not tell.
fn children(machine: &dyn Machine, pid: u32, thread: u32) -> Option<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{thread}/children");
    let bytes = machine.file(path, SMALL).ok()?;
    let words = proc::text(&bytes).split_ascii_whitespace();
    Some(words.filter_map(|word| word.parse().ok()).collect())
}

/// Bytes of a page: a process says its size in pages, and in kibibytes, too.
fn page(machine: &dyn Machine, pid: u32) -> Option<u64> {
    let status = machine.file(format!("/proc/{pid}/status"), SMALL).ok()?;
    let bytes = proc::named(&status, "VmSize")?.checked_mul(1024)?;
    let pages = proc::statm(&machine.file(format!("/proc/{pid}/statm"), SMALL).ok()?)?.0;
    // It may have grown between the two; pages are powers of two.
    let near = bytes.checked_div(pages)?.max(1);
    [4096_u64, 16_384, 65_536]
        .into_iter()
        .min_by_key(|size| size.abs_diff(near))
}
