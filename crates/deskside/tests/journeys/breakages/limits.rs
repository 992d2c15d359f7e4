//! Full file systems, small shared memory, processes that hold a device: each in a name space or on a file system of its
//! own, so that nothing of this machine is touched.

use super::scene::{Question, Way, ask, ask_by, index, plain, stand_in};
use super::table;
use crate::devices::library;
use crate::person::{Person, real_wanted, said};
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A small file system, gone with this value.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder)
            .output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_path_buf()));
        }
        deskside_testkit::skip("mounting a small file system is not allowed here");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The same command behind a shell line that ends in `exec "$@"`.
fn behind(command: &Command, line: &str, program: &[&str]) -> Command {
    let mut own = Command::new(program[0]);
    own.args(&program[1..])
        .args(["sh", "-c", line, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        own.current_dir(folder);
    }
    own.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            own.env(name, value);
        }
    }
    own.stdin(std::process::Stdio::null());
    own
}

#[test]
fn file_systems_that_are_full() {
    if !real_wanted() {
        return;
    }
    let mut outcomes = Vec::new();
    {
        // In a name space of its own: other tests look at this machine's file systems, too.
        let project = plain(&[]);
        let many = project.person.work().join("many");
        std::fs::create_dir(&many).unwrap();
        let line = format!(
            "mount -t tmpfs -o size=8m,nr_inodes=30 tmpfs '{0}' && cd '{0}' && (for n in $(seq 60); do : > $n.jpg; done) 2>/dev/null; cd ..; exec \"$@\"",
            many.display()
        );
        let question = Question::of("inodes-exhausted", "30 inodes", Way::Person);
        let allowed = Command::new("unshare")
            .args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
            .output();
        if !allowed.is_ok_and(|output| output.status.success()) {
            deskside_testkit::skip("mounting a small file system is not allowed here");
            return;
        }
        outcomes.push(ask_by(&project, &question, &|command| {
            behind(&command, &line, &["unshare", "--mount"])
        }));
    }
    {
        let mut project = plain(&[]);
        let home = project.person.work().join("home");
        let Some(small) = Small::mount(&home, "size=4m") else {
            return;
        };
        project
            .variables
            .push(("HOME".into(), home.display().to_string()));
        let _ = std::fs::write(small.0.join("checkpoint.pt"), vec![0; 8 << 20]);
        // Nothing can be kept of it there, and no recording is made: the home is full.
        let command = [
            ".venv/bin/python",
            "-c",
            "import os; open(os.environ['HOME'] + '/x', 'wb').write(b'0' * (1 << 20))",
        ];
        let question = Question::of("disk-full", "a full home", Way::Person).shown_by(&command);
        outcomes.push(ask(&project, &question));
    }
    {
        let mut project = plain(&[]);
        let cache = project.person.work().join("cache");
        let Some(_small) = Small::mount(&cache, "size=2m") else {
            return;
        };
        project.variables.retain(|(name, _)| name != "UV_CACHE_DIR");
        project
            .variables
            .push(("UV_CACHE_DIR".into(), cache.display().to_string()));
        let command = ["uv", "pip", "install", "numpy==2.2.6"];
        outcomes.push(ask(
            &project,
            &Question::of("tmp-full-during-install", "a small cache", Way::Person)
                .shown_by(&command),
        ));
    }
    {
        let mut project = plain(&[]);
        let folder = project.person.work().join("noexec");
        let Some(small) = Small::mount(&folder, "size=64m,noexec") else {
            return;
        };
        let library = Command::new("sh")
            .args([
                "-c",
                "find /usr/lib /lib -name 'libz.so.1*' -type f 2>/dev/null | head -1",
            ])
            .output()
            .unwrap();
        let library = String::from_utf8(library.stdout).unwrap();
        std::fs::copy(library.trim(), small.0.join("kernel.so")).unwrap();
        project
            .variables
            .push(("TMPDIR".into(), folder.display().to_string()));
        let script = format!(
            "import ctypes; ctypes.CDLL('{}')",
            small.0.join("kernel.so").display()
        );
        let command = [".venv/bin/python", "-c", script.as_str()];
        outcomes.push(ask(
            &project,
            &Question::of("folder-not-executable", "a noexec folder", Way::Person)
                .shown_by(&command),
        ));
    }
    {
        let project = plain(&[]);
        let script = "from multiprocessing import shared_memory as s\nm = s.SharedMemory(create=True, size=64 << 20)\nm.buf[:] = bytes(64 << 20)\n";
        project.person.write("loader.py", script);
        let command = [".venv/bin/python", "loader.py"];
        let question = Question::of("shm-too-small", "16 MiB", Way::Person).shown_by(&command);
        outcomes.push(ask_by(&project, &question, &|command| {
            behind(
                &command,
                "mount -t tmpfs -o size=16m tmpfs /dev/shm && exec \"$@\"",
                &["unshare", "--mount"],
            )
        }));
    }
    table("file systems", &outcomes);
}

const GPU: &str = "driver=580.95.05\ncuda=13000\ngpu name=NVIDIA_GeForce_RTX_4090 capability=8.9 total=25757220864 used=8589934592 util=3 temp=41 mw=15500 limit=450000 display=0 persist=0\n";

/// A project of somebody with a stand-in for NVIDIA's library.
fn with_gpu(mut project: Project, folder: &Path) -> Project {
    let state = project.person.write("gpu-state", GPU);
    project
        .variables
        .push(("LD_LIBRARY_PATH".into(), folder.display().to_string()));
    project
        .variables
        .push(("FAKE_NVML".into(), state.display().to_string()));
    project
}

#[test]
fn a_gpu_that_is_hidden_held_or_unused() {
    if !real_wanted() {
        return;
    }
    let folder = library();
    let mut outcomes = Vec::new();
    for (value, case) in [
        ("-1", "CUDA_VISIBLE_DEVICES=-1"),
        ("3", "CUDA_VISIBLE_DEVICES=3 of one"),
    ] {
        let mut project = with_gpu(plain(&[]), &folder);
        project
            .variables
            .push(("CUDA_VISIBLE_DEVICES".into(), value.into()));
        outcomes.push(ask(
            &project,
            &Question::of("cuda-visible-devices-hides-gpu", case, Way::Person),
        ));
    }
    {
        // Stand-ins of both names: the plain one overwrote the other's files.
        let gpu = stand_in(
            "onnxruntime-gpu",
            "1.20.0",
            &[("onnxruntime/__init__.py", "gpu = 1\n")],
            &[],
        );
        let plain_one = stand_in(
            "onnxruntime",
            "1.20.0",
            &[("onnxruntime/__init__.py", "gpu = 0\n")],
            &[],
        );
        let mut project = with_gpu(plain(&[&gpu, &plain_one]), &folder);
        project.variables.push(("UV_DEFAULT_INDEX".into(), index()));
        let outcome = ask(
            &project,
            &Question::of("onnxruntime-cpu-over-gpu", "both installed", Way::Fix),
        );
        assert!(
            !outcome.mended || project.python("import onnxruntime; assert onnxruntime.gpu == 1")
        );
        outcomes.push(outcome);
    }
    {
        // Stand-ins of the real names: what is judged is what their metadata and files say.
        let cpu = stand_in(
            "torch",
            "2.6.0+cpu",
            &[
                ("torch/__init__.py", ""),
                (
                    "torch/version.py",
                    "cuda: str | None = None\nhip: str | None = None\n",
                ),
            ],
            &[],
        );
        let project = with_gpu(plain(&[&cpu]), &folder);
        outcomes.push(ask(
            &project,
            &Question::of("torch-cpu-only-wheel", "the CPU build", Way::Planned),
        ));
        let torch = stand_in(
            "torch",
            "2.7.0+cu128",
            &[
                ("torch/__init__.py", ""),
                (
                    "torch/version.py",
                    "cuda: str | None = '12.8'\nhip: str | None = None\n",
                ),
            ],
            &[],
        );
        let bits = stand_in(
            "bitsandbytes",
            "0.45.0",
            &[
                ("bitsandbytes/__init__.py", ""),
                ("bitsandbytes/libbitsandbytes_cpu.so", "x"),
                ("bitsandbytes/libbitsandbytes_cuda126.so", "x"),
            ],
            &[],
        );
        let project = with_gpu(plain(&[&torch, &bits]), &folder);
        project.person.write("load.py", "raise RuntimeError('Configured CUDA binary not found at /x/bitsandbytes/libbitsandbytes_cuda128.so')\n");
        let command = [".venv/bin/python", "load.py"];
        outcomes.push(ask(
            &project,
            &Question::of(
                "bitsandbytes-no-cuda-binary",
                "no library for CUDA 12.8",
                Way::Planned,
            )
            .shown_by(&command),
        ));
    }
    {
        // An orphan that keeps a device file open, in a /dev of its own.
        let project = with_gpu(plain(&[]), &folder);
        project.person.write("orphan.py", "import os, sys, time\nif os.fork():\n    sys.exit()\nos.setsid()\nif os.fork():\n    os._exit(0)\ndevice = os.open('/dev/nvidia0', os.O_RDWR)\ntime.sleep(60)\n");
        let line = "mkdir -p dev && mount -t tmpfs tmpfs dev && cp -a /dev/null /dev/zero /dev/urandom /dev/random /dev/tty dev/ && mkdir dev/shm && mknod dev/nvidia0 c 1 3 && mount --move dev /dev 2>/dev/null || mount --bind dev /dev; python3 orphan.py </dev/null >/dev/null 2>&1; sleep 0.3; \"$@\"; code=$?; exit $code";
        let question = Question::of(
            "vram-held-by-orphan-worker",
            "an orphan holds it",
            Way::Person,
        );
        let allowed = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--mount-proc",
                "mknod",
                "/tmp/deskside-node",
                "c",
                "1",
                "3",
            ])
            .output();
        let _ = std::fs::remove_file("/tmp/deskside-node");
        if allowed.is_ok_and(|output| output.status.success()) {
            outcomes.push(ask_by(&project, &question, &|command| {
                behind(
                    &command,
                    line,
                    &[
                        "unshare",
                        "--mount",
                        "--pid",
                        "--fork",
                        "--mount-proc",
                        "--kill-child",
                    ],
                )
            }));
        } else {
            deskside_testkit::skip("devices and name spaces of processes can't be made here");
        }
    }
    table("GPUs", &outcomes);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_device_library_that_hangs_is_told_in_time() {
    let folder = library();
    let person = Person::new();
    let state = person.write("state", &format!("block=60\n{GPU}"));
    let begun = Instant::now();
    let hung = said(
        &person
            .command(&["doctor"])
            .env("LD_LIBRARY_PATH", &folder)
            .env("FAKE_NVML", &state)
            .output()
            .unwrap(),
    );
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "took {:?}",
        begun.elapsed()
    );
    let told = hung.out.replace('\n', " ");
    assert!(
        told.contains("no answer within") || told.contains("does not answer"),
        "{}{}",
        hung.out,
        hung.talk
    );

    // No Python, no apt, no shell on PATH, and the library broken, too.
    std::fs::write(&state, "init=999\n").unwrap();
    for (path, broken) in [
        ("", "an empty PATH"),
        ("/no/such/folder", "a PATH that leads nowhere"),
    ] {
        let begun = Instant::now();
        let said = said(
            &person
                .command(&["doctor", "--json"])
                .env("PATH", path)
                .env("LD_LIBRARY_PATH", &folder)
                .env("FAKE_NVML", &state)
                .env("PYTHONHOME", "/no/such")
                .output()
                .unwrap(),
        );
        assert!(said.code <= 1, "{broken}: {}", said.talk);
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{broken}: {:?}",
            begun.elapsed()
        );
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert!(json["considered"].as_u64().unwrap() > 50, "{}", said.out);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
