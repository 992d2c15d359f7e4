//! The machines and wishes.

use super::machine::*;
use deskside_provision::{Clean, Wish};
use deskside_types::facts::*;
use deskside_types::{Facts, Known};

pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub facts: Facts,
    pub wish: Wish,
}

const ADA: &str = "2684";
const TURING: &str = "1eb8";
const PASCAL: &str = "1b06";
const VOLTA: &str = "1db4";
const KEPLER: &str = "102d";
const HOPPER: &str = "2330";
const BLACKWELL: &str = "2b85";

struct Table(Vec<Case>);

impl Table {
    fn wish(&mut self, group: &'static str, name: &str, wish: &[&str], mut facts: Facts, change: impl FnOnce(&mut Facts)) {
        change(&mut facts);
        let wish = wish
            .iter()
            .try_fold(Wish::default(), |wish, word| wish.with(word))
            .unwrap();
        self.0.push(Case {
            group,
            name: format!("{group}: {name}"),
            facts,
            wish,
        });
    }

    fn plain(&mut self, group: &'static str, name: &str, facts: Facts, change: impl FnOnce(&mut Facts)) {
        self.wish(group, name, &[], facts, change);
    }
}

pub fn all() -> Vec<Case> {
    let mut table = Table(Vec::new());
    bare(&mut table);
    present(&mut table);
    broken(&mut table);
    toolkits(&mut table);
    pop(&mut table);
    debian(&mut table);
    amd(&mut table);
    others(&mut table);
    cleaning(&mut table);
    table.0
}

fn ubuntu(version: &str, card: &str, secure_boot: bool) -> Facts {
    machine("ubuntu", version, card, secure_boot)
}

/// Nothing is installed: release × card × Secure Boot.
fn bare(table: &mut Table) {
    for version in ["22.04", "24.04", "26.04"] {
        for (card, name) in [
            (ADA, "Ada"),
            (BLACKWELL, "Blackwell"),
            (PASCAL, "Pascal"),
            (KEPLER, "Kepler"),
        ] {
            table.plain("bare", &format!("Ubuntu {version}, {name}, Secure Boot on"), ubuntu(version, card, true), |_| {});
        }
    }
    table.plain("bare", "Ubuntu 22.04, Volta, Secure Boot off", ubuntu("22.04", VOLTA, false), |_| {});
    table.plain("bare", "Ubuntu 24.04, Hopper, Secure Boot off", ubuntu("24.04", HOPPER, false), |_| {});
    table.plain("bare", "Ubuntu 22.04, Turing, GA kernel", ubuntu("22.04", TURING, true), |facts| {
        kernel(facts, &["5.15.0-204-generic"]);
        add(facts, &["linux-image-generic 5.15.0.204"]);
        without(facts, "linux-image-generic-hwe-22.04");
    });
    table.plain("bare", "Ubuntu 22.04, Ada, GA kernel runs, HWE is newest", ubuntu("22.04", ADA, true), |facts| {
        kernel(facts, &["5.15.0-204-generic", "6.8.0-149-generic"]);
        facts.system.kernel = Known::Value("5.15.0-204-generic".into());
        add(facts, &["linux-image-generic 5.15.0.204"]);
    });
    table.plain("bare", "Ubuntu 24.04, Kepler, GA kernel without prebuilt 470, Secure Boot on", ubuntu("24.04", KEPLER, true), |facts| {
        kernel(facts, &["6.8.0-151-generic"]);
        add(facts, &["linux-image-generic 6.8.0.151"]);
        without(facts, "linux-image-generic-hwe-24.04");
    });
    table.plain("bare", "Ubuntu 24.04, Ada, a kernel of one's own, Secure Boot on", ubuntu("24.04", ADA, true), |facts| kernel(facts, &["6.18.2-xanmod1"]));
    table.plain("bare", "Ubuntu 24.04, Ada, a kernel of one's own, Secure Boot off", ubuntu("24.04", ADA, false), |facts| kernel(facts, &["6.18.2-xanmod1"]));
    table.plain("bare", "Ubuntu 24.04, Pascal and Ada", ubuntu("24.04", "1b06 2684", true), |_| {});
    table.plain("bare", "Ubuntu 24.04, Pascal and Blackwell: no driver for both", ubuntu("24.04", "1b06 2b85", true), |_| {});
    table.plain("bare", "Ubuntu 24.04, Kepler and Ada: no driver for both", ubuntu("24.04", "102d 2684", true), |_| {});
    table.plain("bare", "Ubuntu 24.04, Ada and Blackwell", ubuntu("24.04", "2684 2b85", true), |_| {});
    table.plain("bare", "Ubuntu 24.04, a card in no table", ubuntu("24.04", "unknown", true), |_| {});
    table.wish("bare", "Ubuntu 24.04, Ada, 595 wished", &["driver=595"], ubuntu("24.04", ADA, true), |_| {});
    table.wish("bare", "Ubuntu 24.04, Pascal, 595 wished", &["driver=595"], ubuntu("24.04", PASCAL, true), |_| {});
}

/// A driver is there.
fn present(table: &mut Table) {
    let ubuntu_580 = "580.178.04-0ubuntu0.22.04.1";
    table.plain("present", "22.04, Ada, healthy 580-open with prebuilt modules", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
    });
    table.plain("present", "22.04, Ada, healthy 580 proprietary stays", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580", ubuntu_580);
        modules(facts, "580", "generic-hwe-22.04");
        answers(facts, "580.178.04");
    });
    table.plain("present", "22.04, Ada, healthy 580-server stays", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-server", ubuntu_580);
        answers(facts, "580.178.04");
    });
    table.plain("present", "22.04, Ada, healthy 580-open by DKMS, Secure Boot off", ubuntu("22.04", ADA, false), |facts| {
        driver(facts, "580-open", ubuntu_580);
        dkms(facts, "580-open", ubuntu_580);
        answers(facts, "580.178.04");
    });
    table.plain("present", "22.04, Ada, healthy, no modules for the newest kernel", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic");
        answers(facts, "580.178.04");
    });
    table.plain("present", "22.04, Ada, 535 of the archive: too old for CUDA 13 wheels", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "535", "535.309.01-0ubuntu0.22.04.1");
        modules(facts, "535", "generic-hwe-22.04");
        answers(facts, "535.309.01");
    });
    table.plain("present", "24.04, Blackwell, 580 proprietary does not drive it", ubuntu("24.04", BLACKWELL, true), |facts| {
        driver(facts, "580", "580.178.04-0ubuntu0.24.04.1");
        modules(facts, "580", "generic-hwe-24.04");
        facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
        facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
    });
    table.plain("present", "22.04, Pascal, 580-open does not drive it", ubuntu("22.04", PASCAL, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
    });
    table.plain("present", "22.04, Ada, installed and not loaded", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
        facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
    });
    table.plain("present", "22.04, Ada, module and library differ", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.95.05");
        facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
        facts.drivers.nvidia.device_library = Known::Value("mismatch".into());
    });
    table.plain("present", "22.04, Ada, DKMS module refused under Secure Boot", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        dkms(facts, "580-open", ubuntu_580);
        facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
        facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
    });
    table.plain("present", "22.04, Ada, nvidia is forbidden", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        packages(facts).module_lines = Known::Value(vec![SettingLine {
            file: "/etc/modprobe.d/blacklist-nvidia.conf".into(),
            line: 1,
            text: "blacklist nvidia".into(),
        }]);
    });
    table.wish("present", "22.04, Ada, upgrade wished", &["upgrade"], ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", "580.95.05-0ubuntu0.22.04.2");
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.95.05");
    });
    table.wish("present", "22.04, Ada, upgrade wished, already newest", &["upgrade"], ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
    });
    table.wish("present", "22.04, Ada, from 580 to 595 wished", &["driver=595-open"], ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", ubuntu_580);
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
    });
}

/// States that other recipes and accidents leave.
fn broken(table: &mut Table) {
    table.plain("broken", "22.04, Ada, the guide's old recipe, working", ubuntu("22.04", ADA, false), |facts| {
        guide(facts);
        answers(facts, "535.183.01");
    });
    table.plain("broken", "22.04, Ada, PPA 580, working", ubuntu("22.04", ADA, false), |facts| {
        ppa(facts);
        driver(facts, "580-open", "580.95.05-0ubuntu0~gpu22.04.1");
        dkms(facts, "580-open", "580.95.05-0ubuntu0~gpu22.04.1");
        answers(facts, "580.95.05");
    });
    table.plain("broken", "22.04, Ada, PPA newer than the archive", ubuntu("22.04", ADA, true), |facts| {
        ppa(facts);
        driver(facts, "580-open", "580.201.01-0ubuntu0~gpu22.04.1");
        answers(facts, "580.201.01");
    });
    table.plain("broken", "22.04, Ada, PPA as a line among others", ubuntu("22.04", ADA, true), |facts| {
        source(facts, "/etc/apt/sources.list", "deb http://ppa.launchpad.net/graphics-drivers/ppa/ubuntu jammy main");
    });
    table.plain("broken", "22.04, Ada, .run file", ubuntu("22.04", ADA, false), |facts| {
        packages(facts).runfile = Known::Value(vec!["/usr/bin/nvidia-uninstall".into(), "/var/log/nvidia-installer.log".into()]);
        answers(facts, "550.54.14");
    });
    table.plain("broken", "22.04, Ada, .run file over the archive's driver", ubuntu("22.04", ADA, true), |facts| {
        packages(facts).runfile = Known::Value(vec!["/usr/bin/nvidia-uninstall".into()]);
        driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
    });
    table.plain("broken", "24.04, Ada, mixed: NVIDIA's metapackage over Ubuntu's libraries", ubuntu("24.04", ADA, true), |facts| {
        keyring(facts, "ubuntu2404");
        add(facts, &["nvidia-open 570.133.20-0ubuntu1", "nvidia-dkms-570-open 570.133.20-0ubuntu1", "libnvidia-compute-570 570.211.01-0ubuntu0.24.04.1", "nvidia-utils-570 570.211.01-0ubuntu0.24.04.1"]);
    });
    table.plain("broken", "24.04, Ada, mixed in one branch, NVIDIA's newer", ubuntu("24.04", ADA, true), |facts| {
        keyring(facts, "ubuntu2404");
        driver(facts, "580-open", "580.178.04-0ubuntu0.24.04.1");
        add(facts, &["nvidia-dkms-580-open 580.200.05-0ubuntu1", "libnvidia-decode-580 580.200.05-0ubuntu1"]);
    });
    table.plain("broken", "24.04, Ada, all from NVIDIA's archive, working: stays", ubuntu("24.04", ADA, false), |facts| {
        keyring(facts, "ubuntu2404");
        driver(facts, "580-open", "580.65.06-0ubuntu1");
        dkms(facts, "580-open", "580.65.06-0ubuntu1");
        answers(facts, "580.65.06");
    });
    table.plain("broken", "24.04, Ada, DKMS 535 half-configured after the kernel moved to 7.0", ubuntu("24.04", ADA, true), |facts| {
        driver(facts, "535", "535.309.01-0ubuntu0.24.04.1");
        add(facts, &["nvidia-dkms-535 535.309.01-0ubuntu0.24.04.1 half", "linux-headers-7.0.0-43-generic 7.0.0-43.43 half"]);
    });
    table.plain("broken", "22.04, Ada, dpkg interrupted", ubuntu("22.04", ADA, true), |facts| {
        packages(facts).interrupted = Known::Value(true);
    });
    table.plain("broken", "22.04, Ada, 535 removed and not purged", ubuntu("22.04", ADA, true), |facts| {
        add(facts, &["nvidia-driver-535 535.309.01-0ubuntu0.22.04.1 conf", "libnvidia-compute-535 535.309.01-0ubuntu0.22.04.1 conf"]);
    });
    table.plain("broken", "22.04, Ada, 535 held", ubuntu("22.04", ADA, true), |facts| {
        add(facts, &["nvidia-driver-535 535.309.01-0ubuntu0.22.04.1 held", "libnvidia-compute-535 535.309.01-0ubuntu0.22.04.1 held"]);
        answers(facts, "535.309.01");
    });
    table.wish("broken", "22.04, Ada, healthy, Signed-By conflict", &["cuda=13.0"], ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
        keyring(facts, "ubuntu2204");
        source(facts, "/etc/apt/sources.list.d/cuda.list", &format!("deb [signed-by=/etc/apt/keyrings/other.gpg] {NVIDIA_2204} /"));
    });
    table.plain("broken", "22.04, Ada, healthy, doubled source and old key", ubuntu("22.04", ADA, true), |facts| {
        driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
        modules(facts, "580-open", "generic-hwe-22.04");
        answers(facts, "580.178.04");
        keyring(facts, "ubuntu2204");
        add(facts, &["cuda-toolkit-12-8 12.8.1-1"]);
        source(facts, "/etc/apt/sources.list.d/cuda3.list", &format!("deb [signed-by={KEYRING}] {NVIDIA_2204} /"));
        packages(facts).keyrings = Known::Value(vec!["/etc/apt/trusted.gpg.d/7fa2af80.gpg".into()]);
    });
    table.plain("broken", "22.04, Ada, source by hand without a key (NO_PUBKEY), toolkit there", ubuntu("22.04", ADA, true), |facts| {
        source(facts, "/etc/apt/sources.list.d/cuda.list", &format!("deb {NVIDIA_2204} /"));
        add(facts, &["cuda-toolkit-12-8 12.8.1-1"]);
    });
    table.plain("broken", "22.04, Ada, /boot nearly full", ubuntu("22.04", ADA, true), |facts| {
        kernel(facts, &["6.8.0-79-generic", "6.8.0-90-generic", "6.8.0-149-generic"]);
        packages(facts).boot_free_bytes = Known::Value(60 << 20);
        add(facts, &["linux-image-6.8.0-79-generic 6.8.0-79.79", "linux-modules-6.8.0-79-generic 6.8.0-79.79", "linux-image-6.8.0-90-generic 6.8.0-90.90", "linux-image-6.8.0-149-generic 6.8.0-149.149"]);
    });
    table.plain("broken", "22.04, Ada, /boot full and nothing to remove", ubuntu("22.04", ADA, true), |facts| {
        packages(facts).boot_free_bytes = Known::Value(10 << 20);
    });
    table.plain("broken", "22.04, Ada, clock of 1970, another package manager at work", ubuntu("22.04", ADA, true), |facts| {
        packages(facts).clock_behind = Known::Value(true);
        packages(facts).lock_holder = Known::Value(LockHolder {
            pid: 812,
            program: Known::Value("unattended-upgr".into()),
        });
    });
    table.plain("broken", "22.04, Ada, what is installed could not be seen", ubuntu("22.04", ADA, true), |facts| {
        facts.packages = Known::unknown("not recorded");
    });
}

fn healthy(version: &str, card: &str) -> Facts {
    let mut facts = ubuntu(version, card, true);
    driver(&mut facts, "580-open", &format!("580.178.04-0ubuntu0.{version}.1"));
    modules(&mut facts, "580-open", &format!("generic-hwe-{version}"));
    answers(&mut facts, "580.178.04");
    facts
}

/// Toolkits are there on wish only.
fn toolkits(table: &mut Table) {
    for (version, wished) in [("22.04", "cuda=13.0"), ("24.04", "cuda=12.8"), ("26.04", "cuda=13.1"), ("26.04", "cuda=13.0"), ("24.04", "cuda=11.8")] {
        table.wish("toolkit", &format!("{version}, Ada, healthy, {wished}"), &[wished], healthy(version, ADA), |_| {});
    }
    table.wish("toolkit", "22.04, Ada, bare, cuda=13.0", &["cuda=13.0"], ubuntu("22.04", ADA, true), |_| {});
    table.wish("toolkit", "22.04, Pascal, bare, cuda=13.0: no code for it", &["cuda=13.0"], ubuntu("22.04", PASCAL, true), |_| {});
    table.wish("toolkit", "22.04, Ada, there already, fenced", &["cuda=13.0"], healthy("22.04", ADA), |facts| {
        keyring(facts, "ubuntu2204");
        add(facts, &["cuda-toolkit-13-0 13.0.2-1"]);
        let Known::Value(pins) = &mut packages(facts).pins else { panic!() };
        pins.push(Pin {
            file: "/etc/apt/preferences.d/deskside-nvidia-toolkit-only.pref".into(),
            packages: "cuda".into(),
            pin: "origin developer.download.nvidia.com".into(),
            priority: -1,
        });
    });
    table.wish("toolkit", "24.04 on arm64, Hopper, cuda=13.0", &["cuda=13.0"], healthy("24.04", HOPPER), |facts| {
        facts.system.architecture = Known::Value("aarch64".into());
    });
    table.plain("toolkit", "22.04, Ada, the package cuda beside a healthy driver", healthy("22.04", ADA), |facts| {
        keyring(facts, "ubuntu2204");
        add(facts, &["cuda 12.8.1-1", "cuda-12-8 12.8.1-1", "cuda-toolkit-12-8 12.8.1-1"]);
    });
}

fn pop(table: &mut Table) {
    let pop = |version: &str, card: &str| machine("pop", version, card, false);
    table.plain("pop", "22.04, Ada, bare", pop("22.04", ADA), |_| {});
    table.plain("pop", "24.04, Pascal, bare", pop("24.04", PASCAL), |_| {});
    table.plain("pop", "24.04, Blackwell, bare", pop("24.04", BLACKWELL), |_| {});
    table.plain("pop", "22.04, Ampere, healthy 580-open", pop("22.04", "2206"), |facts| {
        add(facts, &["system76-driver-nvidia 20.04.100"]);
        driver(facts, "580-open", "580.119.02-1pop0~1765~22.04~abcdef0");
        answers(facts, "580.119.02");
    });
    table.plain("pop", "22.04, Ada, NVIDIA's driver against the pin", pop("22.04", ADA), |facts| {
        keyring(facts, "ubuntu2204");
        let Known::Value(pins) = &mut packages(facts).pins else { panic!() };
        pins.push(Pin {
            file: "/etc/apt/preferences.d/pop-default-settings".into(),
            packages: "*".into(),
            pin: "release o=LP-PPA-system76-dev-stable".into(),
            priority: 1001,
        });
        add(facts, &["nvidia-open 570.133.20-0ubuntu1", "nvidia-dkms-570-open 570.133.20-0ubuntu1", "libnvidia-compute-560 560.35.03-1pop0~1727~22.04~abcdef0"]);
    });
    table.wish("pop", "22.04, Ada, healthy, cuda=13.0", &["cuda=13.0"], pop("22.04", ADA), |facts| {
        add(facts, &["system76-driver-nvidia 20.04.100"]);
        driver(facts, "580-open", "580.119.02-1pop0~1765~22.04~abcdef0");
        answers(facts, "580.119.02");
    });
}

fn debian(table: &mut Table) {
    for (version, card, name) in [("12", ADA, "Ada"), ("12", PASCAL, "Pascal"), ("12", KEPLER, "Kepler"), ("13", ADA, "Ada"), ("13", PASCAL, "Pascal")] {
        table.plain("debian", &format!("{version}, {name}, bare, Secure Boot off"), machine("debian", version, card, false), |_| {});
    }
    table.plain("debian", "12, Ada, bare, Secure Boot on", machine("debian", "12", ADA, true), |_| {});
    table.plain("debian", "12, Ada, Debian's own 535, working", machine("debian", "12", ADA, false), |facts| {
        add(facts, &["nvidia-driver 535.261.03-1~deb12u1", "nvidia-kernel-dkms 535.261.03-1~deb12u1", "libcuda1 535.261.03-1~deb12u1", "nvidia-smi 535.261.03-1~deb12u1"]);
        answers(facts, "535.261.03");
    });
    table.plain("debian", "12, Ada, healthy from NVIDIA's archive", machine("debian", "12", ADA, false), |facts| {
        keyring(facts, "debian12");
        add(facts, &["nvidia-driver-pinning-580 580-1", "nvidia-open 580.95.05-1", "libcuda1 580.95.05-1", "linux-headers-amd64 6.1.176-1"]);
        answers(facts, "580.95.05");
    });
    table.plain("debian", "13, Pascal, bare, non-free is off", machine("debian", "13", PASCAL, false), |facts| {
        packages(facts).sources = Known::Value(vec![]);
        source(facts, "/etc/apt/sources.list", "deb http://deb.example/debian trixie main non-free-firmware");
    });
    table.wish("debian", "13, Ada, healthy, cuda=13.0", &["cuda=13.0"], machine("debian", "13", ADA, false), |facts| {
        keyring(facts, "debian13");
        add(facts, &["nvidia-driver-pinning-595 595-1", "nvidia-open 595.45.04-1", "libcuda1 595.45.04-1", "linux-headers-amd64 6.12.107-1"]);
        answers(facts, "595.45.04");
    });
}

fn amd(table: &mut Table) {
    table.plain("amd", "Ubuntu 22.04, in no group", ubuntu("22.04", "amd", true), |_| {});
    table.plain("amd", "Ubuntu 24.04, in both groups, old login", ubuntu("24.04", "amd", true), |facts| {
        packages(facts).account_groups = Known::Value(vec!["render".into(), "video".into()]);
    });
    table.plain("amd", "Ubuntu 26.04, ready", ubuntu("26.04", "amd", true), |facts| {
        facts.drivers.amd.compute_access = Known::Value(true);
    });
    for (os, version) in [("ubuntu", "22.04"), ("ubuntu", "26.04"), ("debian", "13")] {
        table.wish("amd", &format!("{os} {version}, ready, rocm wished"), &["rocm"], machine(os, version, "amd", true), |facts| {
            facts.drivers.amd.compute_access = Known::Value(true);
        });
    }
    table.plain("amd", "Debian 12, amdgpu not loaded, no firmware", machine("debian", "12", "amd", false), |facts| {
        facts.drivers.amd.loaded = Known::Value(false);
        facts.drivers.amd.compute_access = Known::Absent;
        facts.drivers.amd.compute_device = Known::Value(false);
    });
    table.plain("amd", "Ubuntu 24.04, Radeon and GeForce", ubuntu("24.04", "2684 amd", true), |_| {});
}

fn others(table: &mut Table) {
    let wsl = |library: bool| {
        let mut facts = machine("ubuntu", "24.04", "", false);
        facts.system.wsl = Known::Value(Wsl {
            version: 2,
            gpu_device: Known::Value(true),
            cuda_library: Known::Value(library),
        });
        facts
    };
    table.plain("other", "WSL 2, ready", wsl(true), |_| {});
    table.plain("other", "WSL 2, a Linux driver inside", wsl(true), |facts| driver(facts, "535", "535.309.01-0ubuntu0.24.04.1"));
    table.wish("other", "WSL 2, no library of Windows', cuda=13.0", &["cuda=13.0"], wsl(false), |_| {});
    let mac = || {
        let mut facts = machine("macos", "15.6", "", false);
        facts.system.kind = OsKind::MacOs;
        facts.system.architecture = Known::Value("arm64".into());
        facts.packages = Known::Absent;
        facts
    };
    table.plain("other", "Mac without developer tools", mac(), |_| {});
    table.plain("other", "Mac, translated terminal", mac(), |facts| {
        facts.system.translated = Known::Value(true);
        facts.toolkits = Known::Value(vec![Toolkit {
            kind: ToolkitKind::Xcode,
            version: Known::Absent,
            path: "/Library/Developer/CommandLineTools".into(),
            default: true,
        }]);
    });
    table.wish("other", "Mac, 48 GB for Metal", &["wired=49152"], mac(), |_| {});
    table.wish("other", "Mac, more than it has, and CUDA", &["wired=65536", "cuda=13.0"], mac(), |_| {});
    table.plain("other", "Debian 12, processor only", machine("debian", "12", "", false), |_| {});
    table.plain("other", "Ubuntu 24.04, Intel graphics only", ubuntu("24.04", "intel", true), |_| {});
    table.plain("other", "a container on an H100", ubuntu("22.04", HOPPER, false), |facts| {
        facts.system.container = Known::Value("docker".into());
    });
    table.plain("other", "Fedora 43, Ada", machine("fedora", "43", ADA, false), |facts| facts.packages = Known::Absent);
    table.plain("other", "Arch, no card", machine("arch", "", "", false), |facts| facts.packages = Known::Absent);
}

fn cleaning(table: &mut Table) {
    table.wish("clean", "driver, the guide's old recipe", &["clean=driver"], ubuntu("22.04", ADA, false), guide);
    table.wish("clean", "cuda, with a folder of a .run file", &["clean=cuda"], healthy("22.04", ADA), |facts| {
        keyring(facts, "ubuntu2204");
        add(facts, &["cuda-toolkit-12-8 12.8.1-1", "cuda-nvcc-12-8 12.8.93-1", "nvidia-container-toolkit 1.17.0-1"]);
        packages(facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-11.8".into(), "/usr/local/cuda-12.8".into()]);
    });
    table.wish("clean", "rocm", &["clean=rocm"], ubuntu("24.04", "amd", true), |facts| {
        add(facts, &["rocm 7.2.2.70202-81~24.04", "hipcc 1.1.1.70202-81~24.04"]);
        source(facts, "/etc/apt/sources.list.d/rocm.list", "deb [signed-by=/etc/apt/keyrings/rocm.gpg] https://repo.radeon.com/rocm/apt/7.2.2 noble main");
    });
    table.wish("clean", "all, nothing there", &["clean=all"], ubuntu("24.04", ADA, true), |_| {});
    let all = table.0.last().map(|case| case.wish.clean);
    assert_eq!(all, Some(Some(Clean::All)));
}

/// Other kernels; the last one runs.
fn kernel(facts: &mut Facts, releases: &[&str]) {
    facts.system.kernel = Known::Value(releases.last().unwrap().to_string());
    packages(facts).kernels = Known::Value(
        releases
            .iter()
            .map(|release| InstalledKernel {
                release: release.to_string(),
                headers: Known::Value(false),
            })
            .collect(),
    );
}

fn without(facts: &mut Facts, name: &str) {
    if let Known::Value(installed) = &mut packages(facts).installed {
        installed.retain(|package| package.name != name);
    }
}
