//! Present states that are cleaned, and brought in order anew: one function each.

use super::super::machine::*;
use super::*;

fn setting(file: &str, line: u32, text: &str) -> SettingLine {
    SettingLine {
        file: file.into(),
        line,
        text: text.into(),
        bound: false,
    }
}

fn toolkit_12_8(facts: &mut Facts, place: &str) {
    keyring(facts, place);
    add(
        facts,
        &["cuda-toolkit-12-8 12.8.1-1", "cuda-nvcc-12-8 12.8.93-1"],
    );
    packages(facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-12.8".into()]);
    packages(facts).cuda_link = Known::Value("/etc/alternatives/cuda".into());
}

/// The guide's recipe.
pub fn guides() -> Facts {
    let mut facts = ubuntu("22.04", ADA, false);
    guide(&mut facts);
    packages(&mut facts).keyrings =
        Known::Value(vec!["/etc/apt/trusted.gpg.d/cuda-7fa2af80.gpg".into()]);
    packages(&mut facts).cuda_link = Known::Value("/etc/alternatives/cuda".into());
    answers(&mut facts, "535.183.01");
    facts
}

/// The `.run` installer's driver with everything it leaves, and a toolkit of a `.run` file.
pub fn run_files() -> Facts {
    let mut facts = ubuntu("22.04", ADA, false);
    answers(&mut facts, "550.54.14");
    let all = packages(&mut facts);
    all.runfile = Known::Value(vec![
        "/usr/bin/nvidia-uninstall".into(),
        "/var/log/nvidia-installer.log".into(),
        "/etc/modprobe.d/nvidia-installer-disable-nouveau.conf".into(),
    ]);
    all.module_lines = Known::Value(vec![
        setting(
            "/etc/modprobe.d/blacklist-nouveau.conf",
            1,
            "blacklist nouveau",
        ),
        setting(
            "/etc/modprobe.d/blacklist-nouveau.conf",
            2,
            "options nouveau modeset=0",
        ),
        setting(
            "/etc/modprobe.d/nvidia-installer-disable-nouveau.conf",
            1,
            "blacklist nouveau",
        ),
    ]);
    all.display_lines = Known::Value(vec![setting(
        "/etc/X11/xorg.conf",
        41,
        "    Driver         \"nvidia\"",
    )]);
    all.dkms = Known::Value(vec![DkmsTree {
        module: "nvidia".into(),
        version: "550.54.14".into(),
        built_for: vec![],
    }]);
    all.cuda_folders = Known::Value(vec!["/usr/local/cuda-12.4".into()]);
    all.cuda_link = Known::Value("/usr/local/cuda-12.4/".into());
    all.linker_files = Known::Value(vec!["/etc/ld.so.conf.d/cuda-12-4.conf".into()]);
    all.profile_lines = Known::Value(vec![
        setting(
            "/home/me/.bashrc",
            120,
            "export PATH=/usr/local/cuda/bin:$PATH",
        ),
        setting("/etc/environment", 2, "CUDA_HOME=/usr/local/cuda-12.4"),
    ]);
    facts
}

/// The `.run` installer's libraries without its uninstaller.
pub fn orphans() -> Facts {
    let mut facts = ubuntu("22.04", ADA, false);
    facts.drivers.nvidia.user_space = Known::Value("550.54.14".into());
    packages(&mut facts).runfile = Known::Value(vec!["/var/log/nvidia-installer.log".into()]);
    facts
}

/// A driver in order, a toolkit, upgrades held by Deskside, environments.
pub fn in_order() -> Facts {
    let mut facts = healthy("24.04", ADA);
    toolkit_12_8(&mut facts, "ubuntu2404");
    let Known::Value(pins) = &mut packages(&mut facts).pins else {
        panic!()
    };
    pins.push(Pin {
        file: "/etc/apt/preferences.d/deskside-nvidia-toolkit-only.pref".into(),
        packages: "cuda".into(),
        pin: "origin developer.download.nvidia.com".into(),
        priority: -1,
    });
    packages(&mut facts).unattended = Known::Value(UnattendedUpgrades {
        on: true,
        left_alone: vec!["nvidia".into()],
        files: vec!["/etc/apt/apt.conf.d/52deskside-driver".into()],
    });
    facts.environments = vec![PythonEnvironment {
        path: "/home/me/work/.venv".into(),
        kind: EnvironmentKind::Venv,
        python: Known::Value("3.12".into()),
        active: false,
        interpreter_present: Known::Value(true),
        frameworks: vec![Framework {
            name: "torch".into(),
            version: "2.15.0+cu132".into(),
        }],
    }];
    facts
}

/// NVIDIA's metapackage over Ubuntu's libraries.
pub fn mixed() -> Facts {
    let mut facts = ubuntu("24.04", ADA, true);
    keyring(&mut facts, "ubuntu2404");
    add(
        &mut facts,
        &[
            "nvidia-open 570.133.20-0ubuntu1",
            "nvidia-dkms-570-open 570.133.20-0ubuntu1",
            "libnvidia-compute-570 570.211.01-0ubuntu0.24.04.1 held",
            "nvidia-utils-570 570.211.01-0ubuntu0.24.04.1",
        ],
    );
    facts
}

/// A module that does not build for the newest kernel, beside a toolkit.
pub fn half_configured() -> Facts {
    let mut facts = ubuntu("24.04", ADA, true);
    driver(&mut facts, "535", "535.309.01-0ubuntu0.24.04.1");
    add(
        &mut facts,
        &["nvidia-dkms-535 535.309.01-0ubuntu0.24.04.1 half"],
    );
    toolkit_12_8(&mut facts, "ubuntu2404");
    facts
}

/// Open modules for a card that they do not drive.
pub fn wrong_branch() -> Facts {
    let mut facts = ubuntu("22.04", PASCAL, true);
    driver(&mut facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
    modules(&mut facts, "580-open", "generic-hwe-22.04");
    facts
}

/// An archive of NVIDIA's `local` installer.
pub fn local_archive() -> Facts {
    let mut facts = ubuntu("22.04", ADA, false);
    add(
        &mut facts,
        &[
            "cuda-repo-ubuntu2204-12-8-local 12.8.1-570.124.06-1",
            "cuda-toolkit-12-8 12.8.1-1",
            "cuda-drivers-570 570.124.06-0ubuntu1",
            "nvidia-driver-570 570.124.06-0ubuntu1",
        ],
    );
    source(
        &mut facts,
        "/etc/apt/sources.list.d/cuda-ubuntu2204-12-8-local.list",
        "deb [signed-by=/usr/share/keyrings/cuda-local.gpg] file:///var/cuda-repo-ubuntu2204-12-8-local /",
    );
    packages(&mut facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-12.8".into()]);
    answers(&mut facts, "570.124.06");
    facts
}

/// Pop!_OS in order.
pub fn pop_in_order() -> Facts {
    let mut facts = machine("pop", "22.04", ADA, false);
    add(&mut facts, &["system76-driver-nvidia 20.04.100"]);
    driver(
        &mut facts,
        "580-open",
        "580.119.02-1pop0~1765~22.04~abcdef0",
    );
    dkms(
        &mut facts,
        "580-open",
        "580.119.02-1pop0~1765~22.04~abcdef0",
    );
    answers(&mut facts, "580.119.02");
    facts
}

/// Debian 12 with NVIDIA's archive and the package `cuda`.
pub fn debian_in_order() -> Facts {
    let mut facts = machine("debian", "12", ADA, false);
    keyring(&mut facts, "debian12");
    add(
        &mut facts,
        &[
            "nvidia-driver-pinning-580 580.65.06-1",
            "nvidia-open 580.65.06-1",
            "nvidia-kernel-open-dkms 580.65.06-1",
            "libnvidia-ml1 580.65.06-1",
            "libcuda1 580.65.06-1",
            "cuda-toolkit-13-0 13.0.2-1",
        ],
    );
    packages(&mut facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-13.0".into()]);
    answers(&mut facts, "580.65.06");
    facts
}

/// Debian 13 with Debian's own packages, whose settings lie where nobody else edits them.
pub fn debian_13() -> Facts {
    let mut facts = machine("debian", "13", PASCAL, false);
    add(
        &mut facts,
        &[
            "nvidia-driver 550.163.01-2",
            "nvidia-kernel-dkms 550.163.01-2",
            "libnvidia-ml1 550.163.01-2",
            "nvidia-cuda-toolkit 12.4.131-1",
        ],
    );
    packages(&mut facts).module_lines = Known::Value(vec![setting(
        "/etc/modprobe.d/nvidia-blacklists-nouveau.conf",
        8,
        "blacklist nouveau",
    )]);
    answers(&mut facts, "550.163.01");
    facts
}

/// WSL with a toolkit.
pub fn wsl() -> Facts {
    let mut facts = machine("ubuntu", "24.04", "", false);
    facts.system.wsl = Known::Value(Wsl {
        version: 2,
        gpu_device: Known::Value(true),
        cuda_library: Known::Value(true),
    });
    toolkit_12_8(&mut facts, "wsl-ubuntu");
    facts
}

/// A Mac with a limit of its own and environments with MLX.
pub fn mac() -> Facts {
    let mut facts = machine("macos", "15.6", "", false);
    facts.system.kind = OsKind::MacOs;
    facts.system.architecture = Known::Value("arm64".into());
    facts.packages = Known::Absent;
    facts.gpus = Known::Value(vec![apple(48 << 30)]);
    facts.environments = vec![PythonEnvironment {
        path: "/Users/me/first-mlx/.venv".into(),
        kind: EnvironmentKind::Venv,
        python: Known::Value("3.12".into()),
        active: false,
        interpreter_present: Known::Value(true),
        frameworks: vec![Framework {
            name: "mlx".into(),
            version: "0.32.4".into(),
        }],
    }];
    facts
}

/// AMD with ROCm of AMD's archive and a folder beside it.
pub fn rocm() -> Facts {
    let mut facts = ubuntu("24.04", "amd", true);
    add(
        &mut facts,
        &[
            "rocm 7.2.2.70202-81~24.04",
            "hipcc 1.1.1.70202-81~24.04",
            "amdgpu-dkms 1:6.14.14.30202-2222~24.04",
        ],
    );
    source(
        &mut facts,
        "/etc/apt/sources.list.d/rocm.list",
        "deb [signed-by=/etc/apt/keyrings/rocm.gpg] https://repo.radeon.com/rocm/apt/7.2.2 noble main",
    );
    let all = packages(&mut facts);
    all.keyrings = Known::Value(vec!["/etc/apt/keyrings/rocm.gpg".into()]);
    all.pins = Known::Value(vec![Pin {
        file: "/etc/apt/preferences.d/rocm-pin-600".into(),
        packages: "*".into(),
        pin: "release o=repo.radeon.com".into(),
        priority: 600,
    }]);
    all.profile_lines = Known::Value(vec![setting(
        "/home/me/.bashrc",
        9,
        "export PATH=/opt/rocm/bin:$PATH",
    )]);
    all.account_groups = Known::Value(vec!["render".into(), "video".into()]);
    facts.drivers.amd.compute_access = Known::Value(true);
    facts
}
