//! What an edited plan could hold, in one table.

use super::super::{Fetched, Whole, risk, weigh};
use super::*;
use deskside_testkit::Sim;
use deskside_types::plan::{PLAN_VERSION, Risk, Step, Tuning};

const FENCE: &str = "/etc/apt/preferences.d/deskside-fence.pref";
const MAKER: &str = "https://maker.example/repos/ubuntu2204/";
const DEB: &str = "/var/cache/deskside/keyring_1.1-1_all.deb";

fn rules() -> Rules {
    let fetched = |name: &str, path: &str, proof: &str| Fetched {
        url: format!("{MAKER}{name}"),
        path: path.into(),
        proof: proof.into(),
    };
    let whole = |path: &str, contents: &str| Whole {
        path: path.into(),
        contents: contents.into(),
    };
    Rules {
        packages: vec![fetched("keyring_1.1-1_all.deb", DEB, "ab12")],
        keys: vec![fetched("maker.gpg", "/etc/apt/keyrings/maker.gpg", "CA8B")],
        files: vec![
            whole(FENCE, "Pin-Priority: -1\n"),
            whole(
                "/etc/apt/sources.list.d/deskside-maker.sources",
                "Types: deb\n",
            ),
        ],
        kind: |name| match name {
            "nvidia-driver-535" | "nvidia-driver-580" => Some("nvidia-driver"),
            "linux-modules-nvidia-535-generic" => Some("nvidia-modules"),
            "cuda-toolkit-13-0" => Some("cuda-toolkit"),
            _ => None,
        },
        is_makers: |line| line.contains("maker.example"),
    }
}

fn line(words: &[&str]) -> CommandLine {
    CommandLine {
        argv: words.iter().map(ToString::to_string).collect(),
        directory: None,
        variables: Default::default(),
        deadline_seconds: 60,
    }
}

fn run(words: &[&str]) -> Action {
    Action::Run {
        command: line(words),
        undo: None,
    }
}

fn run_back(words: &[&str], back: &[&str]) -> Action {
    Action::Run {
        command: line(words),
        undo: Some(line(back)),
    }
}

fn write(path: &str, text: &str) -> Action {
    Action::WriteFile {
        path: path.into(),
        contents: FileContents::Text(text.into()),
        mode: 0o644,
    }
}

fn edit(path: &str, old: &str, new: &str) -> Action {
    Action::EditFile {
        path: path.into(),
        old: old.into(),
        new: new.into(),
    }
}

fn off(path: &str, old: &str) -> Action {
    edit(path, old, &format!("# switched off by deskside: {old}"))
}

fn remove(path: &str) -> Action {
    Action::Remove { path: path.into() }
}

fn download(url: &str, path: &str, sha256: &str) -> Action {
    Action::Download {
        url: url.into(),
        path: path.into(),
        sha256: sha256.into(),
        size: 0,
    }
}

fn key(url: &str, path: &str, fingerprint: &str) -> Action {
    Action::Key {
        url: url.into(),
        path: path.into(),
        fingerprint: fingerprint.into(),
    }
}

fn packages(install: &[&str], remove: &[&str]) -> Action {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Action::Packages {
        install: owned(install),
        remove: owned(remove),
    }
}

fn group(name: &str) -> Action {
    Action::Group { name: name.into() }
}

fn source(name: &str, contents: &str) -> Action {
    Action::AptSource {
        name: name.into(),
        contents: contents.into(),
    }
}

fn plan(root: bool, risk: Risk, actions: Vec<Action>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        wish: "a test".into(),
        made_at: "2026-11-26T00:00:00Z".parse().unwrap(),
        premises: Vec::new(),
        steps: vec![Step {
            id: "t.1".into(),
            title: "A harmless step".into(),
            actions,
            root,
            risk,
            ..Step::simple()
        }],
        satisfied: Vec::new(),
    }
}

#[test]
fn what_recipes_do_is_done() {
    let mut embedded_hold = String::from("// Written by deskside\n");
    embedded_hold.push_str("Unattended-Upgrade::Package-Blacklist {\n    \"nvidia-driver-580$\";\n    \"linux-image-generic-hwe-22\\.04$\";\n};\n");
    for good in [
        run(&["apt-get", "update"]),
        run(&[
            "apt-get",
            "install",
            "--reinstall",
            "-y",
            "nvidia-utils-580",
        ]),
        run(&[
            "apt-get",
            "install",
            "-y",
            "--download-only",
            "a1=1.2-3",
            "libc6:i386",
        ]),
        run(&[
            "apt-get",
            "install",
            "--download-only",
            "-y",
            "a1",
            "b2",
            "b2-",
            "c3-",
        ]),
        run_back(
            &["apt-mark", "unhold", "nvidia-driver-535"],
            &["apt-mark", "hold", "nvidia-driver-535"],
        ),
        run(&["dpkg", "--configure", "--pending"]),
        run(&["update-initramfs", "-u", "-k", "all"]),
        run(&["/usr/bin/nvidia-uninstall", "--silent"]),
        run_back(
            &["sysctl", "iogpu.wired_limit_mb=0"],
            &["sysctl", "iogpu.wired_limit_mb=24576"],
        ),
        packages(
            &["nvidia-driver-580", DEB, "cuda-toolkit-13-0=13.0.1-1"],
            &["nvidia-driver-535", "libc6:i386"],
        ),
        write(
            "/run/deskside-restart",
            "a step counts from the next boot on\n",
        ),
        write(
            "/var/cache/deskside/removed-20261126T034204Z-1",
            "removed\n",
        ),
        write(
            "/var/cache/deskside/fetched-20261126T034204Z-keep",
            "fetched\n",
        ),
        write(HELD, &embedded_hold),
        write(FENCE, "Pin-Priority: -1\n"),
        off("/etc/modprobe.d/blacklist.conf", "blacklist nouveau"),
        off(
            "/etc/apt/sources.list",
            "deb https://maker.example/repos/ubuntu2204/ /",
        ),
        off(
            "/etc/profile.d/cuda.sh",
            "export PATH=/usr/local/cuda/bin:$PATH",
        ),
        edit(
            "/etc/profile.d/cuda.sh",
            "  export CUDA_HOME=/usr/local/cuda",
            "  : # switched off by deskside: export CUDA_HOME=/usr/local/cuda",
        ),
        remove("/usr/local/cuda"),
        remove("/usr/local/cuda-12.4"),
        remove("/opt/rocm-6.4.1"),
        remove("/var/lib/dkms/nvidia/535.1.2"),
        remove("/etc/apt/sources.list.d/archive_uri-https_maker_example_-jammy.list"),
        remove("/etc/modprobe.d/nvidia-installer-disable-nouveau.conf"),
        remove("/etc/X11/xorg.conf"),
        download(&format!("{MAKER}keyring_1.1-1_all.deb"), DEB, "ab12"),
        key(
            &format!("{MAKER}maker.gpg"),
            "/etc/apt/keyrings/maker.gpg",
            "ca8b",
        ),
        source("deskside-maker.sources", "Types: deb\n"),
        group("render"),
        Action::Reboot,
    ] {
        let kept = require(&plan(true, Risk::Low, vec![good.clone()]), &rules());
        assert!(kept.is_ok(), "{good:?}: {kept:?}");
    }
}

#[test]
fn what_an_edited_plan_holds_beyond_that_is_refused() {
    let deb = format!("{MAKER}keyring_1.1-1_all.deb");
    let gpg = format!("{MAKER}maker.gpg");
    let keyring = "/etc/apt/keyrings/maker.gpg";
    let mut in_a_folder = line(&["apt-get", "update"]);
    in_a_folder.directory = Some("/home/ada".into());
    let mut with_settings = line(&["apt-get", "update"]);
    with_settings
        .variables
        .insert("APT_CONFIG".into(), "/home/ada/apt.conf".into());
    let alone = |command| Action::Run {
        command,
        undo: None,
    };
    for bad in [
        // A shell by apt's settings, patterns, other programs.
        run(&[
            "apt-get",
            "update",
            "-o",
            "APT::Update::Pre-Invoke::=id>/root/x",
        ]),
        run(&["apt-get", "-y", "remove", "linux-modules-extra.*"]),
        run(&["apt-get", "install", "-y", "nvidia-driver-580"]),
        run(&["apt-get", "install", "--reinstall", "-y", "nvidia-.*"]),
        run(&[
            "apt-get",
            "install",
            "--reinstall",
            "-y",
            "-oDPkg::Pre-Invoke::=id",
            "a1",
        ]),
        run(&["apt-get", "install", "--reinstall", "-y", DEB]),
        run(&["apt-get", "install", "--reinstall", "-y"]),
        run(&["apt-get", "install", "--reinstall", "-y", "a1-"]),
        run(&["apt-get", "install", "--download-only", "-y", "nvidia-.*-"]),
        run(&["apt-mark", "hold", "nvidia-.*"]),
        run(&["apt-mark", "hold"]),
        run_back(&["apt-mark", "hold", "a1"], &["apt-mark", "unhold", "b1"]),
        run_back(&["apt-get", "update"], &["sh", "-c", "id"]),
        run(&["dpkg", "-i", "/home/ada/evil.deb"]),
        run(&["bash", "-c", "id"]),
        run(&["/tmp/apt-get", "update"]),
        run(&["/home/ada/nvidia-uninstall", "--silent"]),
        run(&["sysctl", "kernel.core_pattern=|/home/ada/x"]),
        run(&[]),
        alone(in_a_folder),
        alone(with_settings),
        packages(&["nvidia-.*"], &[]),
        packages(&["/var/cache/deskside/evil.deb"], &[]),
        packages(&[], &["linux-.*"]),
        packages(&[], &["sudo="]),
        // Files that are read as root, or by everybody.
        write("/etc/apt/apt.conf.d/00x", "DPkg::Pre-Invoke {\"id\";};\n"),
        write(HELD, "DPkg::Pre-Invoke {\"id\";};\n"),
        write(
            HELD,
            "Unattended-Upgrade::Package-Blacklist {\n  \"a1$\";\n};\nDPkg::Pre-Invoke {\"id\";\n};\n",
        ),
        write(
            HELD,
            "Unattended-Upgrade::Package-Blacklist {\n  \"a1$\"; } DPkg::Pre-Invoke { \"id$\";\n};\n",
        ),
        write(FENCE, "Pin-Priority: 1001\n"),
        write("/etc/profile.d/x.sh", "id"),
        write("/etc/modprobe.d/x.conf", "install nvidia /home/ada/x"),
        write("/var/cache/deskside/evil.deb", "x"),
        write("/var/cache/deskside/removed-../../../etc/x", "x"),
        write("/etc/apt/../x", "x"),
        write("/etc/sudoers.d/x", "x"),
        Action::WriteFile {
            path: FENCE.into(),
            contents: FileContents::Text("Pin-Priority: -1\n".into()),
            mode: 0o4755,
        },
        Action::WriteFile {
            path: FENCE.into(),
            contents: FileContents::Embedded {
                name: "x".into(),
                sha256: "0".into(),
            },
            mode: 0o644,
        },
        edit("/etc/profile", "# /etc/profile", "touch /root/own #"),
        off("/etc/profile", "umask 077 # cuda"),
        edit(
            "/etc/profile.d/cuda.sh",
            "export CUDA=1 # cuda",
            "id # switched off by deskside: export CUDA=1 # cuda",
        ),
        off(
            "/etc/profile.d/cuda.sh",
            "export PATH=/usr/local/cuda/bin:\\",
        ),
        off("/etc/profile.d/cuda.sh", "umask 077"),
        off("/etc/modprobe.d/blacklist.conf", "blacklist pcspkr"),
        off(
            "/etc/apt/sources.list",
            "deb http://archive.ubuntu.com/ubuntu jammy main",
        ),
        off("/home/ada/.bashrc", "export PATH=/usr/local/cuda/bin:$PATH"),
        remove("/etc/apt/sources.list"),
        remove("/etc/apt/apt.conf.d/20auto-upgrades"),
        remove("/etc/modprobe.d/blacklist.conf"),
        remove("/usr/local"),
        remove("/usr/local/cuda-12/../../bin"),
        remove("/usr/local/cuda-12.4/bin"),
        remove("/usr/local/cudasomething"),
        remove("/var/lib/dkms/nvidia"),
        remove("/var/lib/dkms/zfs/2.1"),
        remove("/var/lib/dkms/nvidia/.."),
        remove("/home/ada"),
        remove("/"),
        // Other servers, no TLS, this machine's own files, other proofs, other names.
        download("file:///home/ada/x", DEB, "ab12"),
        download(&deb.replace("https", "http"), DEB, "ab12"),
        download("https://evil.example/keyring_1.1-1_all.deb", DEB, "ab12"),
        download(&deb, DEB, "cd34"),
        download(&deb, "/etc/apt/apt.conf.d/01evil", "ab12"),
        key(&gpg, keyring, "0000"),
        key("https://evil.example/maker.gpg", keyring, "CA8B"),
        key(&gpg, "/etc/apt/trusted.gpg.d/maker.gpg", "CA8B"),
        source("deskside-maker.sources", "Types: deb\nTrusted: yes\n"),
        source("other.sources", "Types: deb\n"),
        source("../x.sources", "Types: deb\n"),
        // What no recipe does.
        group("shadow"),
        group("sudo"),
        Action::Service {
            name: "ssh.service".into(),
            wanted: Tuning::Off,
        },
        Action::Module {
            name: "dm_crypt".into(),
            wanted: Tuning::Off,
        },
        Action::BootParameter {
            parameter: "init=/bin/sh".into(),
        },
        Action::Alternative {
            name: "editor".into(),
            path: "/home/ada/x".into(),
        },
        Action::Swap { bytes: 1 << 40 },
        Action::Signal {
            pid: 1,
            start_time: 0,
            signal: 9,
        },
    ] {
        let problem = require(&plan(true, Risk::Low, vec![bad.clone()]), &rules());
        let code = problem.map_err(|problem| problem.code);
        assert_eq!(code, Err(Code::NeedsRoot), "{bad:?}");
    }
}

#[test]
fn the_persons_own_steps_are_as_narrow() {
    let own = |actions| require_file(&plan(false, Risk::Low, actions), &rules());
    assert!(
        own(vec![off(
            "/home/ada/.bashrc",
            "export PATH=/usr/local/cuda/bin:$PATH"
        )])
        .is_ok()
    );
    for bad in [
        run(&["sh", "-c", "rm -rf ~"]),
        write("/home/ada/.bashrc", "id"),
        remove("/home/ada/project"),
        off("/home/ada/.ssh/config", "cuda"),
        edit("/home/ada/.bashrc", "cuda", "id"),
    ] {
        assert!(own(vec![bad.clone()]).is_err(), "{bad:?}");
    }
    let mut looking = plan(true, Risk::Low, Vec::new());
    for (words, good) in [
        (&["nvidia-smi", "-L"][..], true),
        (&["grep", "-qxF", "--", "x", "/etc/environment"], true),
        (&["sh", "-c", "id"], false),
        (&["nvidia-smi", "--gpu-reset"], false),
    ] {
        looking.steps[0].check = vec![Check::Succeeds {
            command: line(words),
        }];
        assert_eq!(require_file(&looking, &rules()).is_ok(), good, "{words:?}");
    }
    looking.steps[0].id = "../x".into();
    assert!(require(&looking, &rules()).is_err());
}

/// A plan that says less than it does is asked for as what it is.
#[test]
fn risk_is_told_by_what_is_done() {
    let sim = Sim::linux();
    sim.put_file("/proc/sys/kernel/osrelease", "6.8.0-40-generic\n");
    let of = |actions: Vec<Action>| risk(&sim, &plan(true, Risk::Low, actions), &rules());
    for (actions, wanted) in [
        (vec![packages(&["nvidia-driver-580"], &[])], Risk::Low),
        (
            vec![packages(
                &["nvidia-driver-580"],
                &["nvidia-driver-535", "linux-modules-nvidia-535-generic"],
            )],
            Risk::Moderate,
        ),
        (vec![packages(&[], &["nvidia-driver-535"])], Risk::Severe),
        (
            vec![packages(
                &["nvidia-driver-580"],
                &["nvidia-driver-535", "cuda-toolkit-13-0"],
            )],
            Risk::Severe,
        ),
        (
            vec![packages(&["nvidia-driver-535=535.1"], &[])],
            Risk::Severe,
        ),
        (
            vec![packages(&["nvidia-driver-580"], &["sudo"])],
            Risk::Severe,
        ),
        (
            vec![packages(&[], &["linux-image-6.8.0-31-generic"])],
            Risk::Moderate,
        ),
        (
            vec![packages(&[], &["linux-image-6.8.0-40-generic"])],
            Risk::Severe,
        ),
        (vec![packages(&[], &["linux-generic"])], Risk::Severe),
        (
            vec![run(&["/usr/bin/nvidia-uninstall", "--silent"])],
            Risk::Severe,
        ),
        (vec![remove("/usr/local/cuda-12.4")], Risk::Severe),
        (vec![remove(HELD)], Risk::Low),
        (
            vec![remove("/etc/apt/sources.list.d/x.list")],
            Risk::Moderate,
        ),
        (
            vec![write("/var/cache/deskside/removed-1", "x")],
            Risk::Severe,
        ),
        (
            vec![off("/etc/modprobe.d/x.conf", "blacklist nouveau")],
            Risk::Severe,
        ),
        (vec![group("render")], Risk::Low),
        (vec![Action::Reboot], Risk::Moderate),
    ] {
        assert_eq!(of(actions.clone()), wanted, "{actions:?}");
    }
    // What a step says beyond that stays, and each step bears its own.
    let mut two = plan(true, Risk::Severe, vec![group("render")]);
    two.steps.push(Step {
        risk: Risk::Low,
        ..plan(true, Risk::Low, vec![packages(&[], &["nvidia-driver-535"])]).steps[0].clone()
    });
    two.steps
        .push(plan(true, Risk::Low, vec![group("video")]).steps[0].clone());
    weigh(&sim, &mut two, &rules());
    let risks: Vec<Risk> = two.steps.iter().map(|step| step.risk).collect();
    assert_eq!(risks, [Risk::Severe, Risk::Severe, Risk::Low]);
    // In WSL the driver is Windows', and a Linux one only stands in its way.
    sim.put_file(
        "/proc/sys/kernel/osrelease",
        "5.15.90.1-microsoft-standard-WSL2\n",
    );
    let wsl = plan(true, Risk::Low, vec![packages(&[], &["nvidia-driver-535"])]);
    assert_eq!(risk(&sim, &wsl, &rules()), Risk::Moderate);
}

#[test]
fn mends_of_key_files_and_of_the_linker_are_as_narrow() {
    let holds = |action: Action| require(&plan(true, Risk::Low, vec![action]), &rules()).is_ok();
    let one = |list: &str| {
        run(&[
            "apt-get",
            "-o",
            list,
            "-o",
            "Dir::Etc::SourceParts=-",
            "-o",
            "APT::Get::List-Cleanup=0",
            "update",
        ])
    };
    let stubs = "/usr/local/cuda-12.4/lib64/stubs";
    let off =
        |path: &str, line: &str| edit(path, line, &format!("# switched off by deskside: {line}"));
    for good in [
        run(&["chmod", "644", "/usr/share/keyrings/maker.gpg"]),
        run(&["chmod", "0600", "/etc/apt/keyrings/maker.asc"]),
        run(&["ldconfig"]),
        run(&["apt-get", "install", "-y", "--fix-broken", "--no-remove"]),
        one("Dir::Etc::SourceList=/etc/apt/sources.list.d/cuda.list"),
        off("/etc/ld.so.conf.d/cuda.conf", stubs),
        edit(
            "/etc/apt/sources.list.d/x.list",
            "deb https://x stable main",
            "# switched off, nothing is there: deb https://x stable main",
        ),
    ] {
        assert!(holds(good.clone()), "{good:?}");
    }
    for bad in [
        run(&["chmod", "666", "/usr/share/keyrings/maker.gpg"]),
        run(&["chmod", "4755", "/usr/share/keyrings/maker.gpg"]),
        run(&["chmod", "644", "/etc/shadow"]),
        run(&[
            "chmod",
            "644",
            "/usr/share/keyrings/../../../etc/shadow.gpg",
        ]),
        run(&["chmod", "-R", "644", "/usr/share/keyrings/maker.gpg"]),
        run(&["ldconfig", "-C", "/home/ada/x"]),
        run(&[
            "apt-get",
            "install",
            "-y",
            "--fix-broken",
            "--allow-remove-essential",
        ]),
        one("Dir::Etc::SourceList=/home/ada/evil.list"),
        one("Dir::Bin::Methods=/home/ada"),
        off("/etc/ld.so.conf.d/cuda.conf", "/usr/lib/x86_64-linux-gnu"),
        off("/etc/ld.so.preload", stubs),
        edit("/etc/ld.so.conf.d/cuda.conf", stubs, "/home/ada/lib"),
        edit(
            "/etc/apt/sources.list.d/x.list",
            "deb https://x stable main",
            "# switched off, nothing is there: deb https://y stable main",
        ),
    ] {
        assert!(!holds(bad.clone()), "{bad:?}");
    }
}
