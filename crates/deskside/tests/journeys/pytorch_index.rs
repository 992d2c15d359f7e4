//! A stand-in for PyTorch's own indexes on the loopback interface: tiny wheels that bear the real names and versions.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The server; it ends with the value.
pub struct PytorchIndex {
    server: Child,
    _folder: tempfile::TempDir,
    /// The root of the indexes, as `DESKSIDE_PYTORCH_INDEX` takes it.
    pub root: String,
}

/// Makes the wheels and the pages: one folder for each build.
const MAKE: &str = r#"
import hashlib, os, sys, zipfile
root = sys.argv[1]
for build, version in [("cpu", "2.15.0+cpu"), ("cu126", "2.14.1+cu126"), ("cu128", "2.11.0+cu128"), ("rocm7.2", "2.13.0+rocm7.2")]:
    folder = os.path.join(root, "whl", build, "torch")
    os.makedirs(folder)
    name = f"torch-{version}-py3-none-any.whl"
    info = f"torch-{version}.dist-info"
    files = {"torch.py": f"__version__ = {version!r}\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{path},,\n" for path in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", record)
    digest = hashlib.sha256(open(os.path.join(folder, name), "rb").read()).hexdigest()
    shown = name.replace("+", "%2B")
    with open(os.path.join(folder, "index.html"), "w") as page:
        page.write(f'<!DOCTYPE html><html><body><a href="{shown}#sha256={digest}">{name}</a></body></html>')
"#;

impl PytorchIndex {
    /// Makes the wheels and serves them.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("python3")
            .args(["-c", MAKE])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(made.success());
        let port = free_port();
        let server = Command::new("python3")
            .args([
                "-m",
                "http.server",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--directory",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the stand-in index does not answer"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            server,
            _folder: folder,
            root: format!("http://127.0.0.1:{port}/whl"),
        }
    }
}

impl Drop for PytorchIndex {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The version of the stand-in that an environment has.
pub fn installed(site: &Path) -> Option<String> {
    let text = std::fs::read_to_string(site.join("torch.py")).ok()?;
    Some(text.split('\'').nth(1)?.to_string())
}
