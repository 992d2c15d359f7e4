//! The simulated network: addresses that answer, or not.

use super::state::SimState;
use deskside_machine::{ErrorKind, Part, Progress, Response};
use sha2::{Digest, Sha256};

/// What a server answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimResponse {
    /// A body with its content type.
    Body {
        /// `application/json` or another.
        content_type: String,
        /// The bytes.
        body: Vec<u8>,
    },
    /// An HTTP status that is an error.
    Status(u16),
    /// A failure of this kind: the server does not answer.
    Fails(ErrorKind),
}

impl super::Sim {
    /// Lets an address answer with a body.
    pub fn serve(
        &self,
        url: impl Into<String>,
        content_type: impl Into<String>,
        body: impl Into<Vec<u8>>,
    ) -> &Self {
        let response = SimResponse::Body {
            content_type: content_type.into(),
            body: body.into(),
        };
        self.state().urls.insert(url.into(), response);
        self
    }

    /// Lets an address answer in another way.
    pub fn serve_response(&self, url: impl Into<String>, response: SimResponse) -> &Self {
        self.state().urls.insert(url.into(), response);
        self
    }

    /// Takes the network away, or brings it back.
    pub fn set_network(&self, there: bool) -> &Self {
        self.state().network = there;
        self
    }
}

type Failure = (ErrorKind, String);

fn body<'a>(state: &'a SimState, url: &str) -> Result<(&'a str, &'a [u8]), Failure> {
    if !state.network {
        return Err((ErrorKind::Network, "the network is unreachable".into()));
    }
    match state.urls.get(url) {
        None => Err((ErrorKind::Status, "404 Not Found".into())),
        Some(SimResponse::Status(status)) => Err((ErrorKind::Status, status.to_string())),
        Some(SimResponse::Fails(kind)) => Err((*kind, "the server does not answer".into())),
        Some(SimResponse::Body { content_type, body }) => Ok((content_type, body)),
    }
}

pub(crate) fn fetch(state: &SimState, url: &str, limit: u64) -> Result<Response, Failure> {
    let (content_type, body) = body(state, url)?;
    if body.len() as u64 > limit {
        return Err((ErrorKind::TooLarge, format!("more than {limit} bytes")));
    }
    Ok(Response {
        url: url.to_string(),
        content_type: content_type.to_string(),
        body: body.to_vec(),
    })
}

/// A part; an address that ends in `#token` answers only whoever has one.
pub(crate) fn part(
    state: &SimState,
    url: &str,
    offset: u64,
    length: u64,
    token: bool,
) -> Result<Part, Failure> {
    let guarded = format!("{url}#token");
    let body = match body(state, url) {
        Ok((_, body)) => body,
        Err(_) if token && state.urls.contains_key(&guarded) => body(state, &guarded)?.1,
        Err(_) if state.network && state.urls.contains_key(&guarded) => {
            return Err((ErrorKind::Status, "401 Unauthorized".into()));
        }
        Err(failure) => return Err(failure),
    };
    let start = (offset as usize).min(body.len());
    let end = start.saturating_add(length as usize).min(body.len());
    Ok(Part {
        bytes: body[start..end].to_vec(),
        total: Some(body.len() as u64),
    })
}

pub(crate) fn download(
    state: &SimState,
    url: &str,
    sha256: &str,
    size: u64,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<u8>, Failure> {
    let (_, body) = body(state, url)?;
    let have = body.len() as u64;
    if size > 0 && have > size {
        return Err((
            ErrorKind::TooLarge,
            format!("more than the promised {size} bytes"),
        ));
    }
    watch(Progress::Bytes {
        done: have,
        total: (size > 0).then_some(size),
    });
    let hash: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if have < size || !hash.eq_ignore_ascii_case(sha256) {
        return Err((
            ErrorKind::Hash,
            format!("its SHA-256 is {hash}, promised was {sha256}"),
        ));
    }
    Ok(body.to_vec())
}
