//! A small Ubuntu 22.04 without a GPU, as its files are documented (os-release(5), proc(5)).

use super::state::SimState;

pub(crate) fn furnish(state: &mut SimState) {
    for (name, value) in [
        ("HOME", "/home/user"),
        ("USER", "user"),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("SHELL", "/bin/bash"),
    ] {
        state.variables.insert(name.into(), value.into());
    }
    state.working_directory = "/home/user".into();
    state
        .put_directory("/home/user")
        .set_mode("/home/user", 0o750);
    for folder in [
        "/dev",
        "/opt",
        "/run",
        "/sys/bus/pci/devices",
        "/usr/local/bin",
        "/var/lib",
    ] {
        state.put_directory(folder);
    }
    state.put_directory("/tmp").set_mode("/tmp", 0o1777);
    state.put_directory("/root").set_mode("/root", 0o700);
    state.put_link("/bin", "usr/bin");
    state.put_link("/lib", "usr/lib");
    for program in ["sh", "bash", "ls"] {
        let path = format!("/usr/bin/{program}");
        state.put_file(&path, "\x7fELF").set_mode(&path, 0o755);
    }
    state.put_file(
        "/etc/os-release",
        "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.5 LTS (Jammy Jellyfish)\"\n\
         VERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n",
    );
    state.put_file("/etc/hostname", "machine\n");
    state.put_file(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000:User:/home/user:/bin/bash\n",
    );
    state.put_file(
        "/etc/group",
        "root:x:0:\nvideo:x:44:\nrender:x:110:\nuser:x:1000:\n",
    );
    state
        .put_file("/etc/shadow", "root:*:19000:0:99999:7:::\n")
        .set_mode("/etc/shadow", 0o640);
    state.put_file("/proc/sys/kernel/osrelease", "6.8.0-51-generic\n");
    state.put_file(
        "/proc/version",
        "Linux version 6.8.0-51-generic (buildd@lcy02-amd64-026) (gcc (Ubuntu 11.4.0) 11.4.0) #52~22.04.1-Ubuntu SMP\n",
    );
    state.put_file("/proc/sys/kernel/ostype", "Linux\n");
    state.put_file("/proc/meminfo", "MemTotal:       32768000 kB\nMemFree:        20000000 kB\nMemAvailable:   28000000 kB\nSwapTotal:       2097152 kB\nSwapFree:        2097152 kB\n");
    let cpu: String = (0..4)
        .map(|number| format!("processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Simulated CPU\nphysical id\t: 0\ncore id\t\t: {}\ncpu cores\t: 2\n\n", number / 2))
        .collect();
    state.put_file("/proc/cpuinfo", cpu);
    state.put_file(
        "/proc/modules",
        "ext4 1048576 1 - Live 0x0000000000000000\n",
    );
    state.put_file("/proc/mounts", "/dev/sda1 / ext4 rw,relatime 0 0\n");
    state.put_file(
        "/proc/self/mountinfo",
        "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n",
    );
    state.put_boot_id();
}
