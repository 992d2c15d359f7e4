//! Bundles as `.tar` and `.tar.zst`: read member by member within limits, written reproducibly.

use super::folder::{beside, unreadable};
use super::raw::{Budget, Raw, member, put, unwrapped};
use super::{ENTRY_LIMIT, Node, TOTAL_LIMIT, hostile};
use crate::error::DoorError;
use deskside_types::{Code, Problem};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::EntryType;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest path or link that an archive may spell out.
const NAME_LIMIT: u64 = 64 << 10;

/// How a bundle is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// `.tar.zst`
    Zstd,
    /// `.tar`
    Plain,
}

impl Packing {
    /// By the path's ending; none for a folder.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.as_bytes().to_ascii_lowercase();
        if name.ends_with(b".tar.zst") || name.ends_with(b".tzst") {
            Some(Self::Zstd)
        } else {
            name.ends_with(b".tar").then_some(Self::Plain)
        }
    }
}

/// Reads an archive, packed or not, told apart by its first bytes.
pub(super) fn read(path: &Path) -> Result<Raw, Problem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return Err(super::unreadable(format!(
            "{} is neither a folder nor a file",
            path.display()
        )));
    }
    let mut reader = BufReader::new(file);
    let packed = io::BufRead::fill_buf(&mut reader)
        .map_err(|error| unreadable(path, &error))?
        .starts_with(&ZSTD_MAGIC);
    let damaged = |error: &io::Error| {
        let kind = if packed {
            "zstd archive"
        } else {
            "tar archive"
        };
        // The reader quotes the bytes it stumbled over: they may be anybody's, and are not shown.
        let text = error.to_string();
        let why = text.split([':', '\n']).next().unwrap_or_default().trim();
        super::unreadable(format!("{} is no whole {kind}", path.display())).because(why)
    };
    if packed {
        let decoder =
            zstd::stream::read::Decoder::with_buffer(reader).map_err(|error| damaged(&error))?;
        members(decoder, &damaged)
    } else {
        members(reader, &damaged)
    }
}

/// A stream that ends in an error after so many bytes: what a bomb unpacks to is never waited for.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(TooMuch))?;
        Ok(count)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the archive unpacks to more than an evidence bundle may hold")]
struct TooMuch;

fn members(stream: impl Read, damaged: &dyn Fn(&io::Error) -> Problem) -> Result<Raw, Problem> {
    let failed = |error: io::Error| match error.get_ref().is_some_and(|inner| inner.is::<TooMuch>())
    {
        true => hostile(TooMuch.to_string()),
        false => damaged(&error),
    };
    // Each member has a header and padding beside its bytes, and may have a long name.
    let left = TOTAL_LIMIT + 2048 * ENTRY_LIMIT as u64;
    let mut archive = tar::Archive::new(Limited {
        inner: stream,
        left,
    });
    let mut raw = Raw::new();
    let mut budget = Budget::default();
    let mut named = Named::default();
    for entry in archive.entries().map_err(failed)?.raw(true) {
        let mut entry = entry.map_err(failed)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions() {
            if entry.size() > NAME_LIMIT {
                return Err(hostile("a member's name is longer than 64 KiB"));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(failed)?;
            named.take(kind, &text)?;
            continue;
        }
        if kind.is_pax_global_extensions() {
            continue;
        }
        let Named { path, link } = std::mem::take(&mut named);
        let shown = path.unwrap_or_else(|| bytes_path(&entry.path_bytes()));
        let path = member(&shown)?;
        budget.entry(&path)?;
        let node = match kind {
            EntryType::Regular | EntryType::Continuous => {
                budget.bytes(&path, entry.size())?;
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).map_err(failed)?;
                Node::File {
                    contents,
                    executable: entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0),
                }
            }
            EntryType::Directory => Node::Directory,
            EntryType::Symlink => {
                let target =
                    link.or_else(|| entry.link_name_bytes().map(|bytes| bytes_path(&bytes)));
                Node::Link(target.ok_or_else(|| {
                    super::unreadable(format!("the link {} leads nowhere", path.display()))
                })?)
            }
            EntryType::Link => {
                return Err(hostile(format!(
                    "the member {} is a hard link",
                    path.display()
                )));
            }
            other => {
                return Err(hostile(format!(
                    "the member {} is neither file, folder nor link ({other:?})",
                    path.display()
                )));
            }
        };
        if !path.as_os_str().is_empty() {
            put(&mut raw, path, node)?;
        }
    }
    unwrapped(raw)
}

/// Names that stand in members of their own, before the member they belong to.
#[derive(Default)]
struct Named {
    path: Option<PathBuf>,
    link: Option<PathBuf>,
}

impl Named {
    fn take(&mut self, kind: EntryType, text: &[u8]) -> Result<(), Problem> {
        let until_zero = || bytes_path(text.split(|byte| *byte == 0).next().unwrap_or_default());
        if kind.is_gnu_longname() {
            self.path = Some(until_zero());
        } else if kind.is_gnu_longlink() {
            self.link = Some(until_zero());
        } else {
            for extension in tar::PaxExtensions::new(text) {
                let extension = extension.map_err(|error| {
                    super::unreadable("an extended header is damaged").because(error)
                })?;
                match extension.key_bytes() {
                    b"path" => self.path = Some(bytes_path(extension.value_bytes())),
                    b"linkpath" => self.link = Some(bytes_path(extension.value_bytes())),
                    b"size" => return Err(hostile("a member is larger than its header can say")),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn bytes_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Writes an archive: beside its place first, then renamed over it. The same bundle gives the same bytes.
pub(super) fn write(path: &Path, raw: &Raw, packing: Packing, seconds: i64) -> Result<(), Problem> {
    let failed = |error: &io::Error| {
        Problem::from(DoorError::from_io(
            format!("write the evidence bundle {}", path.display()),
            error,
        ))
    };
    if std::fs::symlink_metadata(path).is_ok() && read(path).is_err() {
        return Err(Problem::new(
            Code::Effect,
            format!("could not write the evidence bundle {}", path.display()),
        )
        .because("a file that is not an evidence bundle has that name")
        .hint("name a file that is not there"));
    }
    let place = std::path::absolute(path).map_err(|error| failed(&error))?;
    if let Some(above) = place.parent() {
        std::fs::create_dir_all(above).map_err(|error| failed(&error))?;
    }
    let beside = beside(&place);
    let outcome = (|| {
        let file = File::create(&beside)?;
        match packing {
            Packing::Plain => pack(file, raw, seconds)?.flush()?,
            Packing::Zstd => {
                pack(zstd::stream::write::Encoder::new(file, 9)?, raw, seconds)?.finish()?;
            }
        }
        std::fs::rename(&beside, &place)
    })();
    outcome.map_err(|error| {
        // What is half written is of no use; that it can't be removed either adds nothing to the first failure.
        let _ = std::fs::remove_file(&beside);
        failed(&error)
    })
}

fn pack<W: Write>(writer: W, raw: &Raw, seconds: i64) -> io::Result<W> {
    let mut builder = tar::Builder::new(writer);
    for (path, node) in raw {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(u64::try_from(seconds).unwrap_or(0));
        header.set_uid(0);
        header.set_gid(0);
        match node {
            Node::File {
                contents,
                executable,
            } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(if *executable { 0o755 } else { 0o644 });
                header.set_size(contents.len() as u64);
                builder.append_data(&mut header, path, contents.as_slice())?;
            }
            Node::Directory => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                builder.append_data(&mut header, path.join(""), io::empty())?;
            }
            Node::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                builder.append_link(&mut header, path, target)?;
            }
        }
    }
    builder.into_inner()
}
