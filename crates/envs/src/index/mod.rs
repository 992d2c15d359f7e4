//! Finding a wheel on a package index without pip: which index, its page, the newest file that fits.

pub mod address;
pub mod exact;
mod html;
mod ini;
pub mod page;
pub mod settings;
pub mod uploaded;
pub mod version;
pub mod wheel;

use deskside_machine::command::without_credentials;
use deskside_machine::{DoorError, ErrorKind, FileKind, Machine, Reading};
use deskside_types::{Code, Problem};
use page::File;
use settings::{Settings, Source};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::time::Duration;
use wheel::Platform;

/// A page lists thousands of files; the largest seen is 3 MB.
const PAGE_LIMIT: u64 = 32 << 20;
const PAGE_DEADLINE: Duration = Duration::from_secs(30);
/// A wheel in a folder is read whole to take its hash.
const WHEEL_LIMIT: u64 = 200 << 20;

/// The wheel that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its version.
    pub version: String,
    /// The file.
    pub file: File,
    /// Where it lies on this machine, when it need not be downloaded.
    pub local: Option<String>,
    /// Where it was found, without credentials.
    pub origin: String,
}

/// The newest final release of a project that has a wheel for the platform and is not older than `floor`.
///
/// # Errors
/// [`Code::IndexUnreachable`] when no source answered, [`Code::UvUnavailable`] when none has a fitting
/// wheel, each with one cause per source tried.
pub fn newest(
    machine: &dyn Machine,
    settings: &Settings,
    project: &str,
    platform: &Platform,
    floor: &str,
) -> Result<Found, Problem> {
    let mut causes = Vec::new();
    let mut answered = false;
    let mut best: Option<Found> = None;
    let indexes = if settings.no_index {
        Vec::new()
    } else {
        std::iter::once(&settings.index)
            .chain(&settings.extra)
            .collect()
    };
    let places = settings
        .find_links
        .iter()
        .map(|source| (source, false))
        .chain(indexes.into_iter().map(|source| (source, true)));
    for (source, is_index) in places {
        match files(machine, source, is_index, project) {
            Ok(files) => {
                answered |= is_index || !files.is_empty();
                match choose(machine, source, files, project, platform, floor) {
                    Ok(found) => {
                        let newer = best.as_ref().is_none_or(|best| {
                            version::compare(&found.version, &best.version) == Ordering::Greater
                        });
                        if newer {
                            best = Some(found);
                        }
                    }
                    Err(reason) => causes.push(format!("{}: {reason}", source.shown())),
                }
                if is_index && best.is_some() {
                    break;
                }
            }
            Err(error) => {
                answered |= error
                    .status()
                    .is_some_and(|status| !is_server_trouble(status));
                causes.push(format!(
                    "{}: {}",
                    source.shown(),
                    without_credentials(&error.detail)
                ));
            }
        }
    }
    if let Some(found) = best {
        return Ok(found);
    }
    let code = if answered {
        Code::UvUnavailable
    } else {
        Code::IndexUnreachable
    };
    let mut problem = Problem::new(
        code,
        if answered {
            format!("no {project} {floor} or newer for {}", platform.shown())
        } else {
            "no package index answered".to_string()
        },
    );
    problem.causes = causes;
    Err(if answered {
        problem.hint(format!("install {project} yourself so that it is on PATH, or name an index that has it: UV_DEFAULT_INDEX=https://…/simple"))
    } else {
        problem
            .hint("check the network and any proxy (HTTPS_PROXY), then run the same command again")
            .hint("behind a mirror, name it: UV_DEFAULT_INDEX=https://…/simple")
    })
}

/// All files of a project on the first of a person's indexes that has it.
///
/// # Errors
/// [`Code::IndexUnreachable`] with one cause per index.
pub fn files_of(
    machine: &dyn Machine,
    settings: &Settings,
    project: &str,
) -> Result<Vec<File>, Problem> {
    let mut causes = Vec::new();
    for source in std::iter::once(&settings.index).chain(&settings.extra) {
        match files(machine, source, true, project) {
            Ok(files) => return Ok(files),
            Err(error) => causes.push(format!(
                "{}: {}",
                source.shown(),
                without_credentials(&error.detail)
            )),
        }
    }
    let mut problem = Problem::new(
        Code::IndexUnreachable,
        format!("no package index answered for {project}"),
    );
    problem.causes = causes;
    Err(problem
        .hint("check the network and any proxy (HTTPS_PROXY), then run the same command again"))
}

/// Status codes of a server that does not do its work: it has not answered the question.
fn is_server_trouble(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// All files of a project in one place.
fn files(
    machine: &dyn Machine,
    source: &Source,
    is_index: bool,
    project: &str,
) -> Result<Vec<File>, DoorError> {
    let address = if is_index {
        address::project_page(&source.url, project)
    } else {
        source.url.clone()
    };
    let failed = |detail: String| {
        DoorError::new(
            ErrorKind::Failed,
            format!("read {}", without_credentials(&address)),
            detail,
        )
    };
    if let Some(path) = address::local_path(&address) {
        let is_folder = machine.stat(&path)?.kind == FileKind::Directory;
        if is_folder && is_index {
            let page = format!("{}/index.html", path.trim_end_matches('/'));
            let body = machine.file(&page, PAGE_LIMIT)?;
            return page::read(&format!("file://{page}"), "text/html", &body).map_err(failed);
        }
        if is_folder {
            let entries = machine.entries(&path)?;
            return Ok(entries
                .into_iter()
                .filter(|entry| entry.kind != FileKind::Directory)
                .map(|entry| File {
                    url: format!(
                        "file://{}/{}",
                        path.trim_end_matches('/'),
                        entry
                            .name
                            .replace('%', "%25")
                            .replace('#', "%23")
                            .replace('?', "%3F")
                    ),
                    name: entry.name,
                    sha256: None,
                    size: None,
                    yanked: false,
                    uploaded: None,
                })
                .collect());
        }
        let body = machine.file(&path, PAGE_LIMIT)?;
        return page::read(&format!("file://{path}"), "", &body).map_err(failed);
    }
    if !address.contains("://") {
        return Err(failed(
            "it is neither an address nor an absolute path".into(),
        ));
    }
    let response = machine.fetch(&address, page::ACCEPT, PAGE_LIMIT, PAGE_DEADLINE)?;
    let base = if response.url.is_empty() {
        &address
    } else {
        &response.url
    };
    // A redirect within the same server loses the credentials of the address; the files still need them.
    let base = address::join(&address, base);
    page::read(&base, &response.content_type, &response.body).map_err(failed)
}

/// The best file of one place, or in words why there is none.
fn choose(
    machine: &dyn Machine,
    source: &Source,
    files: Vec<File>,
    project: &str,
    platform: &Platform,
    floor: &str,
) -> Result<Found, String> {
    let mut seen = 0;
    let mut newest_seen: Option<String> = None;
    let mut candidates: Vec<(String, u32, File)> = Vec::new();
    for file in files {
        let Some(name) = wheel::parse(&file.name) else {
            continue;
        };
        if !name.project.replace('_', "-").eq_ignore_ascii_case(project)
            || !version::is_final(name.version)
        {
            continue;
        }
        seen += 1;
        let Some(fit) = platform.fit(name.platforms) else {
            continue;
        };
        if file.yanked {
            continue;
        }
        let version = name.version.to_string();
        if newest_seen
            .as_ref()
            .is_none_or(|seen| version::compare(&version, seen) == Ordering::Greater)
        {
            newest_seen = Some(version.clone());
        }
        if version::compare(&version, floor) != Ordering::Less {
            candidates.push((version, fit, file));
        }
    }
    candidates
        .sort_by(|left, right| version::compare(&right.0, &left.0).then(right.1.cmp(&left.1)));
    if candidates.is_empty() {
        return Err(match newest_seen {
            Some(newest) => {
                format!("its newest {project} is {newest}, and {floor} or newer is needed")
            }
            None if seen > 0 => format!("none of its {seen} wheels of {project} fits"),
            None => format!("it has no wheel of {project}"),
        });
    }
    let mut reason = String::new();
    for (version, _, mut file) in candidates {
        let local = address::local_path(&file.url);
        if let Some(path) = &local {
            match (hash_of(machine, path), &file.sha256) {
                (Ok((actual, _)), Some(stated)) if actual != *stated => {
                    reason = format!(
                        "{} does not have the SHA-256 that its index states",
                        file.name
                    );
                    continue;
                }
                (Ok((actual, size)), _) => {
                    file.sha256 = Some(actual);
                    file.size = Some(size);
                }
                (Err(error), _) => {
                    reason = error.detail;
                    continue;
                }
            }
        }
        if file.sha256.is_none() {
            reason = format!(
                "it states no SHA-256 for {}, so that a damaged file could not be told",
                file.name
            );
            continue;
        }
        return Ok(Found {
            version,
            file,
            local,
            origin: source.shown(),
        });
    }
    Err(reason)
}

/// A local file's SHA-256 in hex and its size.
fn hash_of(machine: &dyn Machine, path: &str) -> Result<(String, u64), DoorError> {
    let size = machine.stat(path)?.size;
    if size > WHEEL_LIMIT {
        return Err(DoorError::new(
            ErrorKind::TooLarge,
            format!("read {path}"),
            format!("larger than {WHEEL_LIMIT} bytes"),
        ));
    }
    let bytes = machine.file(path, WHEEL_LIMIT)?;
    Ok((crate::hex(&Sha256::digest(&bytes)), bytes.len() as u64))
}
