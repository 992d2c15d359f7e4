//! The store over real folders on the real machine.

mod folders;
mod index;
mod listing;

use crate::index::{Filter, Order, OrderBy};
use crate::record::{create, write_state};
use crate::segment::SegmentWriter;
use crate::summary::SummaryValue;
use crate::{Folder, Store, record, truth};
use deskside_machine::host::Host;
use deskside_machine::{Directories, Durability, Machine, Reading};
use deskside_types::Code;
use deskside_types::metric::Point;
use deskside_types::run::{
    Place, ProcessIdentity, RunExit, RunId, RunRecord, RunState, StateRecord,
};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

struct Home {
    host: Host,
    directories: Directories,
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let under = |name: &str| folder.path().join(name);
        let directories = Directories {
            home: folder.path().into(),
            config: under("config"),
            data: under("data"),
            state: under("state"),
            cache: under("cache"),
            projects: under("projects"),
        };
        Self {
            host: Host::new(),
            directories,
            folder,
        }
    }

    fn store(&self) -> Store<'_> {
        Store::new(&self.host, &self.directories)
    }

    fn make(&self, id: &str, change: impl FnOnce(&mut RunRecord), state: RunState) -> Folder {
        let folder = Folder::of(&self.directories, &RunId(id.into()));
        let mut record = record_of(id);
        change(&mut record);
        let started = Some(record.created_at);
        create(
            &self.host,
            &folder,
            &record,
            &StateRecord {
                state,
                started_at: started,
                ended_at: None,
            },
        )
        .unwrap();
        folder
    }

    fn ids(&self, filter: &Filter) -> Vec<String> {
        self.store()
            .list(filter)
            .unwrap()
            .runs
            .into_iter()
            .map(|run| run.id.0)
            .collect()
    }

    fn me(&self) -> ProcessIdentity {
        let pid = std::process::id();
        ProcessIdentity {
            pid,
            start_time: self.host.process(pid).unwrap().unwrap(),
            boot_id: self.host.boot_id(),
        }
    }
}

fn record_of(id: &str) -> RunRecord {
    RunRecord {
        version: 1,
        id: RunId(id.into()),
        name: "train".into(),
        experiment: "default".into(),
        created_at: format!("{}-{}-{}T00:00:00Z", &id[..4], &id[4..6], &id[6..8])
            .parse()
            .unwrap(),
        argv: vec!["python".into(), "train.py".into()],
        working_directory: "/work".into(),
        project: None,
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        place: Place::Here,
        code: None,
        environment: BTreeMap::new(),
        machine: None,
    }
}

fn finished() -> RunState {
    RunState::Finished {
        exit: RunExit::ExitCode(0),
    }
}

fn dead(boot: &str) -> ProcessIdentity {
    ProcessIdentity {
        pid: 999_999_999,
        start_time: 1,
        boot_id: boot.into(),
    }
}
