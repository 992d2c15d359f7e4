//! Fetching and downloading through the door, from a server made by hand on the loopback interface.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests look from outside"
)]

use deskside_machine::{
    Acting, DoorError, Effect, ErrorKind, Host, Machine, Progress, Reading, TokenPlace,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// A server that answers each connection with what `answer` writes, until the test's process ends.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, seen, answer) = (stream.unwrap(), seen.clone(), answer.clone());
                std::thread::spawn(move || {
                    let reader = BufReader::new(stream.try_clone().unwrap());
                    let head: Vec<String> = reader
                        .lines()
                        .map_while(Result::ok)
                        .take_while(|line| !line.is_empty())
                        .collect();
                    let request = head.join("\n");
                    seen.lock().unwrap().push(request.clone());
                    answer(&request, &mut stream);
                });
            }
        });
        Self { port, requests }
    }

    /// A server that answers all with one body.
    fn of(body: &'static [u8]) -> Self {
        Self::new(move |_, stream| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body));
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn download(url: &str, path: &Path, sha256: &str, size: u64) -> Result<Vec<u64>, DoorError> {
    let effect = Effect::Download {
        url: url.into(),
        path: path.into(),
        sha256: sha256.into(),
        size,
        deadline: LONG,
    };
    let mut steps = Vec::new();
    let watch = &mut |progress: Progress<'_>| {
        if let Progress::Bytes { done, total } = progress {
            assert_eq!(total, Some(size));
            steps.push(done);
        }
    };
    Host::new().act(&effect, watch)?;
    Ok(steps)
}

/// SHA-256 of `hello`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn a_resource_is_fetched_with_credentials_that_are_never_shown() {
    let server = Server::of(b"hello");
    let url = server
        .url("/simple/?a=b#fragment")
        .replace("//", "//me:secret@");
    let response = Host::new().fetch(&url, "text/x", 5, LONG).unwrap();
    assert_eq!(response.body, b"hello");
    assert_eq!(response.content_type, "text/plain");
    assert_eq!(response.url, server.url("/simple/?a=b"));
    let request = server.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(
        request.starts_with("get /simple/?a=b http/1.1\n"),
        "{request}"
    );
    assert!(
        request.contains("authorization: basic bwu6c2vjcmv0"),
        "{request}"
    );
    assert!(
        request.contains("accept: text/x") && request.contains("user-agent: deskside/"),
        "{request}"
    );
}

#[test]
fn limits_and_statuses_are_errors_of_their_kind() {
    let host = Host::new();
    let kind = |url: &str, limit| host.fetch(url, "", limit, LONG).unwrap_err();
    assert_eq!(
        kind(&Server::of(b"hello").url("/"), 4).kind,
        ErrorKind::TooLarge
    );
    let endless = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert_eq!(kind(&endless.url("/"), 1 << 20).kind, ErrorKind::TooLarge);
    let missing = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    let error = kind(&missing.url("/x").replace("//", "//me:secret@"), 9);
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (ErrorKind::Status, "404 Not Found")
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    let babble = Server::new(|_, stream| drop(stream.write_all(b"not HTTP at all\r\n\r\n")));
    assert_eq!(kind(&babble.url("/"), 9).kind, ErrorKind::Network);
    let cut = Server::new(|_, stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"))
    });
    assert_eq!(kind(&cut.url("/"), 9).kind, ErrorKind::Network);
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = kind(&format!("http://{free}/"), 9);
    assert_eq!(
        (refused.kind, refused.detail.as_str()),
        (ErrorKind::Network, "connection refused")
    );
    let nobody = kind("http://deskside-no-such-host.invalid/", 9).kind;
    assert_eq!(nobody, ErrorKind::Network);
    for broken in ["nonsense", "http://a b/", "ftp://a/"] {
        assert_eq!(kind(broken, 9).kind, ErrorKind::Failed, "{broken}");
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever_and_keep_credentials_from_other_hosts() {
    let target = Server::of(b"hello");
    let elsewhere = target.url("/there").replace("127.0.0.1", "localhost");
    let first = Server::new(move |_, stream| {
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
    });
    let response = Host::new()
        .fetch(&first.url("/").replace("//", "//me:secret@"), "", 9, LONG)
        .unwrap();
    assert!(response.url.ends_with("/there") && response.body == b"hello");
    let request = target.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(!request.contains("authorization"), "{request}");
    let round = Server::new(|_, stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    });
    let error = Host::new().fetch(&round.url("/"), "", 9, LONG).unwrap_err();
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (ErrorKind::Network, "more than 5 redirects")
    );
    assert_eq!(round.requests.lock().unwrap().len(), 6);
}

#[test]
fn a_server_that_trickles_or_never_answers_is_given_up_on_in_time() {
    let trickle = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let silent = Server::new(|_, _| std::thread::sleep(LONG));
    let slow_head = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for server in [trickle, silent, slow_head] {
        let begun = Instant::now();
        let error = Host::new()
            .fetch(&server.url("/"), "", 1 << 20, Duration::from_millis(400))
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(
            begun.elapsed() < Duration::from_millis(900),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_download_gets_its_name_only_when_it_is_the_promised_one() {
    let server = Server::of(b"hello");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/file");
    let names = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    let kind = |sha256: &str, size| {
        download(&server.url("/"), &path, sha256, size)
            .unwrap_err()
            .kind
    };
    assert_eq!(kind(&HELLO.replace('2', "3"), 5), ErrorKind::Hash);
    assert_eq!(kind(HELLO, 4), ErrorKind::TooLarge);
    assert_eq!(kind(HELLO, 6), ErrorKind::Hash);
    assert_eq!(kind("", 5), ErrorKind::Failed);
    assert_eq!(kind("../../x", 5), ErrorKind::Failed);
    assert_eq!(names(), 0, "nothing is left of what went wrong");
    assert_eq!(download(&server.url("/"), &path, HELLO, 5).unwrap(), [0, 5]);
    assert_eq!(
        (std::fs::read(&path).unwrap().as_slice(), names()),
        (b"hello".as_slice(), 1)
    );
    let asked = server.requests.lock().unwrap().len();
    assert_eq!(
        download(
            "http://deskside-no-such-host.invalid/",
            &path,
            &HELLO.to_uppercase(),
            5
        )
        .unwrap(),
        [5]
    );
    assert_eq!(
        server.requests.lock().unwrap().len(),
        asked,
        "what is there already is not asked for"
    );
    std::fs::write(&path, "hullo").unwrap();
    download(&server.url("/"), &path, HELLO, 5).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"hello",
        "a wrong file is replaced"
    );
}

#[test]
fn a_mirror_in_a_folder_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a mirror");
    std::fs::write(&source, "hello").unwrap();
    let url = format!("file://{}", source.display()).replace(' ', "%20");
    let host = Host::new();
    assert_eq!(host.fetch(&url, "", 5, LONG).unwrap().body, b"hello");
    assert_eq!(
        host.fetch(&url, "", 4, LONG).unwrap_err().kind,
        ErrorKind::TooLarge
    );
    download(&url, &folder.path().join("copy"), HELLO, 5).unwrap();
    assert_eq!(std::fs::read(folder.path().join("copy")).unwrap(), b"hello");
    assert_eq!(
        host.fetch(&format!("{url}-none"), "", 5, LONG)
            .unwrap_err()
            .kind,
        ErrorKind::Absent
    );
    for special in [
        "file:///dev/zero".to_string(),
        format!("file://{}", folder.path().display()),
    ] {
        let begun = Instant::now();
        assert_eq!(
            host.fetch(&special, "", 5, LONG).unwrap_err().kind,
            ErrorKind::Failed,
            "{special}"
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn an_effect_that_fails_says_what_was_tried() {
    let effect = Effect::Download {
        url: "http://me:secret@127.0.0.1:1/file".into(),
        path: "/proc/none/file".into(),
        sha256: HELLO.into(),
        size: 5,
        deadline: LONG,
    };
    let error = Host::new().effect(&effect).unwrap_err();
    assert!(
        error.what == "download http://***@127.0.0.1:1/file",
        "{error}"
    );
}

/// A server that knows ranges, or only says so.
fn ranged(body: &'static [u8], knows: bool) -> Server {
    Server::new(move |request, stream| {
        let range = request.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("range: bytes=")
                .map(str::to_string)
        });
        let (head, part) = match range.filter(|_| knows) {
            Some(range) => {
                let (first, last) = range.split_once('-').unwrap();
                let first: usize = first.parse().unwrap();
                let last = last.parse::<usize>().unwrap().min(body.len() - 1);
                (
                    format!(
                        "206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}",
                        body.len()
                    ),
                    &body[first..=last],
                )
            }
            None => ("200 OK".to_string(), body),
        };
        let head = format!(
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            part.len()
        );
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(part));
    })
}

#[test]
fn parts_are_fetched_from_servers_that_know_ranges_and_from_those_that_do_not() {
    let host = Host::new();
    for knows in [true, false] {
        let server = ranged(b"0123456789", knows);
        for (offset, length, bytes) in [(0, 4, "0123"), (4, 3, "456"), (8, 9, "89")] {
            let part = host
                .fetch_part(&server.url("/f"), offset, length, None, LONG)
                .unwrap();
            assert_eq!(part.bytes, bytes.as_bytes(), "{knows} {offset}");
            assert_eq!(part.total, Some(10));
        }
        let request = server.requests.lock().unwrap()[0].to_ascii_lowercase();
        assert!(
            request.contains("range: bytes=0-3") && request.contains("accept-encoding: identity"),
            "{request}"
        );
        assert!(!request.contains("authorization"));
    }
    let far = host.fetch_part(
        &ranged(b"0123456789", false).url("/f"),
        2 << 20,
        4,
        None,
        LONG,
    );
    assert!(far.unwrap_err().detail.contains("no range requests"));
    let lies = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nConnection: close\r\n\r\n56789");
    });
    assert!(host.fetch_part(&lies.url("/f"), 0, 4, None, LONG).is_err());
    // A server that never ends is left as soon as there is enough.
    let endless = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert_eq!(
        host.fetch_part(&endless.url("/"), 0, 100, None, LONG)
            .unwrap()
            .bytes
            .len(),
        100
    );
}

#[test]
fn a_token_is_read_at_the_door_sent_to_its_server_alone_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "hf_secret_of_mine\n").unwrap();
    let host = Host::new();
    let target = ranged(b"0123456789", true);
    let elsewhere = target.url("/there").replace("127.0.0.1", "localhost");
    let first = Server::new(move |_, stream| {
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
    });
    let place = TokenPlace::File(path.clone());
    let part = host
        .fetch_part(&first.url("/"), 0, 3, Some(place.clone()), LONG)
        .unwrap();
    assert_eq!(part.bytes, b"012");
    let sent = first.requests.lock().unwrap()[0].clone();
    assert!(sent.contains("Bearer hf_secret_of_mine"), "{sent}");
    let there = target.requests.lock().unwrap()[0].clone();
    assert!(
        !there.contains("hf_secret") && there.to_ascii_lowercase().contains("range: bytes=0-2"),
        "{there}"
    );
    let question = deskside_machine::Question::FetchPart {
        url: "https://h/".into(),
        offset: 0,
        length: 1,
        token: Some(place),
        deadline: LONG,
    };
    assert!(!format!("{question:?} {}", question.phrase()).contains("hf_secret"));
    for (contents, url) in [
        ("", first.url("/")),
        ("a b", first.url("/")),
        ("hf_x", "http://192.0.2.1/".to_string()),
    ] {
        std::fs::write(&path, contents).unwrap();
        let error = host
            .fetch_part(&url, 0, 3, Some(TokenPlace::File(path.clone())), LONG)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed, "{contents:?}");
        assert!(!error.to_string().contains("hf_x"));
    }
    let missing = TokenPlace::File(folder.path().join("nothing"));
    assert!(
        host.fetch_part(&first.url("/"), 0, 3, Some(missing), LONG)
            .is_err()
    );
}
