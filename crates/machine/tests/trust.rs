//! Trust roots and proxies, which come from variables: this test program starts itself with them.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests look from outside"
)]

mod skip;

use deskside_machine::{Host, Reading};
use skip::skip;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Not a test: fetches, when another test starts this program for it.
#[test]
fn fetcher() {
    let Ok(url) = std::env::var("FETCHER_URL") else {
        return;
    };
    let answer = Host::new().fetch(&url, "", 1 << 20, Duration::from_secs(10));
    match answer {
        Ok(response) => println!("\nbody {}", String::from_utf8_lossy(&response.body)),
        Err(error) => println!("\nerror {:?} {}", error.kind, error.detail),
    }
}

fn fetch(url: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "fetcher", "--nocapture"])
        .env("FETCHER_URL", url);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `openssl s_server` with a certificate for `localhost` signed by nobody known.
struct Secure {
    server: Child,
    port: u16,
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn secure(folder: &Path) -> Option<Secure> {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "3650",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let child = Command::new("openssl")
        .current_dir(folder)
        .args([
            "s_server",
            "-key",
            "key.pem",
            "-cert",
            "cert.pem",
            "-www",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let server = Secure {
        server: child.unwrap(),
        port,
    };
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

#[test]
fn a_server_is_trusted_only_when_its_certificate_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = secure(folder.path()) else {
        skip("a TLS server needs the openssl program");
        return;
    };
    let url = format!("https://localhost:{}/", server.port);
    let certificate = folder.path().join("cert.pem").display().to_string();
    for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"] {
        let said = fetch(&url, &[(name, &certificate)]);
        assert!(
            said.contains("\nbody ") && said.contains("s_server"),
            "{name}: {said}"
        );
    }
    let said = fetch(&url, &[]);
    assert!(
        said.contains("error Network") && said.contains("SSL_CERT_FILE"),
        "{said}"
    );
    let said = fetch(
        &url.replace("localhost", "127.0.0.1"),
        &[("SSL_CERT_FILE", &certificate)],
    );
    assert!(
        said.contains("error Network"),
        "the name must be right, too: {said}"
    );
    let said = fetch(&url, &[("SSL_CERT_FILE", "/none")]);
    assert!(
        said.contains("error Failed SSL_CERT_FILE names /none"),
        "{said}"
    );
}

/// A proxy that notes what it is asked, opens each tunnel and closes it again.
fn proxy() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (give, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let _ = give.send(head.join("\n"));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    (port, asked)
}

#[test]
fn requests_go_through_the_proxy_that_is_named() {
    let (port, asked) = proxy();
    let address = format!("http://me:secret@127.0.0.1:{port}");
    let said = fetch("https://deskside.invalid/x", &[("HTTPS_PROXY", &address)]);
    let request = asked.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(
        request.starts_with("CONNECT deskside.invalid:443 "),
        "{request}"
    );
    assert!(
        request.contains("Proxy-Authorization: Basic bWU6c2VjcmV0"),
        "{request}"
    );
    assert!(
        said.contains("error Network") && !said.contains("secret"),
        "{said}"
    );
    fetch("http://deskside.invalid/x", &[("http_proxy", &address)]);
    let request = asked.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(
        request.starts_with("CONNECT deskside.invalid:80 "),
        "{request}"
    );
    let said = fetch(
        "http://deskside.invalid/x",
        &[("http_proxy", &address), ("NO_PROXY", "invalid")],
    );
    assert!(
        said.contains("the host's name can't be looked up"),
        "{said}"
    );
    assert!(asked.try_recv().is_err(), "the proxy is passed by");
}
