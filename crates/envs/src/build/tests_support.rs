//! Facts made by hand for tests.

use deskside_types::Known;
use deskside_types::facts::*;

/// A Linux machine on x86_64 with glibc 2.35 and nothing else.
pub fn facts() -> Facts {
    let absent = || Known::Absent;
    Facts {
        taken_at: "2026-11-25T15:00:00Z".parse().unwrap(),
        system: System {
            kind: OsKind::Linux,
            os: Known::Value(OperatingSystem {
                id: "ubuntu".into(),
                name: "Ubuntu 22.04.5 LTS".into(),
                version: Some("22.04".into()),
                codename: Some("jammy".into()),
                ubuntu_codename: None,
                like: vec![],
            }),
            kernel: Known::Value("6.8.0".into()),
            architecture: Known::Value("x86_64".into()),
            translated: Known::Absent,
            glibc: Known::Value("2.35".into()),
            boot: Known::Absent,
            secure_boot: Known::Absent,
            wsl: Known::Absent,
            container: absent(),
            provider: Known::Absent,
            model: absent(),
            session: Session {
                remote: false,
                display: None,
            },
            person: Person {
                class: UserClass::Person,
                groups: Known::Value(vec![]),
            },
            reboot_required: Known::Value(false),
            newer_kernel: absent(),
        },
        cpu: Cpu {
            model: absent(),
            cores: Known::Absent,
            threads: Known::Absent,
            performance_cores: Known::Absent,
            usable: Known::Value(2),
        },
        memory: Memory {
            total_bytes: Known::Absent,
            available_bytes: Known::Absent,
            swap_bytes: Known::Absent,
            limit_bytes: Known::Absent,
            shared_bytes: Known::Absent,
            unified: false,
        },
        disks: Known::Value(vec![]),
        gpus: Known::Value(vec![]),
        drivers: Drivers {
            nvidia: NvidiaDriver {
                loaded: absent(),
                on_disk: absent(),
                user_space: absent(),
                flavour: absent(),
                cuda: absent(),
                device_library: absent(),
            },
            amd: AmdDriver {
                loaded: Known::Absent,
                version: absent(),
                compute_device: Known::Value(true),
                compute_access: Known::Value(true),
            },
            nouveau_loaded: Known::Value(false),
        },
        toolkits: Known::Value(vec![]),
        packages: Known::Absent,
        pythons: vec![],
        uv: Known::Absent,
        tools: vec![],
        environments: vec![],
    }
}

/// A Mac.
pub fn mac(architecture: &str, version: &str) -> Facts {
    let mut facts = facts();
    facts.system.kind = OsKind::MacOs;
    facts.system.architecture = Known::Value(architecture.into());
    facts.system.glibc = Known::Absent;
    facts.system.os = Known::Value(OperatingSystem {
        id: "macos".into(),
        name: format!("macOS {version}"),
        version: Some(version.into()),
        codename: None,
        ubuntu_codename: None,
        like: vec![],
    });
    facts.gpus = Known::Value(vec![gpu(Vendor::Apple, "Apple M3")]);
    facts
}

/// A machine with NVIDIA GPUs of these compute capabilities and a driver.
pub fn nvidia(capabilities: &[&str], driver: Option<&str>) -> Facts {
    let mut facts = facts();
    facts.gpus = Known::Value(
        capabilities
            .iter()
            .enumerate()
            .map(|(place, capability)| Gpu {
                compute_capability: if capability.is_empty() {
                    Known::unknown("no driver")
                } else {
                    Known::Value((*capability).into())
                },
                uuid: Known::Value(format!("GPU-{place}")),
                ..gpu(Vendor::Nvidia, &format!("NVIDIA card {capability}"))
            })
            .collect(),
    );
    facts.drivers.nvidia.loaded = driver.map(String::from).into();
    facts
}

/// A machine with AMD GPUs of these targets.
pub fn amd(targets: &[&str]) -> Facts {
    let mut facts = facts();
    facts.gpus = Known::Value(
        targets
            .iter()
            .enumerate()
            .map(|(place, target)| Gpu {
                gfx_target: Known::Value((*target).into()),
                uuid: Known::Value(format!("GPU-{place}")),
                ..gpu(Vendor::Amd, &format!("Radeon {target}"))
            })
            .collect(),
    );
    facts
}

fn gpu(vendor: Vendor, name: &str) -> Gpu {
    Gpu {
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
        display: Known::Absent,
        apple: None,
        driver_branches: vec![],
    }
}

/// An interpreter.
pub fn python(path: &str, version: &str, origin: PythonOrigin, default: bool) -> PythonInterpreter {
    PythonInterpreter {
        path: path.into(),
        version: Known::Value(version.into()),
        origin,
        default,
    }
}
