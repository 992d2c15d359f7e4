//! The TOML files of a bundle, each read into its records.

use super::header::{BundleOrigin, Header, PersonRecord, VERSION};
use super::records::{CommandRecord, Outcome, SpaceRecord, StatRecord, Variables};
use super::toml_text::TomlFile;
use super::{Bundle, unreadable};
use crate::command::Output;
use crate::error::ErrorKind;
use crate::question::{Entry, FileKind, Space};
use deskside_types::facts::{OsKind, UserClass};
use deskside_types::spelling::closest;
use deskside_types::{Code, Problem};
use std::path::{Component, Path, PathBuf};
use toml::{Table, Value};

const HEADER_KEYS: [&str; 12] = [
    "version",
    "os",
    "user",
    "time",
    "origin",
    "deskside",
    "redacted",
    "notes",
    "complete",
    "directory",
    "person",
    "outcomes",
];
const PERSON_KEYS: [&str; 5] = ["uid", "groups", "name", "host", "processors"];
const STAT_KEYS: [&str; 9] = [
    "kind", "mode", "uid", "gid", "size", "modified", "readable", "writable", "partial",
];
const SPACE_KEYS: [&str; 5] = ["total", "free", "read_only", "outcome", "detail"];
const COMMAND_KEYS: [&str; 8] = [
    "argv",
    "exit",
    "stdout",
    "stderr",
    "stdout_base64",
    "stderr_base64",
    "outcome",
    "detail",
];
const VARIABLE_KEYS: [&str; 4] = ["variables", "set", "absent", "complete"];
const OUTCOMES: [(&str, ErrorKind); 5] = [
    ("absent", ErrorKind::Absent),
    ("denied", ErrorKind::Denied),
    ("timeout", ErrorKind::Timeout),
    ("not-asked", ErrorKind::NotAsked),
    ("failed", ErrorKind::Failed),
];

/// `bundle.toml`.
pub(super) fn header(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    let table = &file.table;
    let version =
        integer(file, table, "version")?.ok_or_else(|| file.mistake("version", "is missing"))?;
    if version > VERSION {
        return Err(Problem::new(
            Code::BundleNewer,
            format!(
                "{} has version {version}, and this Deskside reads up to {VERSION}",
                file.name
            ),
        )
        .hint("update Deskside, then run the same command again"));
    }
    if version < 1 {
        return Err(file.mistake("version", "must be 1"));
    }
    file.unknown_keys("", table, &HEADER_KEYS, &mut bundle.warnings);
    let mut header = Header {
        os: choice(
            file,
            table,
            "os",
            &[("linux", OsKind::Linux), ("macos", OsKind::MacOs)],
        )?
        .ok_or_else(|| file.mistake("os", "is missing; it is \"linux\" or \"macos\""))?,
        user: choice(
            file,
            table,
            "user",
            &[("person", UserClass::Person), ("root", UserClass::Root)],
        )?
        .unwrap_or(UserClass::Person),
        time: time(file, table)?,
        origin: choice(
            file,
            table,
            "origin",
            &[
                ("recorded", BundleOrigin::Recorded),
                ("synthetic", BundleOrigin::Synthetic),
            ],
        )?
        .unwrap_or(BundleOrigin::Synthetic),
        deskside: string(file, table, "deskside")?,
        redacted: boolean(file, table, "redacted")?.unwrap_or(false),
        notes: string(file, table, "notes")?.unwrap_or_default(),
        complete: strings(file, table, "complete")?
            .unwrap_or_default()
            .iter()
            .map(|path| absolute(file, "complete", path))
            .collect::<Result<_, _>>()?,
        directory: string(file, table, "directory")?
            .map(|path| absolute(file, "directory", &path))
            .transpose()?,
        person: PersonRecord::default(),
    };
    if let Some(person) = child(file, table, "person")? {
        file.unknown_keys("person", person, &PERSON_KEYS, &mut bundle.warnings);
        header.person = PersonRecord {
            uid: number(file, person, "uid")?,
            groups: match person.get("groups") {
                None => None,
                Some(value) => Some(
                    value
                        .as_array()
                        .and_then(|list| {
                            list.iter()
                                .map(|one| one.as_integer().and_then(|one| one.try_into().ok()))
                                .collect()
                        })
                        .ok_or_else(|| file.mistake("groups", "must be a list of group numbers"))?,
                ),
            },
            name: string(file, person, "name")?,
            host: string(file, person, "host")?,
            processors: number(file, person, "processors")?,
        };
    }
    bundle.header = header;
    for (path, value) in child(file, table, "outcomes")?.into_iter().flatten() {
        let outcome = match value {
            Value::String(word) => Outcome::of(outcome_word(file, path, word)?),
            Value::Table(inner) => outcome(file, path, inner)?
                .ok_or_else(|| file.mistake(path, "needs an `outcome`"))?,
            _ => {
                return Err(file.mistake(
                    path,
                    "must be an outcome: \"absent\", \"denied\", \"timeout\" or \"not-asked\"",
                ));
            }
        };
        bundle
            .outcomes
            .insert(absolute(file, "outcomes", path)?, outcome);
    }
    Ok(())
}

/// `stats.toml`.
pub(super) fn stats(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    file.unknown_keys("", &file.table, &["path", "space"], &mut bundle.warnings);
    for (path, value) in child(file, &file.table, "path")?.into_iter().flatten() {
        let table = value
            .as_table()
            .ok_or_else(|| file.mistake(path, "must be a table"))?;
        file.unknown_keys(
            &format!("path.\"{path}\""),
            table,
            &STAT_KEYS,
            &mut bundle.warnings,
        );
        let record = StatRecord {
            kind: file_kind(file, table)?,
            mode: number(file, table, "mode")?,
            uid: number(file, table, "uid")?,
            gid: number(file, table, "gid")?,
            size: number(file, table, "size")?,
            modified: integer(file, table, "modified")?,
            readable: boolean(file, table, "readable")?,
            writable: boolean(file, table, "writable")?,
            partial: boolean(file, table, "partial")?.unwrap_or(false),
        };
        bundle.stats.insert(absolute(file, "path", path)?, record);
    }
    for (path, value) in child(file, &file.table, "space")?.into_iter().flatten() {
        let table = value
            .as_table()
            .ok_or_else(|| file.mistake(path, "must be a table"))?;
        file.unknown_keys(
            &format!("space.\"{path}\""),
            table,
            &SPACE_KEYS,
            &mut bundle.warnings,
        );
        let record = match outcome(file, path, table)? {
            Some(outcome) => SpaceRecord::Outcome(outcome),
            None => SpaceRecord::Space(Space {
                total: number(file, table, "total")?
                    .ok_or_else(|| file.mistake(path, "needs `total`, in bytes"))?,
                free: number(file, table, "free")?
                    .ok_or_else(|| file.mistake(path, "needs `free`, in bytes"))?,
                read_only: boolean(file, table, "read_only")?.unwrap_or(false),
            }),
        };
        bundle.spaces.insert(absolute(file, "space", path)?, record);
    }
    Ok(())
}

/// `listings.toml`.
pub(super) fn listings(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    file.unknown_keys("", &file.table, &["directory"], &mut bundle.warnings);
    let tables = |key: &str, table: &Table| -> Result<Vec<Table>, Problem> {
        let Some(value) = table.get(key) else {
            return Ok(Vec::new());
        };
        value
            .as_array()
            .and_then(|list| list.iter().map(|one| one.as_table().cloned()).collect())
            .ok_or_else(|| file.mistake(key, "must be a list of tables"))
    };
    for directory in tables("directory", &file.table)? {
        file.unknown_keys(
            "[directory]",
            &directory,
            &["path", "entries"],
            &mut bundle.warnings,
        );
        let path = string(file, &directory, "path")?
            .ok_or_else(|| file.mistake("path", "is missing in a [[directory]]"))?;
        let mut entries = Vec::new();
        for entry in tables("entries", &directory)? {
            file.unknown_keys("entries", &entry, &["name", "kind"], &mut bundle.warnings);
            let name = string(file, &entry, "name")?
                .ok_or_else(|| file.mistake(&path, "has an entry without a name"))?;
            if name.is_empty() || name == "." || name == ".." || name.contains('/') {
                return Err(file.mistake(
                    &path,
                    format!("has an entry with the impossible name {name:?}"),
                ));
            }
            entries.push(Entry {
                name,
                kind: file_kind(file, &entry)?.unwrap_or(FileKind::File),
            });
        }
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        bundle
            .listings
            .insert(absolute(file, "path", &path)?, entries);
    }
    Ok(())
}

/// `cmd/NAME.toml`.
pub(super) fn command(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    let (argv, record) = recorded(file, bundle)?;
    if bundle.commands.insert(argv.clone(), record).is_some() {
        return Err(unreadable(format!(
            "{}: the command `{}` is in the bundle twice",
            file.name,
            argv.join(" ")
        )));
    }
    Ok(())
}

/// `failed.toml`.
pub(super) fn failed(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    match recorded(file, bundle)? {
        (argv, CommandRecord::Output(output)) => {
            bundle.failed = Some((argv, output));
            Ok(())
        }
        (_, CommandRecord::Outcome(_)) => {
            Err(file.mistake("outcome", "a command that failed has an exit code"))
        }
    }
}

/// A command and what it came to.
fn recorded(
    file: &TomlFile<'_>,
    bundle: &mut Bundle,
) -> Result<(Vec<String>, CommandRecord), Problem> {
    let table = &file.table;
    file.unknown_keys("", table, &COMMAND_KEYS, &mut bundle.warnings);
    let argv = strings(file, table, "argv")?.filter(|argv| !argv.is_empty());
    let argv = argv.ok_or_else(|| {
        file.mistake(
            "argv",
            "is missing: the program and its arguments, as a list",
        )
    })?;
    let record = match outcome(file, "outcome", table)? {
        Some(outcome) => CommandRecord::Outcome(outcome),
        None => CommandRecord::Output(Output {
            code: number(file, table, "exit")?.unwrap_or(0),
            stdout: output(file, table, "stdout", "stdout_base64")?,
            stderr: output(file, table, "stderr", "stderr_base64")?,
        }),
    };
    Ok((argv, record))
}

/// `env.toml`.
pub(super) fn variables(file: &TomlFile<'_>, bundle: &mut Bundle) -> Result<(), Problem> {
    let table = &file.table;
    file.unknown_keys("", table, &VARIABLE_KEYS, &mut bundle.warnings);
    let mut variables = Variables {
        complete: boolean(file, table, "complete")?.unwrap_or(false),
        ..Variables::default()
    };
    for (name, value) in child(file, table, "variables")?.into_iter().flatten() {
        let value = value
            .as_str()
            .ok_or_else(|| file.mistake(name, "must be text in quotes"))?;
        variables.values.insert(name.clone(), value.to_string());
    }
    variables.set = strings(file, table, "set")?
        .unwrap_or_default()
        .into_iter()
        .collect();
    variables.absent = strings(file, table, "absent")?
        .unwrap_or_default()
        .into_iter()
        .collect();
    if let Some(name) = variables
        .absent
        .iter()
        .find(|name| variables.values.contains_key(*name) || variables.set.contains(*name))
    {
        return Err(file.mistake(name, "has a value and is in `absent`"));
    }
    bundle.variables = variables;
    Ok(())
}

fn time(file: &TomlFile<'_>, table: &Table) -> Result<jiff::Timestamp, Problem> {
    let text = match table.get("time") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Datetime(time)) => time.to_string(),
        Some(_) => return Err(file.mistake("time", "must be a time such as 2026-11-25T15:00:00Z")),
        None => {
            return Err(file.mistake(
                "time",
                "is missing; it is a time such as 2026-11-25T15:00:00Z",
            ));
        }
    };
    text.parse().map_err(|error| {
        file.mistake(
            "time",
            format!("must be a time such as 2026-11-25T15:00:00Z: {error}"),
        )
    })
}

fn outcome(file: &TomlFile<'_>, key: &str, table: &Table) -> Result<Option<Outcome>, Problem> {
    let Some(word) = string(file, table, "outcome")? else {
        return Ok(None);
    };
    Ok(Some(Outcome {
        kind: outcome_word(file, key, &word)?,
        detail: string(file, table, "detail")?,
    }))
}

fn outcome_word(file: &TomlFile<'_>, key: &str, word: &str) -> Result<ErrorKind, Problem> {
    if let Some((_, kind)) = OUTCOMES.iter().find(|(known, _)| *known == word) {
        return Ok(*kind);
    }
    // The rarer kinds that a recorder met are read back as they are.
    if let Ok(kind) = serde_json::from_value(serde_json::Value::String(word.to_string())) {
        return Ok(kind);
    }
    let words = OUTCOMES.map(|(known, _)| known);
    let meant = closest(word, words.into_iter())
        .map(|meant| format!("; did you mean \"{meant}\"?"))
        .unwrap_or_default();
    Err(file.mistake(key, format!("has the unknown outcome \"{word}\"{meant}")))
}

/// The outcome a device file may hold instead of an answer.
pub(crate) fn device_outcome(value: &serde_json::Value) -> Option<Outcome> {
    let table = value.as_object()?;
    let word = table.get("outcome")?.as_str()?;
    let kind = serde_json::from_value(serde_json::Value::String(word.to_string()))
        .unwrap_or(ErrorKind::Failed);
    Some(Outcome {
        kind,
        detail: table
            .get("detail")
            .and_then(|detail| detail.as_str())
            .map(ToString::to_string),
    })
}

fn absolute(file: &TomlFile<'_>, key: &str, text: &str) -> Result<PathBuf, Problem> {
    let path = Path::new(text);
    if !path.is_absolute()
        || path.components().any(|step| step == Component::ParentDir)
        || text.contains('\0')
    {
        return Err(file.mistake(key, format!("holds {text:?}, which is no absolute path")));
    }
    Ok(path.components().collect())
}

fn file_kind(file: &TomlFile<'_>, table: &Table) -> Result<Option<FileKind>, Problem> {
    let kinds = [
        ("file", FileKind::File),
        ("directory", FileKind::Directory),
        ("link", FileKind::Link),
        ("device", FileKind::Device),
        ("other", FileKind::Other),
    ];
    choice(file, table, "kind", &kinds)
}

fn output(
    file: &TomlFile<'_>,
    table: &Table,
    text: &str,
    packed: &str,
) -> Result<Vec<u8>, Problem> {
    match (string(file, table, text)?, string(file, table, packed)?) {
        (Some(_), Some(_)) => Err(file.mistake(text, format!("and {packed} exclude each other"))),
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(words)) => {
            super::base64::decode(&words).ok_or_else(|| file.mistake(packed, "is no base64"))
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn child<'t>(
    file: &TomlFile<'_>,
    table: &'t Table,
    key: &str,
) -> Result<Option<&'t Table>, Problem> {
    table
        .get(key)
        .map(|value| {
            value
                .as_table()
                .ok_or_else(|| file.mistake(key, "must be a table"))
        })
        .transpose()
}

fn string(file: &TomlFile<'_>, table: &Table, key: &str) -> Result<Option<String>, Problem> {
    let words = |value: &Value| {
        value
            .as_str()
            .map(ToString::to_string)
            .ok_or_else(|| file.mistake(key, "must be text in quotes"))
    };
    table.get(key).map(words).transpose()
}

fn strings(file: &TomlFile<'_>, table: &Table, key: &str) -> Result<Option<Vec<String>>, Problem> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    value
        .as_array()
        .and_then(|list| {
            list.iter()
                .map(|one| one.as_str().map(ToString::to_string))
                .collect()
        })
        .map(Some)
        .ok_or_else(|| file.mistake(key, "must be a list of texts in quotes"))
}

fn boolean(file: &TomlFile<'_>, table: &Table, key: &str) -> Result<Option<bool>, Problem> {
    table
        .get(key)
        .map(|value| {
            value
                .as_bool()
                .ok_or_else(|| file.mistake(key, "must be true or false"))
        })
        .transpose()
}

fn integer(file: &TomlFile<'_>, table: &Table, key: &str) -> Result<Option<i64>, Problem> {
    table
        .get(key)
        .map(|value| {
            value
                .as_integer()
                .ok_or_else(|| file.mistake(key, "must be a whole number"))
        })
        .transpose()
}

fn number<N: TryFrom<i64>>(
    file: &TomlFile<'_>,
    table: &Table,
    key: &str,
) -> Result<Option<N>, Problem> {
    let fits =
        |value: i64| N::try_from(value).map_err(|_| file.mistake(key, format!("can't be {value}")));
    integer(file, table, key)?.map(fits).transpose()
}

fn choice<T: Copy>(
    file: &TomlFile<'_>,
    table: &Table,
    key: &str,
    choices: &[(&str, T)],
) -> Result<Option<T>, Problem> {
    let Some(word) = string(file, table, key)? else {
        return Ok(None);
    };
    let found = choices
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        file.mistake(
            key,
            format!("is \"{word}\", and it must be one of {}", names.join(", ")),
        )
    })
}
