//! Bundles with next to nothing in them, as a person writes one down after the documentation: what nobody wrote down is
//! unknown, and must keep no cause from being named that the rest proves.

use super::{ids, look};
use deskside_machine::Bundle;
use std::path::Path;

/// What somebody wrote down: files, a command with its exit code and answer, and the first finding with its confidence.
struct Note {
    files: &'static [(&'static str, &'static str)],
    commands: &'static [(&'static str, i32, &'static str)],
    first: (&'static str, &'static str),
}

const RTX_4090: (&str, &str) = ("0x10de", "0x2684");
const GTX_1080_TI: (&str, &str) = ("0x10de", "0x1b06");
const RX_7900_XTX: (&str, &str) = ("0x1002", "0x744c");

const NOTES: &[((&str, &str), Note)] = &[
    (
        RTX_4090,
        Note {
            files: &[],
            commands: &[("uv pip list", 0, "Package Version\ntorch 2.6.0+cpu\n")],
            first: ("torch-cpu-only-wheel", "proven"),
        },
    ),
    (
        GTX_1080_TI,
        Note {
            files: &[],
            commands: &[("uv pip list", 0, "Package Version\ntorch 2.9.0+cu130\n")],
            first: ("torch-dropped-old-gpu", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[
                ("proc/version", "Linux version 6.8.0-87-generic\n"),
                (
                    "var/lib/dkms/nvidia/580.95.05/build/make.log",
                    "DKMS make.log for nvidia-580.95.05 for kernel 6.17.9-10-generic (x86_64)\nnv.c:12:3: error: implicit declaration of function 'foo'\n",
                ),
            ],
            commands: &[],
            first: ("dkms-build-fails-on-new-kernel", "proven"),
        },
    ),
    (
        RX_7900_XTX,
        Note {
            files: &[(
                "var/lib/dkms/amdgpu/6.8.5/build/make.log",
                "DKMS make.log for amdgpu-6.8.5 for kernel 6.17.9-10-generic (x86_64)\namdgpu.c:12:3: error: implicit declaration of function 'foo'\n",
            )],
            commands: &[],
            first: ("amdgpu-dkms-build-fails", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[(
                "var/lib/dpkg/status",
                "Package: nvidia-dkms-580\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 580.95.05-0ubuntu1\n",
            )],
            commands: &[],
            first: ("dpkg-half-configured-after-dkms", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[],
            commands: &[
                (
                    "dmesg",
                    0,
                    "[ 12.1] Out of memory: Killed process 4242 (python3) total-vm:1kB\n",
                ),
                ("python3 train.py", 137, "Killed\n"),
            ],
            first: ("host-oom-killer-killed-trainer", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[
                (
                    "sys/fs/cgroup/memory.events",
                    "low 0\nhigh 0\nmax 9\noom 3\noom_kill 3\noom_group_kill 0\n",
                ),
                ("sys/fs/cgroup/memory.max", "8589934592\n"),
            ],
            commands: &[("python3 train.py", 137, "Killed\n")],
            first: ("control-group-killed-trainer", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[],
            commands: &[
                (
                    "dmesg",
                    0,
                    "[ 6.1] nvidia 0000:01:00.0: Direct firmware load for nvidia/580.95.05/gsp_ga10x.bin failed with error -2\n",
                ),
                ("nvidia-smi", 6, "No devices were found\n"),
            ],
            first: ("gsp-firmware-file-missing", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[],
            commands: &[(
                "sudo dmesg -T",
                0,
                "[Fri Mar  3 04:27:08 2023] NVRM: Xid (PCI:0000:01:00): 119, pid=7, name=nvidia-smi, Timeout waiting for RPC from GSP!\n",
            )],
            first: ("xid-119-gsp-rpc-timeout", "proven"),
        },
    ),
    (
        RTX_4090,
        Note {
            files: &[],
            commands: &[(
                "dmesg",
                0,
                "[ 911.1] NVRM: Xid (PCI:0000:01:00): 95, pid=4242, name=python, Uncontained: FBHUB.\n",
            )],
            first: ("xid-gpu-memory-error", "proven"),
        },
    ),
    // Nothing tells of any GPU.
    (
        ("0x8086", "0xa780"),
        Note {
            files: &[],
            commands: &[(
                "dmesg",
                0,
                "[ 2052.7] NVRM: kgspWaitForGfwBootOk_TU102: failed to wait for GFW boot complete: 0x65\n",
            )],
            first: ("gsp-firmware-boot-failure", "proven"),
        },
    ),
];

fn written(at: &Path, gpu: (&str, &str), note: &Note) {
    let write = |file: &str, text: &str| {
        let path = at.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "bundle.toml",
        "version = 1\nos = \"linux\"\ntime = \"2026-11-25T15:00:00Z\"\norigin = \"synthetic\"\ncomplete = [\"/sys/bus/pci/devices\", \"/var/lib/dkms\"]\n",
    );
    write("fs/etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n");
    let slot = "fs/sys/bus/pci/devices/0000:01:00.0";
    write(&format!("{slot}/class"), "0x030000\n");
    write(&format!("{slot}/vendor"), &format!("{}\n", gpu.0));
    write(&format!("{slot}/device"), &format!("{}\n", gpu.1));
    for (file, text) in note.files {
        write(&format!("fs/{file}"), text);
    }
    for (place, (words, exit, text)) in note.commands.iter().enumerate() {
        let argv: Vec<&str> = words.split(' ').collect();
        write(
            &format!("cmd/{place}.toml"),
            &format!("argv = {argv:?}\nexit = {exit}\nstdout = {text:?}\n"),
        );
    }
}

#[test]
fn what_nobody_wrote_down_hides_no_cause() {
    let mut wrong = Vec::new();
    for (gpu, note) in NOTES {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), *gpu, note);
        let diagnosis = look(Bundle::load(folder.path()).unwrap(), None, None);
        let sure = diagnosis.findings.first().map(|one| one.confidence);
        if ids(&diagnosis).first() != Some(&note.first.0)
            || serde_json::json!(sure) != serde_json::json!(note.first.1)
        {
            wrong.push(format!("{:?}: {:?} {sure:?}", note.first, ids(&diagnosis)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
