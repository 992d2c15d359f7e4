//! `cargo xtask lab self-test`: that machines, archives and states behave as the real ones were measured to.

use super::machine::{Description, Machine};
use super::{base, machine, state};
use anyhow::{Result, bail, ensure};
use std::time::Instant;

type Case = (&'static str, fn() -> Result<()>);

/// What is proved beside the states.
const CASES: [Case; 9] = [
    (
        "a driver appears after install and reboot, and goes after purge and reboot",
        driver_comes_and_goes,
    ),
    ("prebuilt signed modules spare DKMS", signed_modules),
    ("a DKMS module is refused under Secure Boot", secure_boot),
    (
        "an upgraded library does not fit the loaded module",
        mismatch,
    ),
    ("driver branches push each other out", branches),
    ("nvidia-driver-535 pulls 580 in", transitional),
    (
        "`cuda` pulls a driver in, `cuda-toolkit-13-0` none",
        toolkits,
    ),
    ("ROCm by amdgpu-install, without DKMS", rocm),
    ("nothing of a machine stays", nothing_stays),
];

/// Runs the cases and every state's check; a filter takes those whose name has it.
pub fn self_test(filter: Option<&str>) -> Result<()> {
    if let Some(why) = base::hindrance() {
        println!("  1 × skipped: {why}\n\n0 passed, 0 failed, 1 skipped");
        return Ok(());
    }
    let start = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    let mut one = |name: &str, test: &dyn Fn() -> Result<()>| {
        if filter.is_some_and(|filter| !name.contains(filter)) {
            return;
        }
        let start = Instant::now();
        match test() {
            Ok(()) => {
                passed += 1;
                println!("ok      {:5.1} s  {name}", start.elapsed().as_secs_f64());
            }
            Err(error) => {
                failed += 1;
                println!(
                    "FAILED  {:5.1} s  {name}\n{error:#}\n",
                    start.elapsed().as_secs_f64()
                );
            }
        }
    };
    for (name, test) in CASES.into_iter().chain(super::actions::CASES) {
        one(name, &test);
    }
    for state in state::all()? {
        one(&format!("state {}", state.name), &|| {
            let mut machine = Machine::start(&Description::named(&state.machine)?)?;
            state.make(&mut machine)?;
            state.check(&machine)
        });
    }
    println!(
        "\n{passed} passed, {failed} failed, 0 skipped in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    if failed > 0 {
        bail!("not all of the lab behaves as it should");
    }
    Ok(())
}

fn start(name: &str) -> Result<Machine> {
    Machine::start(&Description::named(name)?)
}

/// Runs a script that must succeed, and returns what it said.
fn must(machine: &Machine, script: &str) -> Result<String> {
    let output = machine.shell(script)?;
    ensure!(
        output.code == 0,
        "`{script}` ended with {}:\n{}",
        output.code,
        output.text()
    );
    Ok(output.text())
}

fn driver_comes_and_goes() -> Result<()> {
    let mut machine = start("ubuntu-24.04-rtx-4090")?;
    let (packages, etc) = (machine.packages()?, machine.etc()?);
    let manual = must(&machine, "apt-mark showmanual")?;
    must(
        &machine,
        "apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic",
    )?;
    ensure!(
        machine.text("sys/module/nvidia/version").is_none(),
        "a module was loaded before the boot"
    );
    let boot = machine.reboot()?;
    ensure!(
        boot.loaded == ["nvidia 580.178.04 open"],
        "loaded: {:?}, refused: {:?}",
        boot.loaded,
        boot.refused
    );
    let said = must(
        &machine,
        "nvidia-smi && cat /proc/driver/nvidia/version && ls /dev/nvidia0",
    )?;
    ensure!(
        said.contains("Driver Version: 580.178.04") && said.contains("Open Kernel Module"),
        "{said}"
    );
    must(
        &machine,
        "apt-get -q -y --purge autoremove nvidia-driver-580-open linux-modules-nvidia-580-open-generic nvidia-kernel-common-580",
    )?;
    let boot = machine.reboot()?;
    ensure!(
        boot.loaded == ["nouveau"],
        "after the purge: {:?}",
        boot.loaded
    );
    let left = machine::differences(&packages, &machine.packages()?);
    ensure!(
        left.is_empty(),
        "packages differ: {left:?}\nmanual before: {manual}"
    );
    let left = machine::differences(&etc, &machine.etc()?);
    let unexpected: Vec<&String> = left
        .iter()
        .filter(|line| !line.contains("/etc/ld.so.cache"))
        .collect();
    ensure!(unexpected.is_empty(), "/etc differs: {unexpected:?}");
    Ok(())
}

fn signed_modules() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-5090")?;
    let said = must(
        &machine,
        "apt-get -s --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic-hwe-24.04",
    )?;
    ensure!(
        said.contains("Inst linux-modules-nvidia-580-open-7.0.0-43-generic")
            && !said.contains("Inst dkms"),
        "{said}"
    );
    let said = must(
        &machine,
        "apt-get -s --no-install-recommends install nvidia-driver-580-open",
    )?;
    ensure!(
        said.contains("Inst dkms") || said.contains("Inst linux-modules-nvidia"),
        "{said}"
    );
    Ok(())
}

fn secure_boot() -> Result<()> {
    let mut machine = start("ubuntu-22.04-rtx-4090")?;
    must(
        &machine,
        "apt-get -q -y --no-install-recommends install nvidia-dkms-580-open libnvidia-compute-580",
    )?;
    let boot = machine.reboot()?;
    ensure!(
        boot.loaded.is_empty()
            && boot.refused == ["nvidia 580.178.04: Key was rejected by service"],
        "{}",
        boot.in_words()
    );
    ensure!(
        machine
            .shell("nvidia-smi || true; dkms status")?
            .stdout
            .contains("installed"),
        "dkms did not build"
    );
    Ok(())
}

fn mismatch() -> Result<()> {
    let mut machine = start("ubuntu-24.04-two-generations")?;
    must(
        &machine,
        "apt-get -q -y --no-install-recommends install nvidia-utils-580 linux-modules-nvidia-580-generic && nvidia-smi || true",
    )?;
    let boot = machine.reboot()?;
    ensure!(boot.loaded == ["nvidia 580.178.04"], "{}", boot.in_words());
    must(&machine, "nvidia-smi")?;
    must(
        &machine,
        "apt-get -q -y --no-install-recommends --allow-remove-essential install nvidia-utils-595",
    )?;
    let said = machine.shell("nvidia-smi")?;
    ensure!(
        said.code == 18 && said.stdout.contains("Driver/library version mismatch"),
        "{}",
        said.text()
    );
    Ok(())
}

fn branches() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    must(
        &machine,
        "apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic",
    )?;
    let said = must(
        &machine,
        "apt-get -s --no-install-recommends install nvidia-driver-595-open linux-modules-nvidia-595-open-generic",
    )?;
    for gone in [
        "Remv nvidia-driver-580-open",
        "Remv libnvidia-compute-580",
        "Remv nvidia-kernel-common-580",
    ] {
        ensure!(said.contains(gone), "`{gone}` is not in:\n{said}");
    }
    Ok(())
}

fn transitional() -> Result<()> {
    let machine = start("ubuntu-22.04-gtx-1080")?;
    let said = must(
        &machine,
        "apt-get -s --no-install-recommends install nvidia-driver-535",
    )?;
    ensure!(
        said.contains("Inst nvidia-driver-580 (580.178.04-0ubuntu0.22.04.1"),
        "{said}"
    );
    let said = must(
        &machine,
        "apt-get -s --no-install-recommends install nvidia-driver-615",
    )?;
    ensure!(
        said.contains("Inst nvidia-driver-615-open (615.71.09"),
        "{said}"
    );
    Ok(())
}

fn toolkits() -> Result<()> {
    let machine = start("debian-12-rtx-4090")?;
    let keyring = "/.lab/archives/developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/cuda-keyring_1.1-1_all.deb";
    must(&machine, &format!("dpkg -i {keyring} && apt-get -q update"))?;
    let said = must(&machine, "apt-get -s install cuda-toolkit-13-0")?;
    ensure!(
        !said.contains("dkms") && said.contains("Inst cuda-nvcc-13-0"),
        "{said}"
    );
    let said = must(&machine, "apt-get -s install cuda")?;
    ensure!(
        said.contains("Inst cuda-drivers") && said.contains("Inst nvidia-dkms"),
        "{said}"
    );
    let said = must(
        &machine,
        "apt-get -q -y install nvidia-driver-pinning-580 && apt-cache policy nvidia-open",
    )?;
    ensure!(said.contains("Candidate: 580.65.06"), "{said}");
    must(
        &machine,
        "apt-get -q -y install cuda-toolkit-12-8 && /usr/local/cuda/bin/nvcc",
    )?;
    Ok(())
}

fn rocm() -> Result<()> {
    let machine = start("ubuntu-24.04-rx-7900-xtx")?;
    ensure!(
        machine.text("sys/module/amdgpu/initstate").is_some(),
        "the kernel's own amdgpu is not loaded"
    );
    must(
        &machine,
        "apt-get -q -y install /.lab/archives/repo.radeon.com/amdgpu-install/7.2.2/ubuntu/pool/noble/amdgpu-install/amdgpu-install_*.deb && amdgpu-install -y --usecase=rocm --no-dkms && test -x /opt/rocm/bin/rocminfo",
    )?;
    ensure!(
        !machine.packages()?.contains_key("amdgpu-dkms"),
        "amdgpu-dkms was installed"
    );
    Ok(())
}

fn nothing_stays() -> Result<()> {
    let machine = start("ubuntu-24.04-cpu-only")?;
    must(
        &machine,
        "echo x > /etc/lab-was-here; sleep 1000 > /dev/null 2>&1 < /dev/null &",
    )?;
    let root = machine.root().to_path_buf();
    drop(machine);
    ensure!(
        !root.join("etc").exists(),
        "the machine's root is still there"
    );
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    ensure!(!mounts.contains("/lab/scratch"), "mounts leaked:\n{mounts}");
    let machine = start("ubuntu-24.04-cpu-only")?;
    ensure!(
        machine.text("etc/lab-was-here").is_none(),
        "a file of the last machine is in the next"
    );
    Ok(())
}
