//! One exchange with a server, on its own thread: its answer comes in pieces.

use super::Network;
use super::address::Address;
use super::proxy::proxy;
use crate::error::{DoorError, ErrorKind};
use crate::host::deadline::Deadline;
use crate::host::place::Base;
use crate::host::read;
use crate::interrupt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use ureq::ResponseExt;

/// An interrupt is noticed within that.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The system tells a name that nobody has and a name server that can't be reached alike.
const UNKNOWN_HOST: &str = "the host's name can't be looked up: no such host, or no network";
const PIECE: usize = 64 << 10;

/// What is asked for.
pub(super) struct Request {
    /// In words, for errors.
    pub what: String,
    /// From where.
    pub url: String,
    /// The `Accept` header.
    pub accept: String,
    /// The bytes as they are, never packed for the way.
    pub identity: bool,
    /// Only these bytes: from, and how many.
    pub range: Option<(u64, u64)>,
    /// A token, as the `Authorization` header's `Bearer` has it. It is never shown, and not sent on to another server.
    pub bearer: Option<String>,
    /// For the whole exchange.
    pub deadline: Duration,
}

/// How an answer begins.
#[derive(Debug)]
pub(super) struct Head {
    /// Where it came from after redirects, without credentials.
    pub url: String,
    /// `Content-Type`, lower case, without parameters.
    pub content_type: String,
    /// Its length, where the server tells it.
    pub length: Option<u64>,
    /// Of a part: where it begins, and the size of the whole, as `Content-Range` has them.
    pub range: Option<(u64, Option<u64>)>,
}

type Failure = (ErrorKind, String);

enum Piece {
    Head(Head),
    Bytes(Vec<u8>),
    End,
}

/// An exchange under way. Dropping it gives up on it.
pub(super) struct Exchange {
    what: String,
    deadline: Deadline,
    span: Duration,
    pieces: Receiver<Result<Piece, Failure>>,
}

impl Exchange {
    /// Begins an exchange and waits for the head of its answer.
    pub fn begin(network: &Network, request: Request) -> Result<(Self, Head), DoorError> {
        let Request {
            what,
            url,
            accept,
            identity,
            range,
            bearer,
            deadline: span,
        } = request;
        let fail = |detail: String| DoorError::new(ErrorKind::Failed, &what, detail);
        let address = Address::parse(&url).map_err(fail)?;
        let (give, pieces) = sync_channel(4);
        let thread = std::thread::Builder::new().name("deskside-network".into());
        let started = match address {
            Address::File(path) => thread.spawn(move || tell(&give, file(&give, path))),
            Address::Web {
                secure,
                url,
                authorization,
            } => {
                let agent = network.agent(&what)?;
                let proxy = proxy(secure).map_err(fail)?;
                let mut asked = agent
                    .get(&url)
                    .config()
                    .timeout_global(Some(span))
                    .https_only(secure)
                    .proxy(proxy)
                    .build()
                    .header("Accept", if accept.is_empty() { "*/*" } else { &accept });
                if identity {
                    asked = asked.header("Accept-Encoding", "identity");
                }
                if let Some((offset, length)) = range {
                    let last = offset.saturating_add(length.max(1)) - 1;
                    asked = asked.header("Range", format!("bytes={offset}-{last}"));
                }
                if let Some(bearer) = bearer {
                    asked = asked.header("Authorization", format!("Bearer {bearer}"));
                } else if let Some(authorization) = authorization {
                    asked = asked.header("Authorization", authorization);
                }
                thread.spawn(move || tell(&give, web(&give, asked)))
            }
        };
        started.map_err(|error| fail(format!("no thread: {error}")))?;
        let exchange = Self {
            what,
            deadline: Deadline::after(span),
            span,
            pieces,
        };
        match exchange.next()? {
            Piece::Head(head) => Ok((exchange, head)),
            Piece::Bytes(_) | Piece::End => {
                Err(exchange.error((ErrorKind::Failed, "the answer has no head".into())))
            }
        }
    }

    /// The next bytes of the answer; none at its end.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, DoorError> {
        match self.next()? {
            Piece::Bytes(bytes) => Ok(Some(bytes)),
            Piece::Head(_) | Piece::End => Ok(None),
        }
    }

    fn error(&self, (kind, detail): Failure) -> DoorError {
        DoorError::new(kind, &self.what, detail)
    }

    fn next(&self) -> Result<Piece, DoorError> {
        loop {
            if interrupt::requested() {
                return Err(self.error((ErrorKind::Interrupted, "interrupted".into())));
            }
            let Some(left) = self.deadline.left() else {
                let detail = format!("not done within {:?}", self.span);
                return Err(self.error((ErrorKind::Timeout, detail)));
            };
            match self.pieces.recv_timeout(left.min(LOOK_AGAIN)) {
                Ok(piece) => return piece.map_err(|failure| self.error(failure)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.error((ErrorKind::Failed, "the exchange broke off".into())));
                }
            }
        }
    }
}

/// Nobody listens any more.
struct GivenUp;

fn tell(give: &SyncSender<Result<Piece, Failure>>, outcome: Result<(), Result<Failure, GivenUp>>) {
    // A receiver that is gone has given up on the exchange.
    let _ = match outcome {
        Ok(()) => give.send(Ok(Piece::End)),
        Err(Ok(failure)) => give.send(Err(failure)),
        Err(Err(GivenUp)) => Ok(()),
    };
}

type Outcome = Result<(), Result<Failure, GivenUp>>;

fn pass(give: &SyncSender<Result<Piece, Failure>>, piece: Piece) -> Outcome {
    give.send(Ok(piece)).map_err(|_| Err(GivenUp))
}

fn body(give: &SyncSender<Result<Piece, Failure>>, mut body: impl Read) -> Outcome {
    loop {
        let mut bytes = vec![0; PIECE];
        match body.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                bytes.truncate(count);
                pass(give, Piece::Bytes(bytes))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Ok(from_io(&error))),
        }
    }
}

fn file(give: &SyncSender<Result<Piece, Failure>>, path: std::path::PathBuf) -> Outcome {
    let fail = |error: io::Error| {
        let error = DoorError::from_io("", &error);
        Ok((error.kind, error.detail))
    };
    let (file, length) = read::open_regular(&Base::Whole, &path).map_err(fail)?;
    let head = Head {
        url: format!("file://{}", path.display()),
        content_type: "application/octet-stream".into(),
        length: Some(length),
        range: None,
    };
    pass(give, Piece::Head(head))?;
    body(give, file)
}

fn web(
    give: &SyncSender<Result<Piece, Failure>>,
    asked: ureq::RequestBuilder<ureq::typestate::WithoutBody>,
) -> Outcome {
    let response = asked.call().map_err(|error| Ok(from_ureq(&error)))?;
    let status = response.status();
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or_default();
        return Err(Ok((
            ErrorKind::Status,
            format!("{} {reason}", status.as_u16()).trim().to_string(),
        )));
    }
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let content_type = header("content-type").unwrap_or_default();
    let head = Head {
        url: crate::command::without_credentials(&response.get_uri().to_string()),
        content_type: content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
        length: response.body().content_length(),
        range: (status == ureq::http::StatusCode::PARTIAL_CONTENT)
            .then(|| header("content-range").and_then(content_range))
            .flatten(),
    };
    pass(give, Piece::Head(head))?;
    body(
        give,
        response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader(),
    )
}

/// `bytes 0-7/123`, or with `*` for a size that is not known.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

fn from_ureq(error: &ureq::Error) -> Failure {
    use ureq::Error;
    match error {
        Error::Timeout(_) => (ErrorKind::Timeout, "no answer in time".into()),
        Error::HostNotFound => (ErrorKind::Network, UNKNOWN_HOST.into()),
        Error::ConnectionFailed => (ErrorKind::Network, "no connection".into()),
        Error::TooManyRedirects => (
            ErrorKind::Network,
            format!("more than {} redirects", super::REDIRECTS),
        ),
        Error::RequireHttpsOnly(_) => {
            (ErrorKind::Network, "it redirects from https to http".into())
        }
        Error::Io(error) => from_io(error),
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) => {
            (ErrorKind::Network, distrusted(&error.to_string()))
        }
        Error::BadUri(_) | Error::Http(_) => (ErrorKind::Failed, "the address is malformed".into()),
        other => (
            ErrorKind::Network,
            crate::command::without_credentials(&other.to_string()),
        ),
    }
}

fn from_io(error: &io::Error) -> Failure {
    if let Some(inner) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ureq::Error>())
    {
        return match inner {
            // Not that way again: it would go round.
            ureq::Error::Io(error) => (ErrorKind::Network, error.to_string()),
            inner => from_ureq(inner),
        };
    }
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            (ErrorKind::Timeout, "no answer in time".into())
        }
        _ if text.contains("failed to lookup address") => (ErrorKind::Network, UNKNOWN_HOST.into()),
        _ if text.contains("certificate") => (ErrorKind::Network, distrusted(&text)),
        _ => (
            ErrorKind::Network,
            text.split(" (os error")
                .next()
                .unwrap_or(&text)
                .to_lowercase(),
        ),
    }
}

fn distrusted(text: &str) -> String {
    if text.contains("UnknownIssuer") {
        return "the server's certificate is signed by nobody trusted here; where a company's proxy signs, \
                name its certificate file with SSL_CERT_FILE"
            .into();
    }
    format!("no safe connection: {text}")
}
