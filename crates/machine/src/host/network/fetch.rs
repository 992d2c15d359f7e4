//! Fetching a resource into memory.

use super::Network;
use super::exchange::{Exchange, Request};
use crate::error::{DoorError, ErrorKind};
use crate::question::Response;
use std::time::Duration;

/// Fetches up to `limit` bytes.
pub(crate) fn fetch(
    network: &Network,
    what: &str,
    url: &str,
    accept: &str,
    limit: u64,
    deadline: Duration,
) -> Result<Response, DoorError> {
    let too_large = || {
        DoorError::new(
            ErrorKind::TooLarge,
            what,
            format!("more than {limit} bytes"),
        )
    };
    let request = Request {
        what: what.into(),
        url: url.into(),
        accept: accept.into(),
        identity: false,
        range: None,
        bearer: None,
        deadline,
    };
    let (exchange, head) = Exchange::begin(network, request)?;
    if head.length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(bytes) = exchange.bytes()? {
        if (body.len() + bytes.len()) as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&bytes);
    }
    Ok(Response {
        url: head.url,
        content_type: head.content_type,
        body,
    })
}
