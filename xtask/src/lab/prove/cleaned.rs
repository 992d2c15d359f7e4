//! `clean` and `reinstall` in the lab: what must be gone is gone by dpkg's own list and the file system, not only by the
//! program's word; what is brought back answers; and `undo` takes all of it back.

use super::{ADA, Proof, deskside, made_by_the_machine, planned, prepared, reach, seen};
use crate::lab::machine::{Description, Machine, differences};
use crate::lab::state;
use anyhow::{Result, ensure};

/// A machine in a state, what is applied to it first, and the command under proof.
pub struct Case {
    machine: &'static str,
    state: &'static str,
    /// Arguments of a `plan` that is applied first; none when nothing is.
    first: Option<&'static str>,
    command: &'static str,
}

impl Case {
    /// As it is called in the list and by a filter.
    pub fn name(&self) -> String {
        let first = self
            .first
            .map(|first| {
                format!(
                    " with {}",
                    if first.is_empty() { "a driver" } else { first }
                )
            })
            .unwrap_or_default();
        format!("{} {}{first}: {}", self.machine, self.state, self.command)
    }
}

const fn case(
    machine: &'static str,
    state: &'static str,
    first: Option<&'static str>,
    command: &'static str,
) -> Case {
    Case {
        machine,
        state,
        first,
        command,
    }
}

/// What is proved on every change.
pub const QUICK: &[Case] = &[
    case(
        "ubuntu-22.04-rtx-4090",
        "guide-old-recipe",
        None,
        "clean all",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "half-configured",
        None,
        "reinstall driver",
    ),
    case("ubuntu-24.04-rtx-4090", "bare", Some(""), "clean driver"),
    case(
        "ubuntu-24.04-rtx-4090",
        "runfile-leftovers",
        None,
        "clean all",
    ),
    case(
        "ubuntu-24.04-rx-7900-xtx",
        "bare",
        Some("--wish rocm"),
        "clean rocm",
    ),
];

/// What is proved with `--full`, beside those.
pub const LONG: &[Case] = &[
    case("ubuntu-22.04-rtx-4090", "bare", Some(""), "clean driver"),
    case(
        "ubuntu-22.04-rtx-4090",
        "bare",
        Some(""),
        "reinstall driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "bare",
        Some("--cuda 13.0"),
        "clean cuda",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "bare",
        Some("--cuda 13.0"),
        "reinstall cuda",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "bare",
        Some("--cuda 13.0"),
        "clean all",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "bare",
        Some("--cuda 13.0"),
        "reinstall all",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "guide-old-recipe",
        None,
        "clean driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "guide-old-recipe",
        None,
        "clean cuda",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "guide-old-recipe",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "guide-old-recipe",
        None,
        "reinstall all",
    ),
    case(
        "ubuntu-22.04-gtx-1080",
        "wrong-branch",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "mixed-repositories",
        None,
        "reinstall driver",
    ),
    case("ubuntu-22.04-rtx-4090", "ppa", None, "clean driver"),
    case("ubuntu-22.04-rtx-4090", "ppa", None, "reinstall driver"),
    case("ubuntu-22.04-rtx-4090", "held", None, "reinstall driver"),
    case(
        "ubuntu-22.04-rtx-4090",
        "half-configured",
        None,
        "clean driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "half-removed",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-24.04-rtx-4090",
        "transitional",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-22.04-rtx-4090",
        "runfile-leftovers",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-24.04-rtx-4090",
        "interrupted-dpkg",
        None,
        "reinstall driver",
    ),
    case(
        "ubuntu-24.04-rtx-4090",
        "runfile-leftovers",
        None,
        "clean cuda",
    ),
    case(
        "ubuntu-24.04-rx-7900-xtx",
        "bare",
        Some("--wish rocm"),
        "reinstall rocm",
    ),
    case("ubuntu-26.04-rtx-5090", "bare", Some(""), "clean driver"),
    case(
        "ubuntu-26.04-rtx-5090",
        "bare",
        Some(""),
        "reinstall driver",
    ),
    case("pop-22.04-rtx-3090", "bare", Some(""), "clean driver"),
    case("pop-22.04-rtx-3090", "bare", Some(""), "reinstall driver"),
    case("pop-24.04-rtx-3090", "bare", Some(""), "reinstall driver"),
    case("debian-12-rtx-4090", "bare", Some(""), "clean driver"),
    case("debian-12-rtx-4090", "bare", Some(""), "reinstall driver"),
    case("debian-13-rtx-4090", "bare", Some(""), "clean driver"),
    case("debian-13-rtx-4090", "bare", Some(""), "reinstall driver"),
];

/// How packages of the driver begin, told by other means than the program's own data.
const DRIVER: &[&str] = &[
    "nvidia-driver",
    "nvidia-dkms",
    "nvidia-kernel",
    "nvidia-utils",
    "nvidia-compute",
    "nvidia-settings",
    "nvidia-prime",
    "nvidia-open",
    "nvidia-alternative",
    "nvidia-installer",
    "nvidia-legacy",
    "nvidia-modprobe",
    "nvidia-persistenced",
    "nvidia-smi",
    "nvidia-opencl",
    "nvidia-vdpau",
    "nvidia-egl",
    "nvidia-suspend",
    "libnvidia-",
    "libcuda1",
    "linux-modules-nvidia",
    "linux-objects-nvidia",
    "linux-signatures-nvidia",
    "xserver-xorg-video-nvidia",
    "cuda-drivers",
    "system76-driver-nvidia",
];
/// How packages of CUDA toolkits begin.
const CUDA: &[&str] = &[
    "cuda",
    "libcublas",
    "libcufft",
    "libcurand",
    "libcusparse",
    "libcusolver",
    "libcudnn",
    "libnpp",
    "libnvjpeg",
    "libnvjitlink",
    "libnvfatbin",
    "libnccl",
    "nvidia-cuda-toolkit",
    "nsight",
];
/// How packages of ROCm begin.
const ROCM: &[&str] = &[
    "rocm",
    "hip",
    "hsa-",
    "comgr",
    "rocblas",
    "miopen",
    "amdgpu-install",
];
/// How the driver's main package is called.
const MAIN: &[&str] = &[
    "nvidia-driver",
    "nvidia-open",
    "cuda-drivers",
    "system76-driver-nvidia",
];

/// Proves one.
///
/// # Errors
///
/// What did not hold.
pub fn prove(program: &[u8], case: &Case) -> Result<Proof> {
    let description = Description::named(case.machine)?;
    let mut machine = prepared(program, &description, &state::named(case.state)?)?;
    let profile = machine.text("/home/ada/.bashrc").unwrap_or_default();
    if let Some(first) = case.first {
        reach(&mut machine, ADA, &format!("plan {first}"), 1)?;
    }
    let before = seen(&machine)?;
    let opened = packages(&machine, MAIN)?;
    let command = case.command;
    planned(&machine, ADA, command)?;
    // What is only mended is not dangerous: its name is not asked for.
    let plan = machine.text("/home/ada/plan.json").unwrap_or_default();
    if plan.contains("\"severe\"") {
        let (text, code) = deskside(&machine, ADA, "apply plan.json --yes --machine-name other")?;
        ensure!(
            code == 5 || code == 1,
            "with another machine's name it ended with {code}:\n{text}"
        );
        ensure!(
            differences(&before, &seen(&machine)?).is_empty(),
            "with another machine's name it changed something"
        );
    }
    let (restarts, hands) = reach(&mut machine, ADA, command, 1)?;
    if command.starts_with("clean") {
        gone(&machine, command)?;
    } else {
        came_back(&machine, command, &opened)?;
    }
    ensure!(
        machine
            .text("/home/ada/.bashrc")
            .unwrap_or_default()
            .lines()
            .count()
            >= profile.lines().count(),
        "lines of the person's profile are gone"
    );
    let changed = differences(&before, &seen(&machine)?).len();
    let (text, code) = deskside(&machine, ADA, "undo --yes")?;
    ensure!(code == 0, "`deskside undo` ended with {code}:\n{text}");
    Ok(Proof {
        outcome: format!(
            "{restarts} restart(s), {hands} time(s) hands, {changed} packages and files changed, taken back"
        ),
        differs: differences(&before, &seen(&machine)?)
            .into_iter()
            .filter(|line| !made_by_the_machine(line))
            .collect(),
    })
}

/// The packages that are there, in whatever state, and begin so.
fn packages(machine: &Machine, beginnings: &[&str]) -> Result<Vec<String>> {
    Ok(machine
        .packages()?
        .into_iter()
        .filter(|(name, _)| {
            beginnings
                .iter()
                .any(|beginning| name.starts_with(beginning))
        })
        .map(|(name, state)| format!("{name} {state}"))
        .collect())
}

fn gone(machine: &Machine, command: &str) -> Result<()> {
    let all = command.ends_with("all");
    for (part, pattern) in [("driver", DRIVER), ("cuda", CUDA), ("rocm", ROCM)] {
        if !all && !command.ends_with(part) {
            continue;
        }
        let mut left = packages(machine, pattern)?;
        if part == "cuda" {
            // NVIDIA's own name for its driver.
            left.retain(|name| !name.starts_with("cuda-drivers"));
        }
        ensure!(left.is_empty(), "packages stayed: {left:?}");
    }
    let mut lines = String::new();
    if all || command.ends_with("driver") {
        lines.push_str("ls -d /sys/module/nvidia /usr/bin/nvidia-smi /usr/bin/nvidia-installer /usr/bin/nvidia-uninstall /etc/modprobe.d/*nvidia* 2>/dev/null\n");
        lines.push_str(
            "ls -d /var/lib/dkms/nvidia* /etc/apt/sources.list.d/*graphics-drivers* 2>/dev/null\n",
        );
    }
    if all || command.ends_with("cuda") {
        lines.push_str("ls -d /usr/local/cuda* 2>/dev/null\n");
        lines.push_str("grep -nE '^[^#]*/usr/local/cuda' /home/ada/.bashrc\n");
    }
    if all {
        lines.push_str("grep -rl --exclude='.*' 'developer.download.nvidia.com' /etc/apt/sources.list.d /etc/apt/preferences.d 2>/dev/null\n");
    }
    if all || command.ends_with("rocm") {
        lines.push_str("ls -d /opt/rocm* 2>/dev/null\ngrep -rl --exclude='.*' 'repo.radeon.com' /etc/apt/sources.list.d 2>/dev/null\n");
    }
    let left = machine.shell(&lines)?.stdout;
    ensure!(left.trim().is_empty(), "it stayed:\n{left}");
    let check = machine.shell("apt-get check 2>&1; apt-get update 2>&1 | grep '^[EW]:'")?;
    ensure!(
        !check.stdout.contains("E:"),
        "apt is not in order:\n{}",
        check.stdout
    );
    Ok(())
}

fn came_back(machine: &Machine, command: &str, before: &[String]) -> Result<()> {
    let answers = machine.shell("nvidia-smi")?;
    if command.ends_with("driver") || (command.ends_with("all") && !before.is_empty()) {
        ensure!(
            answers.code == 0,
            "the driver does not answer:\n{}{}",
            answers.stdout,
            answers.stderr
        );
        let there = packages(machine, MAIN)?;
        ensure!(
            there
                .iter()
                .any(|package| package.contains(" ii") || package.contains(" hi")),
            "no driver is installed: {there:?}"
        );
    }
    if command.ends_with("cuda") {
        let compiler = machine.shell("ls -d /usr/local/cuda*/bin/nvcc")?;
        ensure!(compiler.code == 0, "there is no nvcc");
    }
    let half: Vec<String> = machine
        .packages()?
        .into_iter()
        .filter(|(_, state)| {
            !state.starts_with("ii") && !state.starts_with("rc") && !state.starts_with("hi")
        })
        .map(|(name, state)| format!("{name} {state}"))
        .collect();
    ensure!(half.is_empty(), "half installed: {half:?}");
    let sources = machine.shell("apt-get update 2>&1 | grep '^[EW]:'")?;
    ensure!(
        !sources.stdout.contains("E:"),
        "apt is not in order:\n{}",
        sources.stdout
    );
    Ok(())
}
