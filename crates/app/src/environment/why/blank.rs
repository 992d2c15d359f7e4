//! The facts of a machine of which nothing is known.

use deskside_knowledge::hardware::nvidia_architecture;
use deskside_types::Known;
use deskside_types::facts::{
    AmdDriver, Cpu, Drivers, Facts, Gpu, GpuMemory, Memory, NvidiaDriver, OsKind, Person, Session,
    System, UserClass, Vendor,
};

fn unasked<T>() -> Known<T> {
    Known::unknown("the machine is assumed")
}

/// A Linux machine on x86_64 without a GPU; the rest is not known.
pub fn facts() -> Facts {
    Facts {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        system: System {
            kind: OsKind::Linux,
            os: unasked(),
            kernel: unasked(),
            architecture: Known::Value("x86_64".into()),
            translated: Known::Absent,
            glibc: unasked(),
            boot: unasked(),
            secure_boot: unasked(),
            wsl: Known::Absent,
            container: Known::Absent,
            provider: Known::Absent,
            model: unasked(),
            session: Session {
                remote: false,
                display: None,
            },
            person: Person {
                class: UserClass::Person,
                groups: unasked(),
            },
            reboot_required: Known::Absent,
            newer_kernel: Known::Absent,
        },
        cpu: Cpu {
            model: unasked(),
            cores: unasked(),
            threads: unasked(),
            performance_cores: unasked(),
            usable: unasked(),
        },
        memory: Memory {
            total_bytes: unasked(),
            available_bytes: unasked(),
            swap_bytes: unasked(),
            limit_bytes: unasked(),
            shared_bytes: unasked(),
            unified: false,
        },
        disks: Known::Value(Vec::new()),
        gpus: Known::Value(Vec::new()),
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
                loaded: Known::Value(true),
                version: Known::Absent,
                compute_device: Known::Value(true),
                compute_access: Known::Value(true),
            },
            nouveau_loaded: Known::Value(false),
        },
        toolkits: unasked(),
        packages: Known::Absent,
        pythons: Vec::new(),
        uv: Known::Absent,
        tools: Vec::new(),
        environments: Vec::new(),
    }
}

/// A GPU of which only maker, name and target are known.
pub fn gpu(vendor: Vendor, name: &str, target: Option<&str>) -> Gpu {
    let target: Known<String> = target.map_or_else(unasked, |target| Known::Value(target.into()));
    let architecture = match &target {
        Known::Value(target) if vendor == Vendor::Nvidia => nvidia_architecture(target)
            .map_or_else(unasked, |known| Known::Value(known.name.clone())),
        _ => unasked(),
    };
    Gpu {
        vendor,
        name: Known::Value(name.into()),
        architecture,
        compute_capability: if vendor == Vendor::Nvidia {
            target.clone()
        } else {
            Known::Absent
        },
        gfx_target: if vendor == Vendor::Amd {
            target
        } else {
            Known::Absent
        },
        uuid: unasked(),
        pci: None,
        kernel_driver: unasked(),
        memory: GpuMemory {
            total_bytes: unasked(),
            used_bytes: unasked(),
        },
        power_limit_watts: unasked(),
        utilization_percent: unasked(),
        temperature_celsius: unasked(),
        display: unasked(),
        apple: None,
        driver_branches: Vec::new(),
    }
}
