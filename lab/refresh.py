#!/usr/bin/env python3
"""Takes the package descriptions of the lab's Ubuntu and Debian archives from the real ones.

usage: lab/refresh.py LISTS OUT
LISTS is the `lists` folder that an `apt-get update` in a private `Dir::State` left (unpacked indices of jammy, jammy-updates, noble,
noble-updates, resolute and resolute-updates: main, restricted, multiverse, universe; bookworm and trixie: main, contrib, non-free).
OUT gets one file of deb822 stanzas per suite, each field word for word, without what the lab has no use for (hashes, sizes, aliases).
No part of any build or test: it is run by hand when the archives have moved on, and its output is read before it is kept.
"""
import glob
import os
import re
import subprocess
import sys

LISTS, OUT = sys.argv[1:3]
BRANCH = r"(390|470|495|510|515|520|525|530|535|545|550|570|575|580|590|595|610|615)"
FIELDS = ["Package", "Version", "Architecture", "Multi-Arch", "Section", "Priority", "Pre-Depends", "Depends", "Recommends",
          "Conflicts", "Breaks", "Replaces", "Provides", "Support", "Prefer-Variant", "Origin"]
OURS = re.compile(r"nvidia|cuda|^lib(cu|nv|npp|xnvctrl)|^linux-(image|headers|modules|generic|base|firmware|hwe|objects|signatures|kbuild|main)|glx-alt|"
                  r"update-glx|dkms|^rocm|^hip|amdgpu|nsight|firmware-(nvidia|amd)|^libamdhip|^librocblas|^initramfs-tools$|mokutil|ubuntu-drivers")
NOT_OURS = re.compile(r"linux-firmware-|-tests|server|tesla|legacy-[0-9]|virtualbox|-dbg|cross|edge|lowlatency|:|linux-image-unsigned|linux-(main-modules|kbuild)|torch|pycuda")

UBUNTU = [rf"^(nvidia-driver|nvidia-headless|nvidia-headless-no-dkms)-{BRANCH}(-open)?$",
          rf"^(libnvidia-(compute|cfg1|common|decode|encode|extra|fbc1|gl)|nvidia-(dkms|kernel-common|kernel-source|utils|compute-utils))-{BRANCH}(-open)?$",
          rf"^linux-modules-nvidia-{BRANCH}(-open)?-generic(-hwe-\d\d\.04)?$",
          r"^linux-(generic|image-generic|headers-generic)(-hwe-\d\d\.04)?$",
          r"^(ubuntu-drivers-common|nvidia-prime|nvidia-settings|nvidia-modprobe|dkms|mokutil|initramfs-tools|linux-firmware)$"]
DEBIAN = [r"^(nvidia-driver|nvidia-open-kernel-dkms|nvidia-kernel-dkms|nvidia-smi|nvidia-settings|nvidia-persistenced|nvidia-detect|nvidia-legacy-check)$",
          r"^(nvidia-cuda-toolkit|libnvidia-ml1|libcuda1|firmware-nvidia-gsp|firmware-misc-nonfree|firmware-amd-graphics)$",
          r"^(linux-image-amd64|linux-headers-amd64|dkms|mokutil|initramfs-tools|rocminfo|rocm-smi|hipcc)$"]
RESOLUTE = [r"^(cuda-toolkit|rocm|rocm-dev|rocminfo|rocm-smi|amd-smi|hipcc)$"]

SUITES = {
    "ubuntu-jammy": ("archive.ubuntu.com_ubuntu_dists_jammy_", [r"^nvidia-driver-(390|470)$", UBUNTU[-1]]),
    "ubuntu-jammy-updates": ("archive.ubuntu.com_ubuntu_dists_jammy-updates_", UBUNTU),
    "ubuntu-noble": ("archive.ubuntu.com_ubuntu_dists_noble_", [r"^nvidia-driver-(470|535|550)(-open)?$", UBUNTU[-1]]),
    "ubuntu-noble-updates": ("archive.ubuntu.com_ubuntu_dists_noble-updates_", UBUNTU),
    "ubuntu-resolute": ("archive.ubuntu.com_ubuntu_dists_resolute_", [UBUNTU[-1]] + RESOLUTE),
    "ubuntu-resolute-updates": ("archive.ubuntu.com_ubuntu_dists_resolute-updates_", UBUNTU),
    "debian-bookworm": ("deb.debian.org_debian_dists_bookworm_", DEBIAN),
    "debian-trixie": ("deb.debian.org_debian_dists_trixie_", DEBIAN),
}


def newer(one, other):
    return subprocess.call(["dpkg", "--compare-versions", one, "gt", other]) == 0


def stanzas(prefix):
    packages = {}
    for path in sorted(glob.glob(f"{LISTS}/{prefix}*_Packages")):
        component = os.path.basename(path)[len(prefix):].split("_")[0]
        for text in open(path, encoding="utf-8").read().split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", text, re.M))
            if "Package" in fields:
                fields["Section"] = fields.get("Section", "misc")
                fields["Component"] = component
                before = packages.get(fields["Package"])
                if before is None or newer(fields["Version"], before["Version"]):
                    packages[fields["Package"]] = fields
    return packages


def names(field):
    for group in (field or "").split(","):
        for word in group.split("|"):
            name = word.strip().split(" ")[0].split(":")[0]
            if name:
                yield name


for out, (prefix, seeds) in SUITES.items():
    packages = stanzas(prefix)
    if not packages:
        print(out, "left as it is: no lists")
        continue
    provides = {}
    for name, fields in packages.items():
        for virtual in names(fields.get("Provides")):
            provides.setdefault(virtual, []).append(name)
    wanted, queue = set(), [n for n in packages if any(re.match(s, n) for s in seeds) and not NOT_OURS.search(n)]
    while queue:
        name = queue.pop()
        if name in wanted:
            continue
        wanted.add(name)
        fields = packages[name]
        for other in list(names(fields.get("Pre-Depends"))) + list(names(fields.get("Depends"))):
            if other in packages and OURS.search(other) and not NOT_OURS.search(other):
                queue.append(other)
    with open(f"{OUT}/{out}.packages", "w", encoding="utf-8") as file:
        file.write(f"# Taken from the real index {prefix.replace('_', '/')}* by lab/refresh.py: fields word for word.\n\n")
        for name in sorted(wanted):
            fields = packages[name]
            for field in FIELDS[:4] + ["Component"] + FIELDS[6:]:
                if field in fields:
                    file.write(f"{field}: {fields[field]}\n")
            file.write("\n")
    print(out, len(wanted))
