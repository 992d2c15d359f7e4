//! Opening the queue's file: made where it is absent, brought up to date where it is older, refused where it is newer.

use super::{Queue, broken, database};
use deskside_machine::{Acting, Directories, Durability, Machine, Reading};
use deskside_track::shared;
use deskside_types::{Code, Problem, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the tables; in SQLite's `user_version`.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;
/// How long another process's transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One batch of statements a version: a file of version n is brought up to date by all behind the n-th.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE surroundings (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL, priority INTEGER NOT NULL, rank REAL NOT NULL,
        waits INTEGER NOT NULL, ready_at INTEGER NOT NULL, window TEXT,
        gpus INTEGER NOT NULL, vram INTEGER NOT NULL, share INTEGER NOT NULL,
        name TEXT NOT NULL, shown TEXT NOT NULL, spec TEXT NOT NULL, surroundings TEXT NOT NULL,
        submitted_at INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, run TEXT,
        pid INTEGER, start_time INTEGER, boot TEXT, cards TEXT,
        started_at INTEGER, ended_at INTEGER, outcome TEXT, exit INTEGER, reason TEXT
    );
    CREATE INDEX jobs_next ON jobs (priority DESC, rank) WHERE state = 'waiting' AND waits = 0 AND gpus = 0 AND vram = 0;
    CREATE INDEX jobs_next_on_cards ON jobs (priority DESC, rank)
        WHERE state = 'waiting' AND waits = 0 AND (gpus > 0 OR vram > 0);
    CREATE INDEX jobs_order ON jobs (priority DESC, rank) WHERE state IN ('waiting', 'held');
    CREATE INDEX jobs_live ON jobs (started_at, number) WHERE state IN ('running', 'lost');
    CREATE INDEX jobs_ended ON jobs (ended_at DESC, number DESC) WHERE state = 'ended';
    CREATE TABLE dependencies (
        of INTEGER NOT NULL, job INTEGER NOT NULL, good INTEGER NOT NULL, PRIMARY KEY (of, job)
    ) WITHOUT ROWID;
",
    // The boot in which a job that waits may be started by a claim that is not synced (see `queue::ahead`).
    "
    ALTER TABLE jobs ADD COLUMN ahead TEXT;
    CREATE INDEX jobs_ahead ON jobs (ahead) WHERE state = 'waiting' AND ahead IS NOT NULL;
",
    // What is asked of a job that runs; none where its supervisor is of an earlier version (see `queue::asked`).
    "ALTER TABLE jobs ADD COLUMN asked TEXT;"];

impl<'a> Queue<'a> {
    /// Opens the queue of a person, making it where there is none.
    ///
    /// # Errors
    /// [`Code::QueueBroken`], [`Code::QueueNewer`].
    pub fn open(machine: &'a dyn Machine, directories: &'a Directories) -> Result<Self> {
        let path = database(directories);
        if !machine.is_here() {
            return Err(elsewhere(&path));
        }
        owned(machine, directories)?;
        let opened = connect(&path).and_then(|connection| Ok((version(&connection)?, connection)));
        let connection = match opened {
            Ok((VERSION, connection)) => connection,
            Ok((newer, _)) if newer > VERSION => return Err(too_new(&path, newer)),
            Ok(_) => make(machine, directories)?,
            Err(_) if !machine.exists(&path).unwrap_or(true) => make(machine, directories)?,
            Err(error) => {
                return Err(broken(&format!("open the queue {}", path.display()), &error)
                    .hint(format!("where the file is damaged, `mv {0} {0}.damaged` begins an empty queue; runs are not affected", path.display())));
            }
        };
        Ok(Self {
            machine,
            directories,
            connection,
            synced: true,
        })
    }

    /// As [`Queue::open`]; none where there is no queue yet, which is not made then.
    ///
    /// # Errors
    /// As [`Queue::open`].
    pub fn open_if_there(
        machine: &'a dyn Machine,
        directories: &'a Directories,
    ) -> Result<Option<Self>> {
        if !machine.is_here() || !machine.exists(database(directories)).unwrap_or(false) {
            return Ok(None);
        }
        Self::open(machine, directories).map(Some)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // What was said to be queued is on the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Supervisors are many and small: a few pages are enough, the file itself is in the system's cache.
    connection.pragma_update(None, "cache_size", -256)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

impl Queue<'_> {
    /// Moves what is in the file's log into the file: who opens it next as the only one would have to read that log first.
    pub(crate) fn tidy(&self) {
        // Another process is at it: then that one has read it already.
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the file where it is absent and brings its tables up to date, one process at a time, each version in a transaction of
/// its own.
fn make(machine: &dyn Machine, directories: &Directories) -> Result<Connection> {
    let path = database(directories);
    let _held = machine.lock(&path.with_extension("lock"), PATIENCE)?;
    claim(machine, directories)?;
    if !machine.exists(&path)? {
        // Nobody else reads it: commands may hold more than they should.
        machine.write_file(&path, "", 0o600, Durability::Power)?;
    }
    let made = || {
        let connection = connect(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        loop {
            let at = version(&connection)?;
            let Some(statements) = usize::try_from(at).ok().and_then(|at| MIGRATIONS.get(at))
            else {
                return Ok(connection);
            };
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {statements} PRAGMA user_version = {}; COMMIT;",
                at + 1
            ))?;
        }
    };
    made().map_err(|error: rusqlite::Error| {
        broken(
            &format!("bring the queue {} up to date", path.display()),
            &error,
        )
    })
}

/// Says whose the queue is, where several machines see it.
fn claim(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    let path = owner(directories);
    if !machine.exists(&path)?
        && shared::is_on_network(machine, &directories.queue())
        && let Some(own) = shared::own(machine)
    {
        machine.write_file(path, own, 0o600, Durability::Process)?;
    }
    Ok(())
}

/// Refuses the queue of another machine.
fn owned(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    let path = owner(directories);
    let Ok(owner) = machine.text(&path) else {
        return Ok(());
    };
    match shared::own(machine) {
        Some(own) if own != owner.trim() => Err(Problem::new(
            Code::QueueElsewhere,
            "the queue in this home is another machine's",
        )
        .because("the home lies on a network file system, and neither machine sees the other's processes")
        .hint("give this machine a place of its own: `export DESKSIDE_HOME=/some/local/folder`")
        .hint(format!("where that machine is gone: `rm {}`", path.display()))),
        _ => Ok(()),
    }
}

/// The file that says whose the queue is; absent where only one machine sees it.
fn owner(directories: &Directories) -> PathBuf {
    directories.queue().join("machine")
}

fn too_new(path: &Path, version: i64) -> Problem {
    Problem::new(
        Code::QueueNewer,
        "the queue was written by a newer version of Deskside",
    )
    .because(format!(
        "{} has tables {version}; this program knows up to {VERSION}",
        path.display()
    ))
    .hint("use the newer Deskside; nothing was changed")
}

/// SQLite opens its file past the door, so that it must not for a machine that is simulated, recorded or only looked at.
fn elsewhere(path: &Path) -> Problem {
    Problem::new(
        Code::QueueBroken,
        format!("could not open the queue {}", path.display()),
    )
    .because("it is on another machine than this process")
}
