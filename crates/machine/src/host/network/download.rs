//! Downloading into a file that gets its name only when all its bytes are the promised ones.

use super::Network;
use super::exchange::{Exchange, Request};
use crate::effect::{Durability, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::host::place::Base;
use crate::host::{read, write};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// The most that is taken where nobody stated a size.
const UNSTATED_LIMIT: u64 = 200 << 20;

/// What to download.
pub(crate) struct Download<'a> {
    /// From where.
    pub url: &'a str,
    /// To which file.
    pub path: &'a Path,
    /// SHA-256 in hex.
    pub sha256: &'a str,
    /// Bytes; 0 where they are not stated: then at most [`UNSTATED_LIMIT`] and the hash alone decides.
    pub size: u64,
    /// For the whole.
    pub deadline: Duration,
}

/// Downloads, unless the right file is there already.
pub(crate) fn download(
    network: &Network,
    base: &Base,
    what: &str,
    wanted: &Download<'_>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DoorError> {
    let Download {
        url,
        path,
        sha256,
        size,
        deadline,
    } = *wanted;
    let fail = |error: io::Error| DoorError::from_io(what, &error);
    let wrong = |detail: String| DoorError::new(ErrorKind::Hash, what, detail);
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(DoorError::new(
            ErrorKind::Failed,
            what,
            "its SHA-256 is not 64 hexadecimal digits",
        ));
    }
    let path = &base.written_path(path).map_err(fail)?;
    let total = (size > 0).then_some(size);
    let limit = total.unwrap_or(UNSTATED_LIMIT);
    if is_there(base, path, sha256, size) {
        watch(Progress::Bytes { done: size, total });
        return Ok(());
    }
    write::folders_above(base, path, Durability::Process).map_err(fail)?;
    let mut beside = write::Beside::new(base, path).map_err(fail)?;
    let request = Request {
        what: what.into(),
        url: url.into(),
        accept: String::new(),
        identity: true,
        range: None,
        bearer: None,
        deadline,
    };
    let (exchange, head) = Exchange::begin(network, request)?;
    let too_large = |told: u64| {
        DoorError::new(
            ErrorKind::TooLarge,
            what,
            format!("{told} bytes or more, at most {limit} were expected"),
        )
    };
    if let Some(length) = head.length.filter(|length| *length > limit) {
        return Err(too_large(length));
    }
    let mut hash = Sha256::new();
    let mut done = 0_u64;
    watch(Progress::Bytes { done, total });
    while let Some(bytes) = exchange.bytes()? {
        done += bytes.len() as u64;
        if done > limit {
            return Err(too_large(done));
        }
        hash.update(&bytes);
        beside.file.write_all(&bytes).map_err(fail)?;
        watch(Progress::Bytes { done, total });
    }
    if total.is_some_and(|total| done != total) {
        return Err(wrong(format!("{done} bytes came instead of {size}")));
    }
    let found = hex(&hash.finalize());
    if !found.eq_ignore_ascii_case(sha256) {
        return Err(wrong(format!(
            "its SHA-256 is {found}, not {}",
            sha256.to_ascii_lowercase()
        )));
    }
    beside.keep(0o644, Durability::Process).map_err(fail)
}

/// Whether the file is there with the right size and hash.
fn is_there(base: &Base, path: &Path, sha256: &str, size: u64) -> bool {
    let Ok((mut file, length)) = read::open_regular(base, path) else {
        return false;
    };
    if size > 0 && length != size {
        return false;
    }
    let mut hash = Sha256::new();
    let mut bytes = vec![0; 256 << 10];
    loop {
        match file.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => hash.update(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    hex(&hash.finalize()).eq_ignore_ascii_case(sha256)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
