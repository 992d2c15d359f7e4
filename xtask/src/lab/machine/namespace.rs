//! The namespaces a machine lives in: mounts, processes, network, host name.
//!
//! A process of this machine holds them and ends when its input does, which is when this process ends, however it ends; with it go all
//! mounts, processes and (the upper layer is a tmpfs in there) all that was written.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Where the layers of a machine are.
pub struct Layers<'a> {
    /// The lower layers, the topmost first.
    pub lower: Vec<&'a Path>,
    /// A folder that keeps what is written (`upper` and `work` in it); `None` writes to memory.
    pub keep: Option<&'a Path>,
    /// A folder to mount on.
    pub scratch: &'a Path,
    /// The archives.
    pub archives: &'a Path,
}

/// The running namespaces.
pub struct Namespace {
    holder: Child,
    input: Option<ChildStdin>,
    process: u32,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Output {
    /// Exit code; 128 and more for a signal, as shells say it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Both outputs, one after the other.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Mounts everything and holds it. `$1` scratch, `$2` lower layers, `$3` folder that keeps the upper layer or empty, `$4` archives.
const SCRIPT: &str = r#"set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o mode=755 lab "$1"; r=$1/root; mkdir "$r"
if [ -n "$3" ]; then u=$3; else u=$1; fi
mkdir -p "$u/upper" "$u/work"
mount -t overlay -o "lowerdir=$2,upperdir=$u/upper,workdir=$u/work" lab "$r"
mkdir -p "$r/proc" "$r/sys" "$r/dev" "$r/run" "$r/.lab/archives"
mount -t proc proc "$r/proc"
mount -t tmpfs -o mode=755 sys "$r/sys"
mount -t tmpfs -o mode=755 run "$r/run"; mkdir -p "$r/run/lock"
mount -t tmpfs -o mode=755 dev "$r/dev"
for n in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do set -- "$1" "$2" "$3" "$4" $n; mknod -m 666 "$r/dev/$5" c $6 $7; done
mkdir "$r/dev/pts" "$r/dev/shm"; mount -t devpts -o newinstance,ptmxmode=666 pts "$r/dev/pts"; mount -t tmpfs shm "$r/dev/shm"
ln -s pts/ptmx "$r/dev/ptmx"; ln -s /proc/self/fd "$r/dev/fd"; for n in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${n%:*} "$r/dev/${n#*:}"; done
mount --bind "$4" "$r/.lab/archives"; mount -o remount,bind,ro "$r/.lab/archives"
[ -d "$r/proc/driver" ] && mount -t tmpfs -o mode=755 driver "$r/proc/driver"
mkdir -p "$r/.lab/proc"
for f in sys/kernel/random/boot_id sys/kernel/osrelease; do n=$(basename $f); cat "/proc/$f" > "$r/.lab/proc/$n"; mount --bind "$r/.lab/proc/$n" "$r/proc/$f"; done
read -r pid rest < /proc/self/stat
echo "$pid"
exec chroot "$r" /bin/sh -c 'read -r line'
"#;

impl Namespace {
    /// Makes them.
    pub fn start(layers: &Layers<'_>) -> Result<Self> {
        std::fs::create_dir_all(layers.scratch)?;
        let lower: Vec<String> = layers
            .lower
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let keep = layers
            .keep
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        let mut holder = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--net",
                "--uts",
                "--ipc",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
                "/bin/sh",
                "-c",
                SCRIPT,
                "lab",
            ])
            .arg(layers.scratch)
            .args([lower.join(":"), keep])
            .arg(layers.archives)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare could not be started")?;
        let input = holder.stdin.take();
        let mut line = String::new();
        if let Some(output) = holder.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let Ok(process) = line.trim().parse() else {
            let _ = holder.kill();
            let _ = holder.wait();
            bail!("the machine's mounts failed (see above)");
        };
        let namespace = Self {
            holder,
            input,
            process,
        };
        // The process says its number before it enters the root.
        for _ in 0..200 {
            if namespace.root().join(".lab/proc").is_dir() {
                return Ok(namespace);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        bail!("the machine's root did not appear")
    }

    /// The root folder, seen from this machine. Absolute links below it lead to this machine's own files: follow none.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.process))
    }

    /// The number of the process that holds them.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// A command to be run in there, with a clean environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.process))
            .args([
                "--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wdns=/", "--",
            ])
            .args(words)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LANG", "C.UTF-8")
            .env("HOME", "/root")
            // No systemd runs here: `systemctl enable` works on files, `start` and `daemon-reload` are left out.
            .env("SYSTEMD_OFFLINE", "1")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Runs a command to its end; `input` is what it reads.
    pub fn run(&self, words: &[&str], input: &str) -> Result<Output> {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("nsenter could not be started")?;
        let mut pipe = child.stdin.take();
        let input = input.to_string();
        let writer = std::thread::spawn(move || {
            if let Some(pipe) = &mut pipe {
                let _ = pipe.write_all(input.as_bytes());
            }
        });
        let output = child.wait_with_output()?;
        let _ = writer.join();
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        Ok(Output {
            code: output
                .status
                .code()
                .unwrap_or_else(|| 128 + signal.unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The end of its input ends the first process in there, and with it all others; only then does the holder end. It is
        // killed when that takes too long.
        drop(self.input.take());
        for _ in 0..400 {
            if matches!(self.holder.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
