//! What the lab's packages do when they are installed: the files and maintainer scripts that matter for drivers and toolkits.
//!
//! Which files the real packages hold: Ubuntu's and Debian's packages as generally known (modprobe.d, units, `/usr/src`, `/lib/modules`),
//! `cuda-keyring` from public scripts that use it. Contents are stand-ins.

use super::elf::{CANONICAL, module};
use crate::lab::stanza::Stanza;

/// One thing in a package.
pub enum Entry {
    /// A file: path below `/`, contents, mode.
    File(String, Vec<u8>, u32),
    /// A symbolic link: path below `/`, target.
    Link(String, String),
}

/// What a package brings.
#[derive(Default)]
pub struct Effects {
    /// Its files.
    pub entries: Vec<Entry>,
    /// Shell lines run after it is configured.
    pub postinst: String,
    /// Shell lines run before it is removed.
    pub prerm: String,
    /// Shell lines run after it is removed.
    pub postrm: String,
}

/// What the packages are made with.
pub struct Parts {
    /// The stand-in `libnvidia-ml.so.1`.
    pub nvml: Vec<u8>,
    /// The stand-in `libcuda.so.1`.
    pub cuda: Vec<u8>,
    /// Files of `lab/root` by name.
    pub scripts: std::collections::BTreeMap<String, Vec<u8>>,
    /// The public key of the NVIDIA archive.
    pub nvidia_key: Vec<u8>,
    /// The public key of the AMD archive.
    pub amd_key: Vec<u8>,
}

const LIBRARY: &str = "usr/lib/x86_64-linux-gnu";

impl Effects {
    fn file(&mut self, path: impl Into<String>, contents: impl Into<Vec<u8>>) {
        self.entries
            .push(Entry::File(path.into(), contents.into(), 0o644));
    }

    fn program(&mut self, path: &str, contents: Option<&Vec<u8>>) {
        let contents = contents.cloned().unwrap_or_else(|| b"#!/bin/sh\n".to_vec());
        self.entries.push(Entry::File(path.into(), contents, 0o755));
    }

    fn link(&mut self, path: impl Into<String>, target: impl Into<String>) {
        self.entries.push(Entry::Link(path.into(), target.into()));
    }
}

/// A driver's own version in a package version: `580.178.04` of `580.178.04-0ubuntu0.24.04.1`.
pub fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version
        .rsplit_once('-')
        .map_or(version, |(upstream, _)| upstream)
}

/// The branch a name holds: `580` of `linux-modules-nvidia-580-open-generic`.
fn branch(name: &str) -> Option<&str> {
    name.split('-')
        .find(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The kernel release after a prefix, when there is one: `7.0.0-43-generic` of `linux-image-7.0.0-43-generic`.
fn kernel<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(prefix)?;
    (rest.starts_with(|first: char| first.is_ascii_digit()) && rest.contains('.')).then_some(rest)
}

/// The NVIDIA kernel modules.
fn nvidia_modules(
    version: &str,
    open: bool,
    release: Option<&str>,
    signed: bool,
) -> Vec<(String, Vec<u8>)> {
    let license = if open { "Dual MIT/GPL" } else { "NVIDIA" };
    let magic = release.map(|release| format!("{release} SMP preempt mod_unload modversions "));
    ["nvidia", "nvidia-modeset", "nvidia-drm", "nvidia-uvm"]
        .into_iter()
        .map(|name| {
            let mut fields = vec![("license", license), ("version", version), ("name", name)];
            if name == "nvidia" {
                fields.push(("alias", "pci:v000010DEd*sv*sd*bc03sc*i00*"));
                if open {
                    fields.push(("description", "NVIDIA Open GPU Kernel Module (stand-in)"));
                }
            } else {
                fields.push(("depends", "nvidia"));
            }
            if let Some(magic) = &magic {
                fields.push(("vermagic", magic));
            }
            (
                format!("{name}.ko"),
                module(&fields, signed.then_some(CANONICAL)),
            )
        })
        .collect()
}

/// What a package does, by its name.
pub fn of(package: &Stanza, archive: &Stanza, parts: &Parts) -> Effects {
    let name = package.get("Package");
    let version = upstream(package.get("Version"));
    let mut effects = Effects::default();
    if leads_on(name, package.get("Depends")) {
        return effects;
    }
    kernels(name, package, &mut effects);
    modules(name, version, &mut effects);
    source_inside(package, &mut effects);
    user_space(name, version, parts, &mut effects);
    repositories(name, archive, parts, &mut effects);
    toolkits(name, &mut effects);
    tools(name, parts, &mut effects);
    effects
}

/// A name that an ended branch left behind: it depends on the same package of another branch and brings nothing.
fn leads_on(name: &str, depends: &str) -> bool {
    let bare = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    let other = depends.split(' ').next().unwrap_or_default();
    !depends.contains(',') && name.contains("nvidia") && name != other && bare(name) == bare(other)
}

fn kernels(name: &str, package: &Stanza, effects: &mut Effects) {
    if let Some(release) = kernel(name, "linux-image-") {
        if release.ends_with("-unsigned") {
            return;
        }
        effects.file(
            format!("boot/vmlinuz-{release}"),
            format!("stand-in kernel {release}\n"),
        );
        effects.postinst = format!(
            "depmod {release}\nif command -v dkms >/dev/null; then dkms autoinstall -k {release} || exit $?; fi\n\
             if command -v update-initramfs >/dev/null; then update-initramfs -c -k {release}; fi\n"
        );
        effects.postrm = format!("rm -f /boot/initrd.img-{release}\n");
        if release.contains("amd64") {
            drivers(release, effects);
        }
    }
    if let Some(release) = kernel(name, "linux-modules-").filter(|_| !name.contains("nvidia")) {
        drivers(release, effects);
    }
    if let Some(release) = kernel(name, "linux-headers-")
        && (release.ends_with("-generic") || release.ends_with("-amd64"))
    {
        effects.file(
            format!("usr/src/linux-headers-{release}/Makefile"),
            "# stand-in\n",
        );
        effects.link(
            format!("usr/lib/modules/{release}/build"),
            format!("/usr/src/linux-headers-{release}"),
        );
        effects.postinst = format!(
            "if command -v dkms >/dev/null && [ -e /boot/vmlinuz-{release} ]; then dkms autoinstall -k {release} || exit $?; fi\n"
        );
    }
    // Signed, prebuilt modules: linux-modules-nvidia-<branch>[-open]-<release>.
    if let (Some(branch), Some(rest)) = (branch(name), name.strip_prefix("linux-modules-nvidia-")) {
        let rest = rest.strip_prefix(branch).unwrap_or(rest);
        let open = rest.starts_with("-open-");
        let release = rest.trim_start_matches("-open").trim_start_matches('-');
        if release.starts_with(|first: char| first.is_ascii_digit()) {
            // The driver's version stands in its dependency on nvidia-kernel-common.
            let driver = package
                .get("Depends")
                .split("nvidia-kernel-common-")
                .skip(1)
                .filter_map(|rest| rest.split_once("(>= ")?.1.split(')').next())
                .next()
                .unwrap_or(branch);
            for (file, contents) in nvidia_modules(driver, open, Some(release), true) {
                let folder = format!(
                    "usr/lib/modules/{release}/kernel/nvidia-{branch}{}",
                    if open { "-open" } else { "" }
                );
                effects.file(format!("{folder}/{file}"), contents);
            }
            effects.postinst = format!(
                "depmod {release}\nif command -v update-initramfs >/dev/null; then update-initramfs -u -k {release}; fi\n"
            );
            effects.postrm = format!("depmod {release} 2>/dev/null || true\n");
        }
    }
}

fn drivers(release: &str, effects: &mut Effects) {
    for driver in ["nouveau", "amdgpu"] {
        effects.file(
            format!("usr/lib/modules/{release}/kernel/drivers/gpu/drm/{driver}/{driver}.ko"),
            module(
                &[("license", "GPL and additional rights"), ("name", driver)],
                Some(CANONICAL),
            ),
        );
    }
    for list in [
        "modules.order",
        "modules.builtin",
        "modules.builtin.modinfo",
    ] {
        effects.file(format!("usr/lib/modules/{release}/{list}"), "");
    }
}

/// Modules built here: their source and the calls of dkms.
fn modules(name: &str, version: &str, effects: &mut Effects) {
    let open = name.contains("open");
    let dkms = |effects: &mut Effects, source: &str, version: &str| {
        effects.postinst = format!(
            "dkms add -m {source} -v {version}\ndkms install -m {source} -v {version}\nif command -v update-initramfs >/dev/null; then update-initramfs -u; fi\n"
        );
        effects.prerm = format!("dkms remove -m {source} -v {version} --all || true\n");
    };
    let source = |effects: &mut Effects, source: &str| {
        let folder = format!("usr/src/{source}-{version}");
        effects.file(
            format!("{folder}/dkms.conf"),
            format!(
                "PACKAGE_NAME=\"{source}\"\nPACKAGE_VERSION=\"{version}\"\nAUTOINSTALL=\"yes\"\n"
            ),
        );
        for (file, contents) in nvidia_modules(version, open, None, false) {
            effects.file(format!("{folder}/{file}"), contents);
        }
    };
    if name.starts_with("nvidia-kernel-source-") && branch(name).is_some() {
        source(effects, "nvidia");
    } else if name.starts_with("nvidia-dkms") {
        dkms(effects, "nvidia", version);
    } else if name == "nvidia-kernel-dkms" || name == "nvidia-open-kernel-dkms" {
        let tree = if open {
            "nvidia-open-current"
        } else {
            "nvidia-current"
        };
        source(effects, tree);
        dkms(effects, tree, version);
    } else if name == "amdgpu-dkms" {
        let folder = format!("usr/src/amdgpu-{version}");
        effects.file(
            format!("{folder}/dkms.conf"),
            format!("PACKAGE_NAME=\"amdgpu\"\nPACKAGE_VERSION=\"{version}\"\n"),
        );
        effects.file(
            format!("{folder}/amdgpu.ko"),
            module(
                &[
                    ("license", "GPL and additional rights"),
                    ("version", version),
                ],
                None,
            ),
        );
        dkms(effects, "amdgpu", version);
    }
}

/// The source folder of NVIDIA's own nvidia-dkms packages, which have no nvidia-kernel-source beside them.
fn source_inside(package: &Stanza, effects: &mut Effects) {
    let name = package.get("Package");
    if name.starts_with("nvidia-dkms") && !package.get("Depends").contains("nvidia-kernel-source") {
        let version = upstream(package.get("Version"));
        let folder = format!("usr/src/nvidia-{version}");
        effects.file(
            format!("{folder}/dkms.conf"),
            format!("PACKAGE_NAME=\"nvidia\"\nPACKAGE_VERSION=\"{version}\"\n"),
        );
        for (file, contents) in nvidia_modules(version, name.contains("open"), None, false) {
            effects.file(format!("{folder}/{file}"), contents);
        }
    }
}

fn user_space(name: &str, version: &str, parts: &Parts, effects: &mut Effects) {
    let nvidia = branch(name).is_some() || !name.ends_with(|last: char| last.is_ascii_digit());
    if (name.starts_with("libnvidia-compute") && nvidia) || name == "libnvidia-ml1" {
        effects.entries.push(Entry::File(
            format!("{LIBRARY}/libnvidia-ml.so.{version}"),
            parts.nvml.clone(),
            0o644,
        ));
        effects.link(
            format!("{LIBRARY}/libnvidia-ml.so.1"),
            format!("libnvidia-ml.so.{version}"),
        );
        effects.postinst.push_str("ldconfig\n");
    }
    if name.starts_with("libnvidia-compute") || name == "libcuda1" {
        effects.entries.push(Entry::File(
            format!("{LIBRARY}/libcuda.so.{version}"),
            parts.cuda.clone(),
            0o644,
        ));
        effects.link(
            format!("{LIBRARY}/libcuda.so.1"),
            format!("libcuda.so.{version}"),
        );
    }
    if name == "nvidia-smi"
        || name == "nvidia-driver-cuda"
        || (name.starts_with("nvidia-utils-") && branch(name).is_some())
    {
        effects.program("usr/bin/nvidia-smi", parts.scripts.get("nvidia-smi"));
    }
    if name.starts_with("nvidia-firmware-") && name.ends_with(version) {
        for file in ["gsp_ga10x.bin", "gsp_tu10x.bin"] {
            effects.file(
                format!("usr/lib/firmware/nvidia/{version}/{file}"),
                "stand-in\n",
            );
        }
    }
    if name.starts_with("nvidia-kernel-common")
        || name == "nvidia-kernel-support"
        || name == "nvidia-open-kernel-support"
    {
        effects.file(
            "usr/lib/modprobe.d/nvidia-graphics-drivers.conf",
            "# This file was installed by nvidia-kernel-common\nblacklist nouveau\nblacklist lbm-nouveau\nalias nouveau off\nalias lbm-nouveau off\n",
        );
        for unit in ["nvidia-suspend", "nvidia-hibernate", "nvidia-resume"] {
            effects.file(
                format!("usr/lib/systemd/system/{unit}.service"),
                format!("[Unit]\nDescription=NVIDIA system {unit} actions (stand-in)\n[Service]\nType=oneshot\nExecStart=/bin/true\n"),
            );
        }
        effects.file("usr/lib/udev/rules.d/71-nvidia.rules", "# stand-in\n");
        effects
            .postinst
            .push_str("if command -v update-initramfs >/dev/null; then update-initramfs -u; fi\n");
        effects.postrm.push_str(
            "if command -v update-initramfs >/dev/null; then update-initramfs -u || true; fi\n",
        );
    }
    if name == "nvidia-persistenced"
        || (name.starts_with("nvidia-compute-utils-") && branch(name).is_some())
    {
        effects.program("usr/bin/nvidia-persistenced", None);
        effects.file(
            "usr/lib/systemd/system/nvidia-persistenced.service",
            "[Unit]\nDescription=NVIDIA Persistence Daemon (stand-in)\n[Service]\nType=forking\nExecStart=/usr/bin/nvidia-persistenced\n[Install]\nWantedBy=multi-user.target\n",
        );
    }
}

fn repositories(name: &str, archive: &Stanza, parts: &Parts, effects: &mut Effects) {
    match name {
        "cuda-keyring" => {
            effects.file(
                "usr/share/keyrings/cuda-archive-keyring.gpg",
                parts.nvidia_key.clone(),
            );
            let path = archive.get("Host-Path");
            let distribution = path.rsplit('/').nth(1).unwrap_or_default();
            effects.file(
                format!("etc/apt/sources.list.d/cuda-{distribution}-x86_64.list"),
                format!("deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] https://{path}/ /\n"),
            );
            effects.file(
                "etc/apt/preferences.d/cuda-repository-pin-600",
                "Package: nsight-compute\nPin: origin *ubuntu.com*\nPin-Priority: -1\n\nPackage: nsight-systems\nPin: origin *ubuntu.com*\nPin-Priority: -1\n\n\
                 Package: *\nPin: release l=NVIDIA CUDA\nPin-Priority: 600\n",
            );
        }
        "pop-default-settings" => effects.file(
            "etc/apt/preferences.d/pop-default-settings",
            "Package: *\nPin: release o=LP-PPA-system76-dev-stable\nPin-Priority: 1001\n",
        ),
        "amdgpu-install" => {
            effects.program(
                "usr/bin/amdgpu-install",
                parts.scripts.get("amdgpu-install"),
            );
            effects.file("etc/apt/keyrings/rocm.gpg", parts.amd_key.clone());
            let suite = archive.get("Suite");
            effects.file(
                "etc/apt/sources.list.d/rocm.list",
                format!("deb [arch=amd64 signed-by=/etc/apt/keyrings/rocm.gpg] https://repo.radeon.com/rocm/apt/7.2.2 {suite} main\n"),
            );
            effects.file(
                "etc/apt/preferences.d/repo-radeon-pin-600",
                "Package: *\nPin: release o=repo.radeon.com\nPin-Priority: 600\n",
            );
        }
        _ => {}
    }
    if let Some(branch) = name.strip_prefix("nvidia-driver-pinning-") {
        effects.file(
            format!("etc/apt/preferences.d/nvidia-driver-pinning-{branch}"),
            format!(
                "Package: nvidia-open cuda-drivers nvidia-dkms* libnvidia-compute* nvidia-kernel-common* nvidia-utils* nvidia-driver-cuda\n\
                 Pin: version {branch}.*\nPin-Priority: 1000\n"
            ),
        );
    }
}

fn toolkits(name: &str, effects: &mut Effects) {
    if let Some(version) = name
        .strip_prefix("cuda-nvcc-")
        .map(|version| version.replace('-', "."))
    {
        effects.entries.push(Entry::File(
            format!("usr/local/cuda-{version}/bin/nvcc"),
            format!("#!/bin/sh\necho 'Cuda compilation tools, release {version} (stand-in)'\n")
                .into_bytes(),
            0o755,
        ));
        let priority = version.replace('.', "");
        effects.postinst = format!(
            "update-alternatives --install /usr/local/cuda cuda /usr/local/cuda-{version} {priority}\n"
        );
        effects.prerm = format!("update-alternatives --remove cuda /usr/local/cuda-{version}\n");
    }
    if name.starts_with("cuda-toolkit-") && name.ends_with("-config-common") {
        let version = name
            .trim_start_matches("cuda-toolkit-")
            .trim_end_matches("-config-common");
        if version.contains('-') {
            effects.file(
                format!("etc/ld.so.conf.d/000_cuda-{version}.conf"),
                "/usr/local/cuda/targets/x86_64-linux/lib\n",
            );
        }
    }
    if name == "rocm-core" {
        effects.file("opt/rocm-7.2.2/.info/version", "7.2.2\n");
        effects.link("opt/rocm", "rocm-7.2.2");
    }
    if name == "rocminfo" {
        effects.program("opt/rocm-7.2.2/bin/rocminfo", None);
    }
}

fn tools(name: &str, parts: &Parts, effects: &mut Effects) {
    let program = match name {
        "dkms" => "usr/sbin/dkms",
        "initramfs-tools" => "usr/sbin/update-initramfs",
        "mokutil" => {
            let script = b"#!/bin/sh\n[ \"$1\" = --sb-state ] && { [ \"$(od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-* | tr -d ' ')\" = 1 ] && echo 'SecureBoot enabled' || echo 'SecureBoot disabled'; }\n";
            effects.program("usr/bin/mokutil", Some(&script.to_vec()));
            return;
        }
        _ => return,
    };
    let script = program.rsplit('/').next().unwrap_or_default();
    effects.program(program, parts.scripts.get(script));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_on_brings_nothing() {
        assert!(leads_on("libnvidia-compute-535", "libnvidia-compute-580"));
        assert!(leads_on("nvidia-dkms-535-open", "nvidia-dkms-580-open"));
        assert!(!leads_on(
            "nvidia-dkms-580",
            "dkms, nvidia-kernel-source-580"
        ));
        assert!(!leads_on(
            "linux-image-generic",
            "linux-image-6.8.0-79-generic"
        ));
        assert!(!leads_on("nvidia-open", "nvidia-open-580"));
    }
}
