//! Machines made by hand, a few words each.

use deskside_knowledge::hardware::nvidia_device;
use deskside_knowledge::platforms::package_origin;
use deskside_types::facts::*;
use deskside_types::{Facts, Known};

/// What a machine is before anything was done to it.
pub fn machine(os: &str, version: &str, card: &str, secure_boot: bool) -> Facts {
    let kernel = match (os, version) {
        ("ubuntu", "22.04") => "6.8.0-149-generic",
        ("ubuntu", _) => "7.0.0-43-generic",
        ("pop", _) => "6.17.9-76061709-generic",
        ("debian", "12") => "6.1.0-40-amd64",
        ("debian", _) => "6.12.107+deb13-amd64",
        _ => "6.18.0",
    };
    let codename = match (os, version) {
        (_, "22.04") => "jammy",
        (_, "24.04") => "noble",
        (_, "26.04") => "resolute",
        (_, "12") => "bookworm",
        (_, "13") => "trixie",
        _ => "other",
    };
    let mut facts = Facts {
        taken_at: "2026-11-25T12:00:00Z".parse().unwrap(),
        system: System {
            kind: OsKind::Linux,
            os: Known::Value(OperatingSystem {
                id: os.into(),
                name: format!("{os} {version}"),
                version: Some(version.into()),
                codename: Some(codename.into()),
                ubuntu_codename: None,
                like: vec![],
            }),
            kernel: Known::Value(kernel.into()),
            architecture: Known::Value("x86_64".into()),
            translated: Known::Absent,
            glibc: Known::Value("2.35".into()),
            boot: Known::Value(BootMode::Uefi),
            secure_boot: Known::Value(if secure_boot {
                SecureBoot::On
            } else {
                SecureBoot::Off
            }),
            wsl: Known::Absent,
            container: Known::Absent,
            provider: Known::Absent,
            model: Known::Absent,
            session: Session {
                remote: false,
                display: None,
            },
            person: Person {
                class: UserClass::Person,
                groups: Known::Value(vec!["me".into(), "sudo".into()]),
            },
            reboot_required: Known::Value(false),
            newer_kernel: Known::Absent,
        },
        cpu: Cpu {
            model: Known::Absent,
            cores: Known::Value(12),
            threads: Known::Value(24),
            performance_cores: Known::Absent,
            usable: Known::Value(24),
        },
        memory: Memory {
            total_bytes: Known::Value(64 << 30),
            available_bytes: Known::Value(60 << 30),
            swap_bytes: Known::Value(0),
            limit_bytes: Known::Absent,
            shared_bytes: Known::Absent,
            unified: false,
        },
        disks: Known::Value(vec![]),
        gpus: Known::Value(card.split_whitespace().map(gpu).collect()),
        drivers: Drivers {
            nvidia: NvidiaDriver {
                loaded: Known::Absent,
                on_disk: Known::Absent,
                user_space: Known::Absent,
                flavour: Known::Absent,
                cuda: Known::Absent,
                device_library: Known::Absent,
            },
            amd: AmdDriver {
                loaded: Known::Value(card.contains("amd")),
                version: Known::Absent,
                compute_device: Known::Value(card.contains("amd")),
                compute_access: if card.contains("amd") {
                    Known::Value(false)
                } else {
                    Known::Absent
                },
            },
            nouveau_loaded: Known::Value(true),
        },
        toolkits: Known::Value(vec![]),
        packages: Known::Value(Packages {
            installed: Known::Value(vec![]),
            interrupted: Known::Value(false),
            sources: Known::Value(vec![]),
            keyrings: Known::Value(vec![]),
            key_files: vec![],
            pins: Known::Value(vec![]),
            lock_holder: Known::Absent,
            kernels: Known::Value(vec![InstalledKernel {
                release: kernel.into(),
                headers: Known::Value(false),
            }]),
            boot_free_bytes: Known::Value(1 << 30),
            runfile: Known::Value(vec![]),
            cuda_folders: Known::Value(vec![]),
            cuda_link: Known::Absent,
            linker_files: Known::Value(vec![]),
            display_lines: Known::Value(vec![]),
            unattended: Known::Absent,
            dkms: Known::Value(vec![]),
            module_lines: Known::Value(vec![]),
            profile_lines: Known::Value(vec![]),
            account_groups: Known::Value(vec!["sudo".into()]),
            signing_keys: Known::Value(vec![]),
            clock_behind: Known::Value(false),
        }),
        pythons: vec![],
        uv: Known::Absent,
        tools: vec![],
        environments: vec![],
    };
    source(
        &mut facts,
        "/etc/apt/sources.list",
        &format!(
            "deb http://archive.example/{os} {codename} main restricted universe multiverse contrib non-free non-free-firmware"
        ),
    );
    if os == "ubuntu" {
        add(
            &mut facts,
            &[
                &format!(
                    "linux-image-generic-hwe-{version} {}",
                    kernel.trim_end_matches("-generic")
                ),
                "linux-firmware 20240318",
            ],
        );
    }
    facts
}

/// The GPU of a word: an NVIDIA device id, or `amd`, or `intel`.
fn gpu(word: &str) -> Gpu {
    let blank = |vendor, name: &str| Gpu {
        vendor,
        name: Known::Value(name.into()),
        architecture: Known::Absent,
        compute_capability: Known::Absent,
        gfx_target: Known::Absent,
        uuid: Known::Absent,
        pci: None,
        kernel_driver: Known::Absent,
        memory: GpuMemory {
            total_bytes: Known::Absent,
            used_bytes: Known::Absent,
        },
        power_limit_watts: Known::Absent,
        utilization_percent: Known::Absent,
        temperature_celsius: Known::Absent,
        display: Known::Value(false),
        apple: None,
        driver_branches: vec![],
    };
    match word {
        "amd" => blank(Vendor::Amd, "Radeon RX 7900 XTX"),
        "intel" => blank(Vendor::Intel, "Intel UHD Graphics"),
        "unknown" => blank(Vendor::Nvidia, "a card of next year"),
        id => {
            let device = nvidia_device(id).unwrap_or_else(|| panic!("{id} is in no table"));
            let mut gpu = blank(Vendor::Nvidia, device.names[0]);
            gpu.architecture = Known::Value(device.architecture.into());
            gpu.compute_capability = device.compute_capability.map(str::to_string).into();
            gpu.driver_branches = device.branches.iter().map(ToString::to_string).collect();
            gpu
        }
    }
}

/// A Mac's GPU with a memory limit set by hand.
pub fn apple(limit: u64) -> Gpu {
    let mut gpu = gpu("intel");
    gpu.vendor = Vendor::Apple;
    gpu.name = Known::Value("Apple M4 Max".into());
    gpu.apple = Some(AppleGpu {
        cores: Known::Absent,
        metal: Known::Absent,
        wired_limit_bytes: Known::Value(limit),
    });
    gpu
}

pub fn packages(facts: &mut Facts) -> &mut Packages {
    match &mut facts.packages {
        Known::Value(packages) => packages,
        _ => panic!("no packages"),
    }
}

/// Adds packages: `name version`, behind it `held`, `half` or `conf`. The builder is told by the version's form.
pub fn add(facts: &mut Facts, lines: &[&str]) {
    let Known::Value(installed) = &mut packages(facts).installed else {
        panic!("no list");
    };
    for line in lines {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let mark = words.next().unwrap_or_default();
        let maintainer = if version.contains("deb") {
            "x@lists.debian.org"
        } else if version.contains("-0ubuntu0") || name.starts_with("linux-") {
            "x@ubuntu.com"
        } else {
            "x@nvidia.com"
        };
        installed.push(Package {
            name: name.into(),
            origin: package_origin(version, Some(maintainer))
                .map(str::to_string)
                .into(),
            version: version.into(),
            state: match mark {
                "half" => PackageState::HalfConfigured,
                "conf" => PackageState::ConfigFiles,
                _ => PackageState::Installed,
            },
            held: mark == "held",
        });
    }
    installed.sort_by(|one, other| one.name.cmp(&other.name));
}

/// Adds a source in one-line form.
pub fn source(facts: &mut Facts, file: &str, text: &str) {
    let Known::Value(sources) = &mut packages(facts).sources else {
        panic!("no sources");
    };
    let line = sources.iter().filter(|one| one.file == file).count() as u32 + 1;
    let bare = text.strip_prefix("deb ").unwrap();
    let (signed_by, rest) = match bare.strip_prefix("[signed-by=") {
        Some(rest) => {
            let (key, rest) = rest.split_once("] ").unwrap();
            (Known::Value(key.to_string()), rest)
        }
        None => (Known::Absent, bare),
    };
    let mut words = rest.split_whitespace().map(str::to_string);
    sources.push(PackageSource {
        file: file.into(),
        line,
        paragraph: false,
        enabled: true,
        uri: words.next().unwrap(),
        suite: words.next().unwrap(),
        components: words.collect(),
        signed_by,
        text: text.into(),
    });
}

/// A driver that is loaded, agrees with its library and answers.
pub fn answers(facts: &mut Facts, version: &str) {
    let driver = &mut facts.drivers.nvidia;
    driver.loaded = Known::Value(version.into());
    driver.on_disk = Known::Value(version.into());
    driver.user_space = Known::Value(version.into());
    driver.device_library = Known::Value("ok".into());
    facts.drivers.nouveau_loaded = Known::Value(false);
}

/// The packages of a driver branch of a distribution's archive, with its libraries.
pub fn driver(facts: &mut Facts, branch: &str, version: &str) {
    let number = branch.split('-').next().unwrap();
    add(
        facts,
        &[
            &format!("nvidia-driver-{branch} {version}"),
            &format!("libnvidia-compute-{number} {version}"),
            &format!("libnvidia-gl-{number} {version}"),
            &format!("nvidia-utils-{number} {version}"),
            &format!("nvidia-kernel-common-{number} {version}"),
        ],
    );
}

/// Prebuilt modules.
pub fn modules(facts: &mut Facts, branch: &str, flavour: &str) {
    add(
        facts,
        &[&format!(
            "linux-modules-nvidia-{branch}-{flavour} 6.8.0-149.149"
        )],
    );
}

/// Modules built on the machine.
pub fn dkms(facts: &mut Facts, branch: &str, version: &str) {
    add(
        facts,
        &[
            &format!("nvidia-dkms-{branch} {version}"),
            "dkms 2.8.7-2ubuntu2",
        ],
    );
}

pub const NVIDIA_2204: &str =
    "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/";
pub const KEYRING: &str = "/usr/share/keyrings/cuda-archive-keyring.gpg";

/// NVIDIA's archive by its keyring package.
pub fn keyring(facts: &mut Facts, place: &str) {
    add(facts, &["cuda-keyring 1.1-1"]);
    source(
        facts,
        &format!("/etc/apt/sources.list.d/cuda-{place}-x86_64.list"),
        &format!(
            "deb [signed-by={KEYRING}] https://developer.download.nvidia.com/compute/cuda/repos/{place}/x86_64/ /"
        ),
    );
    let Known::Value(pins) = &mut packages(facts).pins else {
        panic!("no pins");
    };
    pins.push(Pin {
        file: "/etc/apt/preferences.d/cuda-repository-pin-600".into(),
        packages: "*".into(),
        pin: "release o=NVIDIA".into(),
        priority: 600,
    });
}

/// The graphics-drivers PPA.
pub fn ppa(facts: &mut Facts) {
    source(
        facts,
        "/etc/apt/sources.list.d/graphics-drivers-ubuntu-ppa-jammy.list",
        "deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/ jammy main",
    );
}

/// The guide's recipe as it was: PPA, nvidia-driver-535, apt-key, a source by hand, the package cuda, LD_LIBRARY_PATH.
pub fn guide(facts: &mut Facts) {
    ppa(facts);
    driver(facts, "535", "535.183.01-0ubuntu0~gpu22.04.1");
    dkms(facts, "535", "535.183.01-0ubuntu0~gpu22.04.1");
    source(
        facts,
        "/etc/apt/sources.list.d/archive_uri-https_developer_download_nvidia_com_compute_cuda_repos_ubuntu2204_x86_64_-jammy.list",
        &format!("deb {NVIDIA_2204} /"),
    );
    add(
        facts,
        &[
            "cuda 12.8.1-1",
            "cuda-12-8 12.8.1-1",
            "cuda-toolkit-12-8 12.8.1-1",
            "cuda-nvcc-12-8 12.8.93-1",
            "cuda-drivers 570.133.20-0ubuntu1",
        ],
    );
    packages(facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-12.8".into()]);
    packages(facts).profile_lines = Known::Value(vec![
        SettingLine {
            file: "/home/me/.bashrc".into(),
            line: 118,
            text: "export PATH=/usr/local/cuda/bin:$PATH".into(),
            bound: false,
        },
        SettingLine {
            file: "/home/me/.bashrc".into(),
            line: 119,
            text: "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH".into(),
            bound: false,
        },
    ]);
}

/// The machine as it is once the plan was carried out.
pub fn carried_out(facts: &mut Facts, plan: &deskside_provision::SystemPlan) {
    use deskside_types::plan::Action;
    for step in &plan.plan.steps {
        for action in &step.actions {
            match action {
                Action::Packages { install, remove } => {
                    if let Known::Value(installed) = &mut packages(facts).installed {
                        installed.retain(|one| {
                            !remove.contains(&one.name) && !install.contains(&one.name)
                        });
                    }
                    for name in remove {
                        if let Some(version) = name.strip_prefix("cuda-toolkit-") {
                            let folder = format!("/usr/local/cuda-{}", version.replace('-', "."));
                            if let Known::Value(folders) = &mut packages(facts).cuda_folders {
                                folders.retain(|one| *one != folder);
                            }
                        }
                    }
                    if remove.iter().any(|name| name.ends_with("-local")) {
                        forget_source(facts, "-local.list");
                    }
                    for name in remove.iter().filter(|name| *name == "cuda-keyring") {
                        let _ = name;
                        forget_source(facts, "/cuda-");
                        if let Known::Value(pins) = &mut packages(facts).pins {
                            pins.retain(|pin| !pin.file.contains("cuda-repository"));
                        }
                    }
                    for name in install {
                        if name.contains("cuda-keyring") {
                            keyring(facts, "place");
                            continue;
                        }
                        installed(facts, name);
                    }
                    let removed =
                        |name: &str| remove.iter().any(|one| one == name || one.ends_with(name));
                    if remove.iter().any(|one| one.starts_with("linux-image-")) {
                        packages(facts).boot_free_bytes = Known::Value(1 << 30);
                        if let Known::Value(kernels) = &mut packages(facts).kernels {
                            kernels.retain(|kernel| !removed(&kernel.release));
                        }
                    }
                }
                Action::EditFile { path, old, .. } => {
                    let gone = |line: &SettingLine| line.file == *path && line.text == *old;
                    let packages = packages(facts);
                    for lines in [&mut packages.module_lines, &mut packages.profile_lines] {
                        if let Known::Value(lines) = lines {
                            lines.retain(|line| !gone(line));
                        }
                    }
                    if let Known::Value(sources) = &mut packages.sources {
                        for one in sources.iter_mut().filter(|one| one.text == *old) {
                            one.enabled = false;
                        }
                    }
                }
                Action::Remove { path } => {
                    forget_source(facts, path);
                    let packages = packages(facts);
                    if path == "/usr/local/cuda" {
                        packages.cuda_link = Known::Absent;
                    }
                    if let Known::Value(settings) = &mut packages.unattended
                        && settings.files.contains(path)
                    {
                        settings.files.retain(|one| one != path);
                        settings.left_alone.clear();
                    }
                    for lines in [&mut packages.module_lines, &mut packages.display_lines] {
                        if let Known::Value(lines) = lines {
                            lines.retain(|line| line.file != *path);
                        }
                    }
                    for paths in [
                        &mut packages.keyrings,
                        &mut packages.cuda_folders,
                        &mut packages.linker_files,
                        &mut packages.runfile,
                    ] {
                        if let Known::Value(paths) = paths {
                            paths.retain(|one| one != path);
                        }
                    }
                    if let Known::Value(pins) = &mut packages.pins {
                        pins.retain(|pin| pin.file != *path);
                    }
                    if let Known::Value(trees) = &mut packages.dkms {
                        trees.retain(|tree| !path.ends_with(&tree.version));
                    }
                }
                Action::WriteFile { path, .. } if path.contains("preferences.d") => {
                    let priority = if path.contains("toolkit-only") {
                        -1
                    } else {
                        600
                    };
                    if let Known::Value(pins) = &mut packages(facts).pins {
                        pins.push(Pin {
                            file: path.clone(),
                            packages: "x".into(),
                            pin: "origin x".into(),
                            priority,
                        });
                    }
                }
                Action::WriteFile {
                    path,
                    contents: deskside_types::plan::FileContents::Text(text),
                    ..
                } if path.contains("apt.conf.d") => {
                    packages(facts).unattended = Known::Value(UnattendedUpgrades {
                        on: true,
                        left_alone: text
                            .lines()
                            .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\";"))
                            .map(str::to_string)
                            .collect(),
                        files: vec![path.clone()],
                    });
                }
                Action::AptSource { name, contents } => {
                    let uri = contents
                        .lines()
                        .find_map(|line| line.strip_prefix("URIs: "))
                        .unwrap();
                    source(
                        facts,
                        &format!("/etc/apt/sources.list.d/{name}"),
                        &format!("deb [signed-by=/k] {uri} x"),
                    );
                }
                Action::Group { name } => {
                    if let Known::Value(groups) = &mut packages(facts).account_groups {
                        groups.push(name.clone());
                    }
                }
                Action::Run { command, .. } if command.argv[0].ends_with("nvidia-uninstall") => {
                    packages(facts).runfile =
                        Known::Value(vec!["/var/log/nvidia-installer.log".into()]);
                    facts.drivers.nvidia.loaded = Known::Absent;
                }
                Action::Run { command, .. } if command.argv[0] == "sysctl" => {
                    let megabytes: u64 =
                        command.argv[1].rsplit('=').next().unwrap().parse().unwrap();
                    if let Known::Value(gpus) = &mut facts.gpus {
                        for apple in gpus.iter_mut().filter_map(|gpu| gpu.apple.as_mut()) {
                            apple.wired_limit_bytes = Known::Value(megabytes << 20);
                        }
                    }
                }
                Action::Run { command, .. } if command.argv[0] == "dpkg" => {
                    packages(facts).interrupted = Known::Value(false);
                    if let Known::Value(installed) = &mut packages(facts).installed {
                        for one in installed.iter_mut().filter(|one| one.state.is_broken()) {
                            one.state = PackageState::Installed;
                        }
                    }
                }
                Action::AskPerson { .. } if step.id == "apple.tools" => {
                    facts.toolkits = Known::Value(vec![Toolkit {
                        kind: ToolkitKind::Xcode,
                        version: Known::Absent,
                        path: "/Library/Developer/CommandLineTools".into(),
                        default: true,
                    }]);
                }
                Action::Reboot => restart(facts),
                _ => {}
            }
        }
    }
}

fn forget_source(facts: &mut Facts, path: &str) {
    if let Known::Value(sources) = &mut packages(facts).sources {
        sources.retain(|one| !one.file.contains(path));
    }
}

/// A package of the platform's archive.
fn installed(facts: &mut Facts, name: &str) {
    let value = serde_json::to_value(&*facts).unwrap();
    let platform = deskside_knowledge::platforms::platforms()
        .iter()
        .find(|platform| platform.when.evaluate(&value).holds())
        .unwrap();
    let branch = platform.nvidia.as_ref().and_then(|nvidia| {
        nvidia
            .branches
            .iter()
            .find(|branch| branch.packages.iter().any(|one| one == name))
    });
    let version = branch.map_or("1", |branch| branch.version.as_str());
    let form = match platform.id.split('-').next() {
        Some("pop") => format!("{version}-1pop0~1~x"),
        Some("ubuntu") => format!("{version}-0ubuntu0.1"),
        _ => format!("{version}-1"),
    };
    add(facts, &[&format!("{name} {form}")]);
    if name.starts_with("linux-headers-")
        && let Known::Value(kernels) = &mut packages(facts).kernels
    {
        for kernel in kernels {
            if name.ends_with(&kernel.release) {
                kernel.headers = Known::Value(true);
            }
        }
    }
}

/// What is installed is loaded, and the newest kernel runs.
fn restart(facts: &mut Facts) {
    let newest = packages(facts)
        .kernels
        .value()
        .and_then(|kernels| kernels.last().map(|one| one.release.clone()));
    if let Some(newest) = newest {
        facts.system.kernel = Known::Value(newest);
    }
    let loaded = packages(facts)
        .installed
        .value()
        .unwrap()
        .iter()
        .filter(|one| one.state == PackageState::Installed)
        .find(|one| {
            one.name.starts_with("nvidia-driver-5")
                || one.name.starts_with("nvidia-driver-6")
                || one.name.starts_with("nvidia-driver-4")
                || one.name == "nvidia-open"
                || one.name == "cuda-drivers"
                || one.name == "nvidia-driver"
        })
        .map(|one| one.version.split('-').next().unwrap().to_string());
    if let Some(version) = loaded {
        answers(facts, &version);
    }
    facts.drivers.amd.loaded = Known::Value(true);
    facts.drivers.amd.compute_device = Known::Value(true);
}
