//! Hardware as files: PCI devices in /sys, processor and firmware, and the nodes a loaded driver makes.
//!
//! Names and layout are those of the kernel and of the drivers; values that nobody asks for are made up.

use super::description::{Card, Description};
use anyhow::Result;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// The PCI address of a card by its place.
pub fn address(place: usize) -> String {
    format!("0000:{:02x}:00.0", place + 1)
}

fn put(root: &Path, path: &str, contents: impl AsRef<[u8]>) -> Result<()> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, contents)?)
}

fn node(root: &Path, path: &str, major: u32, minor: u32) -> Result<()> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if !path.exists() {
        crate::shell::run(Command::new("mknod").args(["-m", "666"]).arg(path).args([
            "c",
            &major.to_string(),
            &minor.to_string(),
        ]))?;
    }
    Ok(())
}

/// What is there before any driver.
pub fn plug(root: &Path, machine: &Description) -> Result<()> {
    put(root, "sys/class/dmi/id/sys_vendor", "Deskside lab\n")?;
    put(
        root,
        "sys/class/dmi/id/product_name",
        format!("{}\n", machine.name),
    )?;
    put(root, ".lab/nvml", "follow=1\n")?;
    put(root, "sys/firmware/efi/fw_platform_size", "64\n")?;
    put(
        root,
        "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
        [6, 0, 0, 0, u8::from(machine.secure_boot)],
    )?;
    std::fs::create_dir_all(root.join("sys/module"))?;
    std::fs::create_dir_all(root.join("sys/bus/pci/devices"))?;
    std::fs::create_dir_all(root.join("sys/class/drm"))?;
    for (place, card) in machine.cards.iter().enumerate() {
        let address = address(place);
        let folder = format!("sys/devices/pci0000:00/{address}");
        let file = |name: &str, contents: String| put(root, &format!("{folder}/{name}"), contents);
        file("vendor", format!("0x{}\n", card.vendor))?;
        file("device", format!("0x{}\n", card.device))?;
        file("revision", format!("0x{}\n", card.revision))?;
        file("class", "0x030000\n".into())?;
        file("subsystem_vendor", "0x1043\n".into())?;
        file("subsystem_device", "0x88e2\n".into())?;
        file(
            "modalias",
            format!(
                "pci:v0000{}d0000{}sv00001043sd000088E2bc03sc00i00\n",
                card.vendor.to_uppercase(),
                card.device.to_uppercase()
            ),
        )?;
        file("current_link_speed", "16.0 GT/s PCIe\n".into())?;
        file("current_link_width", "16\n".into())?;
        put(root, &format!("{folder}/config"), [0; 256])?;
        let link = root.join("sys/bus/pci/devices").join(&address);
        if !link.is_symlink() {
            symlink(format!("../../../devices/pci0000:00/{address}"), link)?;
        }
    }
    Ok(())
}

/// Takes away what drivers made.
pub fn unload(root: &Path, machine: &Description) -> Result<()> {
    for path in [
        "sys/module",
        "sys/class/drm",
        "sys/class/kfd",
        "proc/driver/nvidia",
        "dev/dri",
    ] {
        crate::lab::remove(&root.join(path))?;
    }
    for entry in std::fs::read_dir(root.join("dev"))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("nvidia") || name == "kfd" {
            std::fs::remove_file(entry.path())?;
        }
    }
    for place in 0..machine.cards.len() {
        let _ = std::fs::remove_file(
            root.join(format!("sys/devices/pci0000:00/{}/driver", address(place))),
        );
    }
    plug(root, machine)
}

fn bind(root: &Path, place: usize, driver: &str) -> Result<()> {
    std::fs::create_dir_all(root.join("sys/bus/pci/drivers").join(driver))?;
    let link = root.join(format!("sys/devices/pci0000:00/{}/driver", address(place)));
    let _ = std::fs::remove_file(&link);
    Ok(symlink(format!("../../../bus/pci/drivers/{driver}"), link)?)
}

/// Whether a driver has a card.
pub fn is_bound(root: &Path, place: usize) -> bool {
    root.join(format!("sys/devices/pci0000:00/{}/driver", address(place)))
        .is_symlink()
}

/// NVIDIA's part for CUDA's memory is loaded.
pub fn memory_manager(root: &Path, version: &str) -> Result<()> {
    put(root, "sys/module/nvidia_uvm/initstate", "live\n")?;
    put(
        root,
        "sys/module/nvidia_uvm/version",
        format!("{version}\n"),
    )?;
    node(root, "dev/nvidia-uvm", 510, 0)
}

/// NVIDIA's driver is loaded for the cards at these places.
pub fn nvidia(root: &Path, cards: &[(usize, &Card)], version: &str, open: bool) -> Result<()> {
    for module in ["nvidia", "nvidia_modeset", "nvidia_drm", "nvidia_uvm"] {
        put(root, &format!("sys/module/{module}/initstate"), "live\n")?;
        put(
            root,
            &format!("sys/module/{module}/version"),
            format!("{version}\n"),
        )?;
    }
    let kind = if open {
        "Open Kernel Module"
    } else {
        "Kernel Module"
    };
    put(
        root,
        "proc/driver/nvidia/version",
        format!(
            "NVRM version: NVIDIA UNIX {kind} for x86_64  {version}  Release Build  (lab@lab)\nGCC version:  gcc version 12.3.0\n"
        ),
    )?;
    node(root, "dev/nvidiactl", 195, 255)?;
    node(root, "dev/nvidia-uvm", 510, 0)?;
    // What the stand-in library answers; its driver's and its own version it looks up by itself.
    let mut nvml = String::from("follow=1\n");
    for (index, (place, card)) in cards.iter().enumerate() {
        bind(root, *place, "nvidia")?;
        node(root, &format!("dev/nvidia{index}"), 195, index as u32)?;
        put(
            root,
            &format!("proc/driver/nvidia/gpus/{}/information", address(*place)),
            format!(
                "Model: \t\t {}\nBus Location: \t {}\n",
                card.name,
                address(*place)
            ),
        )?;
        nvml.push_str(&format!(
            "gpu name={} capability={} total=25757220864 used=1073741824 util=0 temp=40 mw=20000 limit=450000 display=0 persist=0 lost=0\n",
            card.name.replace(' ', "_"),
            card.capability
        ));
    }
    put(root, ".lab/nvml", nvml)
}

/// The kernel's amdgpu is loaded for a card.
pub fn amdgpu(root: &Path, place: usize, version: Option<&str>) -> Result<()> {
    put(root, "sys/module/amdgpu/initstate", "live\n")?;
    if let Some(version) = version {
        put(root, "sys/module/amdgpu/version", format!("{version}\n"))?;
    }
    bind(root, place, "amdgpu")?;
    let folder = format!("sys/devices/pci0000:00/{}", address(place));
    put(
        root,
        &format!("{folder}/mem_info_vram_total"),
        "25753026560\n",
    )?;
    put(
        root,
        &format!("{folder}/mem_info_vram_used"),
        "1073741824\n",
    )?;
    put(root, &format!("{folder}/gpu_busy_percent"), "0\n")?;
    let nodes = "sys/class/kfd/kfd/topology/nodes";
    put(
        root,
        &format!("{nodes}/0/properties"),
        "cpu_cores_count 16\nsimd_count 0\n",
    )?;
    put(root, &format!("{nodes}/0/gpu_id"), "0\n")?;
    put(root, &format!("{nodes}/1/gpu_id"), "33045\n")?;
    put(
        root,
        &format!("{nodes}/1/properties"),
        format!(
            "cpu_cores_count 0\nsimd_count 192\ngfx_target_version 110000\nvendor_id 4098\ndomain 0\nlocation_id {}\ndrm_render_minor 128\n",
            (place + 1) * 256
        ),
    )?;
    node(root, "dev/kfd", 235, 0)?;
    node(root, "dev/dri/card0", 226, 0)?;
    node(root, "dev/dri/renderD128", 226, 128)
}

/// nouveau is loaded for a card.
pub fn nouveau(root: &Path, place: usize) -> Result<()> {
    put(root, "sys/module/nouveau/initstate", "live\n")?;
    bind(root, place, "nouveau")
}
