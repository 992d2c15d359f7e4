//! A model of the hub that was not downloaded: its configuration and the headers of its files, by range requests alone.
//!
//! Source: huggingface_hub, "Download files": `ENDPOINT/OWNER/NAME/resolve/REVISION/FILE`; its safetensors metadata is read
//! the same way. Bounded: so many files, so many bytes of each header, so long in all.

use super::model::{self, Read};
use deskside_advise::fit::config;
use deskside_advise::fit::gguf::{self, Trouble};
use deskside_advise::fit::safetensors;
use deskside_machine::{DoorError, ErrorKind, Machine, Part, Reading, TokenPlace};
use deskside_types::{Code, Problem, Result};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ENDPOINT: &str = "https://huggingface.co";
/// For one exchange, and for all of one model.
const DEADLINE: Duration = Duration::from_secs(20);
const IN_ALL: Duration = Duration::from_secs(60);
/// Of more files only the index is believed.
const MOST_FILES: usize = 48;
/// Bytes of a file that are fetched first: most headers are shorter.
const FIRST: u64 = 128 << 10;
const LONGEST_CONFIGURATION: u64 = 2 << 20;
const LONGEST_INDEX: u64 = 16 << 20;

/// A model on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    owner: String,
    name: String,
    revision: String,
    /// One GGUF file of it.
    file: Option<String>,
}

impl Id {
    /// `owner/name`, `owner/name@revision`, `owner/name/file.gguf`; none where it is nothing like that.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 96
                && !part.starts_with('.')
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let (text, revision) = text.split_once('@').unwrap_or((text, "main"));
        let parts: Vec<&str> = text.split('/').collect();
        let (owner, name, file) = match parts[..] {
            [owner, name] => (owner, name, None),
            [owner, name, file] if file.ends_with(".gguf") && plain(file) => {
                (owner, name, Some(file))
            }
            _ => return None,
        };
        (plain(owner) && plain(name) && plain(revision)).then(|| Self {
            owner: owner.into(),
            name: name.into(),
            revision: revision.into(),
            file: file.map(Into::into),
        })
    }
}

impl Id {
    /// It names one file.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }
}

/// Why a file was not had.
enum Missing {
    /// It is not there.
    Absent,
    /// Another reason.
    Failed(Problem),
}

struct Hub<'a> {
    machine: &'a dyn Machine,
    base: String,
    token: Option<TokenPlace>,
    /// The server asked for a token once: it gets one from then on.
    asks: Cell<bool>,
    until: Option<Duration>,
}

/// Reads a model of the hub.
///
/// # Errors
/// [`Code::ModelUnknown`] where the hub has no such model, or says it is not for this person; [`Code::ModelUnreadable`] where what it
/// sends can't be; [`Code::Network`] where it can't be reached.
pub(super) fn read(machine: &dyn Machine, id: &Id) -> Result<Read> {
    let endpoint = machine
        .variable("HF_ENDPOINT")
        .filter(|text| text.starts_with("http"))
        .unwrap_or_else(|| ENDPOINT.into());
    let hub = Hub {
        machine,
        base: format!(
            "{}/{}/{}/resolve/{}",
            endpoint.trim_end_matches('/'),
            id.owner,
            id.name,
            id.revision
        ),
        token: token_place(machine),
        asks: Cell::new(false),
        until: machine.now().ok().map(|now| now.monotonic + IN_ALL),
    };
    let mut read = match &id.file {
        Some(file) => hub.gguf(file)?,
        None => hub.tensors(&format!("{}/{}", id.owner, id.name))?,
    };
    if id.file.is_none() {
        read.shape.name = format!("{}/{}", id.owner, id.name);
    }
    Ok(read)
}

/// Where a person keeps the hub's token: only the place, as `huggingface_hub` looks for it.
fn token_place(machine: &dyn Machine) -> Option<TokenPlace> {
    let set = machine.variables().unwrap_or_default();
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if set.iter().any(|one| one == name) {
            return Some(TokenPlace::Variable(name.into()));
        }
    }
    let path = machine
        .variable("HF_TOKEN_PATH")
        .map(PathBuf::from)
        .or_else(|| {
            machine
                .variable("HF_HOME")
                .map(|home| Path::new(&home).join("token"))
        })
        .or_else(|| {
            machine
                .variable("HOME")
                .map(|home| Path::new(&home).join(".cache/huggingface/token"))
        })?;
    machine
        .exists(&path)
        .unwrap_or(false)
        .then_some(TokenPlace::File(path))
}

impl Hub<'_> {
    /// Bytes of a file; the token only where the server asks for one.
    fn part(&self, file: &str, offset: u64, length: u64) -> std::result::Result<Part, Missing> {
        let over = match (self.until, self.machine.now()) {
            (Some(until), Ok(now)) => now.monotonic > until,
            _ => false,
        };
        if over {
            return Err(Missing::Failed(
                Problem::new(Code::Timeout, "the hub answers too slowly")
                    .hint("download the model, or give its config.json"),
            ));
        }
        let url = format!("{}/{file}", self.base);
        let ask = |token: Option<TokenPlace>| {
            self.machine
                .fetch_part(&url, offset, length, token, DEADLINE)
        };
        let token = self.token.clone().filter(|_| self.asks.get());
        let answer = match ask(token) {
            Err(error) if refused(&error) && !self.asks.get() && self.token.is_some() => {
                self.asks.set(true);
                ask(self.token.clone())
            }
            other => other,
        };
        answer.map_err(|error| {
            if error.kind == ErrorKind::Status && error.detail.starts_with("404") {
                return Missing::Absent;
            }
            if refused(&error) {
                let problem = Problem::new(
                    Code::ModelUnknown,
                    "the hub has no such model, or it is not open to you",
                )
                .because(error);
                return Missing::Failed(match self.token {
                    Some(_) => problem.hint("accept the model's terms on its page, with the account of your token"),
                    None => problem.hint("log in with `hf auth login`, or set HF_TOKEN; it is read where it lies and never kept"),
                });
            }
            Missing::Failed(error.into())
        })
    }

    fn whole(&self, file: &str, limit: u64) -> std::result::Result<Vec<u8>, Missing> {
        let part = self.part(file, 0, limit + 1)?;
        if part.bytes.len() as u64 > limit {
            return Err(Missing::Failed(unreadable(
                file,
                format!("it is longer than {limit} bytes"),
            )));
        }
        Ok(part.bytes)
    }

    fn optional(&self, file: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.whole(file, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Missing::Absent) => Ok(None),
            Err(Missing::Failed(problem)) => Err(problem),
        }
    }

    fn tensors(&self, shown: &str) -> Result<Read> {
        let configuration = self
            .optional("config.json", LONGEST_CONFIGURATION)?
            .map(|text| config::config(shown, &text).map_err(|why| unreadable("config.json", why)))
            .transpose()?;
        let index = self.optional("model.safetensors.index.json", LONGEST_INDEX)?;
        let (files, whole) = match &index {
            Some(text) => {
                let (size, files) = safetensors::index(text)
                    .map_err(|why| unreadable("the index of its files", why))?;
                (files, size)
            }
            None => (vec!["model.safetensors".to_string()], None),
        };
        // A name out of an index becomes a part of an address.
        let odd = files.iter().find(|file| {
            file.len() > 200
                || file.contains("..")
                || !file
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
        });
        if let Some(odd) = odd {
            return Err(unreadable(
                "the index of its files",
                format!("it names {odd:?}"),
            ));
        }
        if files.len() > MOST_FILES
            && let (Some(size), Some(read)) = (whole, &configuration)
        {
            return Ok(model::joined(
                read.clone(),
                Some(size as f64),
                "the hub: the index of its files and config.json",
            ));
        }
        let mut all = Vec::new();
        for file in files.iter().take(MOST_FILES) {
            match self.header(file) {
                Ok(tensors) => all.extend(tensors),
                Err(Missing::Failed(problem)) => return Err(problem),
                Err(Missing::Absent) if index.is_some() => {
                    return Err(unreadable(file, "the index names it, and it is not there"));
                }
                Err(Missing::Absent) => {
                    let Some(read) = configuration else {
                        return Err(Problem::new(
                            Code::ModelUnknown,
                            format!("the hub has no {shown}, or neither safetensors nor config.json in it"),
                        )
                        .hint("of a model in GGUF give the file: owner/name/file.gguf"));
                    };
                    return Ok(model::joined(read, None, "the hub: config.json"));
                }
            }
        }
        model::of_tensors(
            shown,
            &all,
            configuration,
            "the hub: the headers of its safetensors files",
        )
    }

    fn header(&self, file: &str) -> std::result::Result<Vec<safetensors::Tensor>, Missing> {
        let bad = |why: String| Missing::Failed(unreadable(file, why));
        let first = self.part(file, 0, FIRST)?;
        let size = first
            .total
            .ok_or_else(|| bad("the server does not tell its size".into()))?;
        let start = first
            .bytes
            .get(..8)
            .ok_or_else(|| bad("it is too short".into()))?;
        let length = safetensors::length(start, size).map_err(bad)?;
        let mut text = first.bytes[8..].to_vec();
        if (text.len() as u64) < length {
            let more = self.part(file, 8 + text.len() as u64, length - text.len() as u64)?;
            text.extend(more.bytes);
        }
        text.truncate(length as usize);
        if (text.len() as u64) < length {
            return Err(bad("its header ends too soon".into()));
        }
        safetensors::tensors(&text, size - 8 - length).map_err(bad)
    }

    fn gguf(&self, file: &str) -> Result<Read> {
        let failed = |missing: Missing| match missing {
            Missing::Failed(problem) => problem,
            Missing::Absent => {
                Problem::new(Code::ModelUnknown, format!("the hub has no {file} there"))
            }
        };
        let mut bytes = Vec::new();
        let mut wanted = 1 << 20;
        loop {
            let have = bytes.len() as u64;
            let part = self.part(file, have, wanted - have).map_err(failed)?;
            let size = part
                .total
                .ok_or_else(|| unreadable(file, "the server does not tell its size"))?;
            let ended = (part.bytes.len() as u64) < wanted - have;
            bytes.extend(part.bytes);
            match gguf::header(&bytes, size) {
                Ok(header) => {
                    return model::of_gguf(file, &header, "the hub: the header of its GGUF file");
                }
                Err(Trouble::Bad(why)) => return Err(unreadable(file, why)),
                Err(Trouble::More) if ended => {
                    return Err(unreadable(file, "it ends inside its header"));
                }
                Err(Trouble::More) if wanted >= gguf::LONGEST => {
                    return Err(unreadable(
                        file,
                        format!("its header is longer than {} bytes", gguf::LONGEST),
                    ));
                }
                Err(Trouble::More) => wanted = (wanted * 4).min(gguf::LONGEST),
            }
        }
    }
}

/// The hub answers 401 for what is not there, too, and 403 for what is gated.
fn refused(error: &DoorError) -> bool {
    error.kind == ErrorKind::Status
        && (error.detail.starts_with("401") || error.detail.starts_with("403"))
}

fn unreadable(file: &str, why: impl std::fmt::Display) -> Problem {
    Problem::new(
        Code::ModelUnreadable,
        format!("{file} of the hub can't be read"),
    )
    .because(why)
}
