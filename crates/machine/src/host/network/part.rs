//! Fetching a part of a resource: for headers of files whose rest nobody wants.

use super::Network;
use super::exchange::{Exchange, Request};
use crate::error::{DoorError, ErrorKind};
use crate::host::place::Base;
use crate::host::read;
use crate::question::{Part, TokenPlace};
use std::io::Read;
use std::time::Duration;

/// A server that knows no ranges sends all from the beginning: so much of it is read and thrown away at the most.
const MOST_SKIPPED: u64 = 1 << 20;
/// The longest token, in bytes.
const LONGEST_TOKEN: u64 = 4096;

/// Fetches `length` bytes from `offset` on.
pub(crate) fn part(
    network: &Network,
    what: &str,
    url: &str,
    (offset, length): (u64, u64),
    token: Option<&TokenPlace>,
    deadline: Duration,
) -> Result<Part, DoorError> {
    let fail = |detail: String| DoorError::new(ErrorKind::Failed, what, detail);
    let bearer = match token {
        Some(place) if is_private(url) => Some(read_token(place).map_err(fail)?),
        Some(_) => {
            return Err(fail(
                "a token is sent only where the way is encrypted: https".into(),
            ));
        }
        None => None,
    };
    let request = Request {
        what: what.into(),
        url: url.into(),
        accept: String::new(),
        identity: true,
        range: Some((offset, length)),
        bearer,
        deadline,
    };
    let (exchange, head) = Exchange::begin(network, request)?;
    let (mut skip, total) = match head.range {
        Some((first, total)) if first == offset => (0, total),
        Some((first, _)) => {
            return Err(fail(format!(
                "the server sent bytes from {first} on, not from {offset}"
            )));
        }
        None if offset > MOST_SKIPPED => {
            return Err(fail("the server knows no range requests".into()));
        }
        None => (offset as usize, head.length),
    };
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let Some(more) = exchange.bytes()? else {
            break;
        };
        let from = skip.min(more.len());
        skip -= from;
        bytes.extend_from_slice(&more[from..]);
    }
    bytes.truncate(length as usize);
    Ok(Part { bytes, total })
}

/// Nobody on the way can read what is sent: encrypted, or this machine itself.
fn is_private(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("https") || matches!(host, "127.0.0.1" | "localhost")
}

fn read_token(place: &TokenPlace) -> Result<String, String> {
    let (text, named) = match place {
        TokenPlace::Variable(name) => (
            std::env::var_os(name)
                .and_then(|value| value.into_string().ok())
                .ok_or_else(|| format!("{name} can't be read"))?,
            name.clone(),
        ),
        TokenPlace::File(path) => {
            let named = path.display().to_string();
            let (file, _) = read::open_regular(&Base::Whole, path)
                .map_err(|error| format!("{named} can't be read: {error}"))?;
            let mut text = String::new();
            file.take(LONGEST_TOKEN)
                .read_to_string(&mut text)
                .map_err(|_| format!("{named} is no text"))?;
            (text, named)
        }
    };
    let token = text.trim();
    if token.is_empty() || token.len() >= LONGEST_TOKEN as usize {
        return Err(format!("{named} holds no token"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{named} holds something that is no token"));
    }
    Ok(token.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_only_where_nobody_listens() {
        for (url, private) in [
            ("https://example.org/a", true),
            ("HTTPS://example.org", true),
            ("http://127.0.0.1:80/a", true),
            ("http://localhost/a", true),
            ("http://example.org/a", false),
            ("http://127.0.0.1.example.org/", false),
            ("http://localhost@example.org/", false),
            ("ftp://127.0.0.1.x", false),
            ("nothing", false),
        ] {
            assert_eq!(is_private(url), private, "{url}");
        }
    }
}
