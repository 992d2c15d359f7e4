//! uv found through package indexes: a simulated network for all kinds of answers, and a server on the loopback
//! interface for the real client.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look from outside"
)]

use deskside_envs::index::settings::{self, Settings, Source};
use deskside_envs::index::wheel::Platform;
use deskside_envs::index::{Found, newest};
use deskside_machine::{Effect, ErrorKind, Host, Machine, Reading};
use deskside_testkit::{Sim, SimResponse};
use deskside_types::facts::OsKind;
use deskside_types::{Code, Problem};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INDEX: &str = "https://index.example/simple";
const HASH: &str = "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19";

fn platform() -> Platform {
    Platform {
        os: OsKind::Linux,
        architecture: "x86_64".into(),
        glibc: Some("2.35".into()),
        macos: None,
    }
}

fn source(url: &str) -> Source {
    Source {
        url: url.into(),
        origin: "PIP_INDEX_URL".into(),
        known_to_uv: false,
    }
}

fn only(url: &str) -> Settings {
    Settings {
        index: source(url),
        extra: vec![],
        find_links: vec![],
        no_index: false,
        certificate: None,
    }
}

/// The page of these wheels: name, hash, attributes.
fn html(wheels: &[(&str, &str, &str)]) -> String {
    wheels.iter().fold(
        String::from("<!DOCTYPE html><html><body>\n"),
        |mut page, (name, hash, attributes)| {
            let fragment = if hash.is_empty() {
                String::new()
            } else {
                format!("#sha256={hash}")
            };
            writeln!(
                page,
                "<a href=\"../../files/{name}{fragment}\" {attributes}>{name}</a>"
            )
            .unwrap();
            page
        },
    )
}

fn uv(version: &str) -> String {
    format!("uv-{version}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
}

fn find(machine: &dyn Machine, settings: &Settings) -> Result<Found, Problem> {
    newest(machine, settings, "uv", &platform(), "0.9")
}

#[test]
fn the_newest_final_wheel_that_fits_is_taken() {
    let (old, good, yanked, next) = (uv("0.9.9"), uv("0.13.9"), uv("0.14.0"), uv("0.15.0rc1"));
    let page = html(&[
        (&old, HASH, ""),
        (&good, HASH, "data-requires-python=\"&gt;=3.8\""),
        (&yanked, HASH, "data-yanked=\"broken\""),
        (&next, HASH, ""),
        ("uv-0.16.0-py3-none-macosx_11_0_arm64.whl", HASH, ""),
        ("uv-0.16.0-py3-none-win_amd64.whl", HASH, ""),
        ("uv-0.16.0.tar.gz", HASH, ""),
        (
            "uv_build-0.16.0-py3-none-manylinux_2_17_x86_64.whl",
            HASH,
            "",
        ),
    ]);
    let sim = Sim::linux();
    sim.serve(format!("{INDEX}/uv/"), "text/html", page);
    let found = find(&sim, &only(INDEX)).unwrap();
    assert_eq!(
        (found.version.as_str(), found.file.name.as_str()),
        ("0.13.9", good.as_str())
    );
    assert_eq!(
        found.file.url,
        format!("https://index.example/files/{good}")
    );
    assert_eq!((found.file.size, found.local), (None, None));
}

#[test]
fn what_an_index_lacks_is_said_in_words() {
    let no_hash = html(&[(&uv("0.13.9"), "", "")]);
    let too_old = html(&[(&uv("0.8.1"), HASH, "")]);
    let other = html(&[("uv-0.13.9-py3-none-macosx_11_0_arm64.whl", HASH, "")]);
    for (content_type, body, code, words) in [
        (
            "text/html",
            no_hash.as_str(),
            Code::UvUnavailable,
            "states no SHA-256",
        ),
        (
            "text/html",
            too_old.as_str(),
            Code::UvUnavailable,
            "its newest uv is 0.8.1, and 0.9 or newer is needed",
        ),
        (
            "text/html",
            other.as_str(),
            Code::UvUnavailable,
            "none of its 1 wheels of uv fits",
        ),
        (
            "text/html",
            "<html>welcome to the hotel network</html>",
            Code::UvUnavailable,
            "it has no wheel of uv",
        ),
        (
            "application/vnd.pypi.simple.v1+json",
            "{\"files\": 7}",
            Code::IndexUnreachable,
            "its JSON can't be read",
        ),
        (
            "application/pdf",
            "%PDF",
            Code::IndexUnreachable,
            "instead of a list of files",
        ),
        (
            "text/html",
            "garbage \u{0} without tags",
            Code::IndexUnreachable,
            "no page of files",
        ),
    ] {
        let sim = Sim::linux();
        sim.serve(format!("{INDEX}/uv/"), content_type, body);
        let problem = find(&sim, &only(INDEX)).unwrap_err();
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
        assert!(!problem.hints.is_empty());
    }
}

#[test]
fn unreachable_indexes_are_all_named_without_their_passwords() {
    let settings = Settings {
        extra: vec![source("https://b.example/simple")],
        ..only("https://me:secret@index.example/simple")
    };
    for (response, code) in [
        (
            SimResponse::Fails(ErrorKind::Network),
            Code::IndexUnreachable,
        ),
        (
            SimResponse::Fails(ErrorKind::Timeout),
            Code::IndexUnreachable,
        ),
        (SimResponse::Status(503), Code::IndexUnreachable),
        (SimResponse::Status(404), Code::UvUnavailable),
    ] {
        let sim = Sim::linux();
        for page in [
            "https://me:secret@index.example/simple/uv/",
            "https://b.example/simple/uv/",
        ] {
            sim.serve_response(page, response.clone());
        }
        let problem = find(&sim, &settings).unwrap_err();
        assert_eq!(problem.code, code, "{problem}");
        assert_eq!(problem.causes.len(), 2);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}

#[test]
fn a_further_index_serves_where_the_first_does_not() {
    let sim = Sim::linux();
    sim.serve(
        "https://b.example/simple/uv/",
        "text/html",
        html(&[(&uv("0.10.0"), HASH, "")]),
    );
    let settings = Settings {
        extra: vec![source("https://b.example/simple")],
        ..only(INDEX)
    };
    assert_eq!(find(&sim, &settings).unwrap().version, "0.10.0");
}

#[test]
fn folders_of_wheels_need_no_network() {
    let sim = Sim::linux();
    sim.set_network(false);
    sim.put_file(format!("/opt/wheels/{}", uv("0.12.0")), "a wheel")
        .put_file("/opt/wheels/notes.txt", "");
    let settings = Settings {
        find_links: vec![source("/opt/wheels"), source("/nowhere")],
        no_index: true,
        ..only(INDEX)
    };
    let found = find(&sim, &settings).unwrap();
    assert_eq!(found.local, Some(format!("/opt/wheels/{}", uv("0.12.0"))));
    assert_eq!(found.file.sha256.as_deref().map(str::len), Some(64));

    // An index in files: its hash is checked at once.
    sim.put_file(
        "/srv/index/uv/index.html",
        html(&[(&uv("0.12.0"), HASH, "")]),
    )
    .put_file(format!("/srv/files/{}", uv("0.12.0")), "a wheel");
    let wrong = find(&sim, &only("file:///srv/index")).unwrap_err();
    assert!(
        wrong.to_string().contains("does not have the SHA-256"),
        "{wrong}"
    );
    let right = found.file.sha256.unwrap();
    sim.put_file(
        "/srv/index/uv/index.html",
        html(&[(&uv("0.12.0"), &right, "")]),
    );
    assert_eq!(
        find(&sim, &only("file:///srv/index")).unwrap().local,
        Some(format!("/srv/files/{}", uv("0.12.0")))
    );
}

#[test]
fn the_index_is_the_one_the_person_configured() {
    type Put = fn(&Sim);
    let default = deskside_knowledge::frameworks::indexes()
        .default
        .url
        .as_str();
    let cases: [(Put, &str, &str); 9] = [
        (|_| {}, default, "the default"),
        (
            |sim| {
                drop_ref(sim.put_file(
                    "/etc/pip.conf",
                    "[global]\nindex-url = https://a.example/simple\n",
                ))
            },
            "https://a.example/simple",
            "/etc/pip.conf",
        ),
        (
            |sim| {
                sim.put_file(
                    "/etc/pip.conf",
                    "[global]\nindex-url = https://a.example/simple\n",
                );
                sim.put_file(
                    "/home/user/.config/pip/pip.conf",
                    "[global]\nindex-url = https://b.example/simple\n",
                );
            },
            "https://b.example/simple",
            "/home/user/.config/pip/pip.conf",
        ),
        (
            |sim| {
                sim.put_file(
                    "/x/pip.ini",
                    "[install]\nindex-url = https://c.example/simple\n",
                );
                sim.put_file(
                    "/home/user/.config/pip/pip.conf",
                    "[global]\nindex-url = https://b.example/simple\n",
                );
                sim.set_variable("PIP_CONFIG_FILE", "/x/pip.ini");
            },
            "https://c.example/simple",
            "/x/pip.ini",
        ),
        (
            |sim| {
                sim.put_file(
                    "/etc/pip.conf",
                    "[global]\nindex-url = https://a.example/simple\n",
                );
                sim.set_variable("PIP_CONFIG_FILE", "/dev/null");
            },
            default,
            "the default",
        ),
        (
            |sim| {
                sim.put_file(
                    "/home/user/.config/pip/pip.conf",
                    "[global]\nindex-url = https://b.example/simple\n",
                );
                sim.put_file(
                    "/home/user/.config/uv/uv.toml",
                    "[[index]]\nurl = \"https://d.example/simple\"\ndefault = true\n",
                );
            },
            "https://d.example/simple",
            "/home/user/.config/uv/uv.toml",
        ),
        (
            |sim| {
                sim.put_file(
                    "/home/user/.config/uv/uv.toml",
                    "index-url = \"https://d.example/simple\"\n",
                );
                sim.set_variable("PIP_INDEX_URL", "https://e.example/simple");
            },
            "https://e.example/simple",
            "PIP_INDEX_URL",
        ),
        (
            |sim| {
                drop_ref(
                    sim.set_variable("PIP_INDEX_URL", "https://e.example/simple")
                        .set_variable("UV_INDEX_URL", "https://f.example/simple"),
                )
            },
            "https://f.example/simple",
            "UV_INDEX_URL",
        ),
        (
            |sim| {
                drop_ref(
                    sim.set_variable("UV_INDEX_URL", "https://f.example/simple")
                        .set_variable("UV_DEFAULT_INDEX", "https://g.example/simple"),
                )
            },
            "https://g.example/simple",
            "UV_DEFAULT_INDEX",
        ),
    ];
    for (put, url, origin) in cases {
        let sim = Sim::linux();
        put(&sim);
        let settings = settings::read(&sim);
        assert!(
            settings.index.url.starts_with(url),
            "{} instead of {url}",
            settings.index.url
        );
        assert_eq!(settings.index.origin, origin);
    }
}

fn drop_ref(_: &Sim) {}

/// A server that answers each path with a status, a content type and a body; none: it never answers.
fn server(
    answer: impl Fn(&str) -> Option<(u16, &'static str, Vec<u8>)> + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (requests, answer) = (Arc::clone(&seen), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, requests, answer) =
                (stream.unwrap(), Arc::clone(&requests), Arc::clone(&answer));
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                requests.lock().unwrap().push(head.join("\n"));
                let path = head
                    .first()
                    .and_then(|line| line.split(' ').nth(1))
                    .unwrap_or("/")
                    .to_string();
                let Some((status, content_type, body)) = answer(&path) else {
                    std::thread::sleep(Duration::from_secs(60));
                    return;
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(&body));
            });
        }
    });
    (address, seen)
}

#[test]
fn a_real_client_reads_both_forms_and_downloads_what_the_index_promised() {
    let wheel = b"the wheel's bytes".to_vec();
    let hash = {
        use sha2::{Digest, Sha256};
        Sha256::digest(&wheel)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let name = uv("0.13.9");
    let json = format!(
        r#"{{"meta":{{"api-version":"1.1"}},"files":[{{"filename":"{name}","url":"../../files/{name}","hashes":{{"sha256":"{hash}"}},"size":{},"yanked":false}}]}}"#,
        wheel.len()
    );
    let page = html(&[(&name, &hash, "")]);
    let bad = html(&[(&name, HASH, "")]);
    let (address, requests) = server(move |path| {
        Some(match path {
            "/json/uv/" => (
                200,
                "application/vnd.pypi.simple.v1+json",
                json.clone().into_bytes(),
            ),
            "/html/uv/" => (200, "text/html; charset=utf-8", page.clone().into_bytes()),
            "/bad/uv/" => (200, "text/html", bad.clone().into_bytes()),
            "/files/uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl" => {
                (200, "application/octet-stream", wheel.clone())
            }
            _ => (404, "text/plain", b"no".to_vec()),
        })
    });
    let host = Host::new();
    let folder = tempfile::tempdir().unwrap();
    for (index, size, succeeds) in [
        ("json", Some(17), true),
        ("html", None, true),
        ("bad", None, false),
    ] {
        let found = find(&host, &only(&format!("http://me:secret@{address}/{index}"))).unwrap();
        assert_eq!(found.file.size, size);
        let path = folder.path().join(index);
        let download = Effect::Download {
            url: found.file.url,
            path: path.clone(),
            sha256: found.file.sha256.unwrap(),
            size: found.file.size.unwrap_or(0),
            deadline: Duration::from_secs(20),
        };
        let outcome = host.act(&download, &mut |_| {});
        assert_eq!(outcome.is_ok(), succeeds, "{index}: {outcome:?}");
        assert_eq!(host.exists(&path).unwrap(), succeeds);
        if let Err(error) = outcome {
            assert_eq!(error.kind, ErrorKind::Hash);
            assert!(!error.to_string().contains("secret"));
        }
    }
    let missing = find(&host, &only(&format!("http://me:secret@{address}/none"))).unwrap_err();
    assert_eq!(missing.code, Code::UvUnavailable, "{missing}");
    let requests = requests.lock().unwrap().clone();
    assert!(
        requests[0]
            .to_lowercase()
            .contains("accept: application/vnd.pypi.simple.v1+json"),
        "{}",
        requests[0]
    );
    assert!(
        requests
            .iter()
            .all(|request| request.to_lowercase().contains("authorization: basic ")),
        "credentials reach pages and files of their server"
    );
}

#[test]
fn a_port_where_nobody_listens_is_an_unreachable_index() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let problem = find(
        &Host::new(),
        &only(&format!("http://127.0.0.1:{port}/simple")),
    )
    .unwrap_err();
    assert_eq!(problem.code, Code::IndexUnreachable, "{problem}");
}
