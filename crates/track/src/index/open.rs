//! Opening the index: made where it is absent, moved aside where it is damaged or newer.

use super::{Index, problem};
use deskside_machine::{Acting, Directories, ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the tables; in SQLite's `user_version`.
const VERSION: i64 = 1;
/// How long another process's write is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, experiment TEXT NOT NULL, project TEXT,
        state TEXT NOT NULL, state_json TEXT NOT NULL, live INTEGER NOT NULL, exit INTEGER,
        created INTEGER NOT NULL, started INTEGER, ended INTEGER,
        argv_json TEXT NOT NULL, working_directory TEXT NOT NULL, commit_id TEXT
    ) WITHOUT ROWID;
    CREATE INDEX runs_created ON runs (created);
    CREATE INDEX runs_experiment ON runs (experiment, created);
    CREATE INDEX runs_live ON runs (live) WHERE live;
    CREATE TABLE params (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (run, key)) WITHOUT ROWID;
    CREATE TABLE tags (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (run, key)) WITHOUT ROWID;
    CREATE TABLE summary (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, number REAL, text TEXT,
        PRIMARY KEY (run, key)) WITHOUT ROWID;
";

impl Index {
    /// Opens the index of a store; an absent one is made, a damaged or newer one is moved aside and begun anew,
    /// which the second answer says. A new one is empty: [`crate::Store`] fills it from the folders.
    ///
    /// # Errors
    /// [`deskside_types::Code::IndexBroken`] when the file can't be opened or made, for example in a store that is read-only.
    pub fn open(
        machine: &dyn Machine,
        directories: &Directories,
    ) -> Result<(Self, Option<String>)> {
        let path = directories.index();
        if !machine.is_here() {
            return Err(elsewhere(&path));
        }
        let opened = Self::connect(&path).and_then(|index| Ok((index.version()?, index)));
        let why = match opened {
            Ok((VERSION, index)) => return Ok((index, None)),
            Ok((version, _)) if version > VERSION => {
                format!("it was written by a newer version of Deskside (tables {version})")
            }
            Ok(_) => return Self::make(machine, &path).map(|index| (index, None)),
            Err(error) if is_damage(&error) => "it is damaged".to_string(),
            Err(error) if !machine.exists(&path).unwrap_or(true) => {
                return Err(problem(
                    &format!("make the index {}", path.display()),
                    &error,
                ));
            }
            Err(error) => {
                return Err(problem(
                    &format!("open the index {}", path.display()),
                    &error,
                ));
            }
        };
        let aside = Self::move_aside(machine, &path)?;
        let index = Self::make(machine, &path)?;
        Ok((
            index,
            Some(format!(
                "the index of runs was made anew from the run folders: {why}; the old file is {}",
                aside.display()
            )),
        ))
    }

    /// Moves the file aside and begins anew, after damage was met in use.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn renew(machine: &dyn Machine, directories: &Directories) -> Result<Self> {
        let path = directories.index();
        if !machine.is_here() {
            return Err(elsewhere(&path));
        }
        if machine.exists(&path).unwrap_or(false) {
            Self::move_aside(machine, &path)?;
        }
        Self::make(machine, &path)
    }

    /// An index in memory, for a store whose file can't be used.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory() -> Result<Self> {
        let made = Connection::open_in_memory().and_then(|connection| {
            connection.execute_batch(TABLES)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            Ok(Self { connection })
        });
        made.map_err(|error| problem("make an index in memory", &error))
    }

    /// Opens the file as it is.
    pub(super) fn connect(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // The index can be rebuilt, so that it is never worth a sync at the end of a run; WAL keeps it whole without.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(Self { connection })
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
    }

    /// Makes the tables, one process at a time.
    fn make(machine: &dyn Machine, path: &Path) -> Result<Self> {
        let _held = machine.lock(&path.with_extension("lock"), PATIENCE)?;
        let made = || {
            let index = Self::connect(path)?;
            if index.version()? == 0 {
                index.connection.pragma_update(None, "synchronous", "OFF")?;
                index
                    .connection
                    .pragma_update(None, "journal_mode", "WAL")?;
                index.connection.execute_batch(&format!(
                    "BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
                ))?;
                index
                    .connection
                    .pragma_update(None, "synchronous", "NORMAL")?;
            }
            Ok(index)
        };
        made().map_err(|error| problem(&format!("make the index {}", path.display()), &error))
    }

    fn move_aside(machine: &dyn Machine, path: &Path) -> Result<PathBuf> {
        let stamp = machine.now()?.wall.strftime("%Y%m%d-%H%M%S");
        let aside = PathBuf::from(format!("{}.{stamp}", path.display()));
        for tail in ["-wal", "-shm"] {
            machine.remove_file(format!("{}{tail}", path.display()))?;
        }
        match machine.rename(path, &aside) {
            Err(error) if error.kind != ErrorKind::Absent => Err(error.into()),
            _ => Ok(aside),
        }
    }
}

/// SQLite opens its file past the door, so that it must not for a machine that is simulated, recorded or only looked at.
fn elsewhere(path: &Path) -> Problem {
    Problem::new(
        Code::IndexBroken,
        format!("could not open the index {}", path.display()),
    )
    .because("it is on another machine than this process")
}

/// The file is no sound database of ours.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
            ) || message.as_ref().is_some_and(|message| {
                message.starts_with("no such table") || message.starts_with("no such column")
            })
        }
        _ => false,
    }
}
