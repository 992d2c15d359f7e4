//! Evidence bundles as files: what version 1 means for ever, round trips, and hostile ones refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::bundle::{Bundle, Node};
use deskside_machine::{Command, ErrorKind, FileKind, Machine, Output, Question, Reading, Replay};
use deskside_types::Code;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-bundle-v1")
}

fn kind<T: std::fmt::Debug>(result: Result<T, deskside_machine::DoorError>) -> ErrorKind {
    result.unwrap_err().kind
}

#[test]
fn a_bundle_of_version_1_means_what_it_meant() {
    let bundle = Bundle::load(golden()).unwrap();
    assert_eq!(bundle.warnings, Vec::<String>::new());
    let machine = Replay::new(bundle);
    assert_eq!(
        machine.now().unwrap().wall.to_string(),
        "2026-11-25T15:00:00Z"
    );
    let person = machine.person().unwrap();
    assert_eq!(
        (person.uid, person.groups, person.processors),
        (1000, vec![1000, 44], 32)
    );
    // Values, links followed inside fs/.
    assert!(machine.text("/etc/os-release").unwrap().contains("22.04"));
    assert_eq!(machine.file("/etc/os-release", 6).unwrap(), b"PRETTY");
    assert_eq!(
        machine.link("/usr/local/cuda").unwrap(),
        Path::new("cuda-12.4")
    );
    assert_eq!(
        machine.real_path("/etc/cuda/version.json").unwrap(),
        Path::new("/usr/local/cuda-12.4/version.json")
    );
    assert!(
        machine
            .text("/etc/cuda/version.json")
            .unwrap()
            .contains("12.4.1")
    );
    // A beginning only.
    assert_eq!(machine.file("/proc/version", 5).unwrap(), b"Linux");
    assert_eq!(kind(machine.text("/proc/version")), ErrorKind::NotAsked);
    // Stats and access.
    let stat = machine.stat("/dev/nvidia0").unwrap();
    assert_eq!(
        (stat.kind, stat.mode, stat.modified),
        (FileKind::Device, 0o666, 1_764_082_800)
    );
    assert!(machine.access("/dev/nvidia0", true).unwrap());
    assert!(
        !machine.access("/dev/kfd", false).unwrap(),
        "group 110 is not the person's"
    );
    assert!(machine.access("/etc/os-release", false).unwrap());
    assert!(!machine.access("/etc/os-release", true).unwrap());
    // Listings, complete folders, outcomes.
    let names: Vec<String> = machine
        .entries("/sys/bus/pci/devices")
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["0000:00:00.0", "0000:01:00.0"]);
    assert_eq!(machine.entries("/usr/local").unwrap().len(), 2);
    for (path, expected) in [
        (
            "/sys/bus/pci/devices/0000:02:00.0/vendor",
            ErrorKind::Absent,
        ),
        (
            "/sys/bus/pci/devices/0000:01:00.0/vendor",
            ErrorKind::NotAsked,
        ),
        ("/usr/local/bin/uv", ErrorKind::Absent),
        ("/opt/rocm/bin/rocminfo", ErrorKind::Absent),
        ("/etc/shadow", ErrorKind::Denied),
        ("/mnt/slow/data", ErrorKind::Timeout),
        ("/var/log/syslog", ErrorKind::NotAsked),
        ("/etc/hosts", ErrorKind::NotAsked),
        ("/etc/os-release/x", ErrorKind::Absent),
        (
            "/sys/class/drm/card0/device/gpu_busy_percent",
            ErrorKind::Failed,
        ),
        (
            "/sys/class/drm/card0/device/gpu_busy_percent/x",
            ErrorKind::NotAsked,
        ),
    ] {
        assert_eq!(kind(machine.text(path)), expected, "{path}");
    }
    let error = machine
        .text("/sys/class/drm/card0/device/gpu_busy_percent")
        .unwrap_err();
    assert_eq!(error.detail, "input/output error");
    assert_eq!(kind(machine.entries("/etc")), ErrorKind::NotAsked);
    assert!(!machine.access("/etc/shadow", false).unwrap());
    // Space.
    assert_eq!(machine.space("/home/user").unwrap().free, 1_500_000_000_000);
    assert_eq!(kind(machine.space("/mnt/slow/x")), ErrorKind::Timeout);
    // Commands, by exact argv.
    assert_eq!(
        machine
            .command(Command::new(["uname", "-m"]))
            .unwrap()
            .text(),
        "x86_64\n"
    );
    let broken = machine
        .command(Command::new(["broken", "--bytes"]))
        .unwrap();
    assert_eq!(
        (
            broken.code,
            broken.stdout.as_slice(),
            broken.stderr.as_slice()
        ),
        (3, &[0xff, 0xfe][..], &b"two\nlines\n"[..])
    );
    assert_eq!(
        kind(machine.command(Command::new(["amd-smi", "list"]))),
        ErrorKind::Timeout
    );
    assert_eq!(
        kind(machine.command(Command::new(["nvcc", "--version"]))),
        ErrorKind::Absent,
        "PATH is complete and lacks it"
    );
    assert_eq!(
        kind(machine.command(Command::new(["/bin/uname"]))),
        ErrorKind::NotAsked
    );
    // Variables.
    assert_eq!(machine.variable("HOME").as_deref(), Some("/home/user"));
    for (name, expected) in [
        ("CUDA_VISIBLE_DEVICES", ErrorKind::Absent),
        ("HF_HOME", ErrorKind::NotAsked),
        ("LANG", ErrorKind::NotAsked),
    ] {
        assert_eq!(
            kind(machine.ask(&Question::Variable { name: name.into() })),
            expected,
            "{name}"
        );
    }
    assert_eq!(kind(machine.variables()), ErrorKind::NotAsked);
    // Devices.
    let nvml = machine
        .device(deskside_machine::DeviceQuestion::Nvml {
            deadline: std::time::Duration::ZERO,
        })
        .unwrap();
    assert_eq!(nvml["devices"][0]["temperature"]["error"], "NotSupported");
    // What a bundle never holds.
    assert_eq!(
        machine.working_directory().unwrap(),
        Path::new("/home/user")
    );
    for question in [
        Question::Executable,
        Question::Random,
        Question::Process { pid: 1 },
    ] {
        assert_eq!(kind(machine.ask(&question)), ErrorKind::NotAsked);
    }
    let fetch = machine.fetch("https://a.example/", "*/*", 9, std::time::Duration::ZERO);
    assert_eq!(kind(fetch), ErrorKind::Refused);
}

#[test]
fn a_replayed_machine_is_never_changed() {
    use deskside_machine::{Acting, Durability, Launch};
    let machine = Replay::open(golden()).unwrap();
    assert_eq!(
        kind(machine.write_file("/tmp/x", "x", 0o644, Durability::Process)),
        ErrorKind::Refused
    );
    assert_eq!(
        machine
            .lock(Path::new("/tmp/l"), std::time::Duration::ZERO)
            .err()
            .unwrap()
            .kind,
        ErrorKind::Refused
    );
    let launch = Launch {
        argv: vec!["true".into()],
        directory: None,
        variables: std::collections::BTreeMap::new(),
        log: "/tmp/log".into(),
        foreground: false,
        to_stderr: false,
    };
    assert_eq!(
        machine.launch(&launch).err().unwrap().kind,
        ErrorKind::Refused
    );
}

#[test]
fn every_packing_holds_the_same() {
    let place = tempfile::tempdir().unwrap();
    let bundle = Bundle::load(golden()).unwrap();
    for name in ["folder", "packed.tar.zst", "plain.tar"] {
        let path = place.path().join("new").join(name);
        bundle.save(&path).unwrap();
        assert_eq!(Bundle::load(&path).unwrap(), bundle, "{name}");
        // A bundle may be replaced by another one.
        bundle.save(&path).unwrap();
        assert_eq!(Bundle::load(&path).unwrap(), bundle, "{name}");
    }
    let left: Vec<_> = std::fs::read_dir(place.path().join("new"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 3, "nothing half written is left");
    let bytes = |name: &str| std::fs::read(place.path().join("new").join(name)).unwrap();
    bundle.save(place.path().join("new/again.tar.zst")).unwrap();
    assert_eq!(
        bytes("again.tar.zst"),
        bytes("packed.tar.zst"),
        "the same bundle gives the same bytes"
    );
}

#[test]
fn the_failure_that_a_bundle_is_about_stays_apart_from_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let argv = vec!["nvidia-smi".to_string()];
    let output = Output {
        code: 9,
        stdout: b"No devices were found\n".to_vec(),
        stderr: Vec::new(),
    };
    let bundle = Bundle {
        failed: Some((argv.clone(), output.clone())),
        ..Bundle::default()
    };
    bundle.save(&path).unwrap();
    let again = Bundle::load(&path).unwrap();
    assert_eq!(again.failed, Some((argv.clone(), output.clone())));
    let machine = Replay::new(again);
    assert_eq!(machine.recorded_failure(), Some((argv.clone(), output)));
    assert!(machine.recorded_commands().is_empty());
    // A failure without an exit code is a mistake that is named.
    std::fs::write(
        path.join("failed.toml"),
        "argv = [\"x\"]\noutcome = \"timeout\"\n",
    )
    .unwrap();
    let problem = Bundle::load(&path).unwrap_err();
    assert_eq!(problem.code, Code::BundleUnreadable);
    assert!(
        format!("{problem:?}").contains("failed.toml"),
        "{problem:?}"
    );
}

#[test]
fn what_is_no_bundle_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let bundle = Bundle::load(golden()).unwrap();
    let folder = place.path().join("thesis");
    std::fs::create_dir(&folder).unwrap();
    bundle.save(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("chapter"), "1").unwrap();
    assert_eq!(bundle.save(&folder).unwrap_err().code, Code::Effect);
    assert_eq!(std::fs::read(folder.join("chapter")).unwrap(), b"1");
    let archive = place.path().join("backup.tar");
    std::fs::write(&archive, "not a bundle").unwrap();
    assert_eq!(bundle.save(&archive).unwrap_err().code, Code::Effect);
    let file = place.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(bundle.save(&file).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

/// A minimal bundle folder, and what is done to it.
fn spoiled(spoil: impl FnOnce(&Path)) -> Result<Bundle, deskside_types::Problem> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("bundle");
    std::fs::create_dir_all(folder.join("fs/etc")).unwrap();
    std::fs::write(folder.join("bundle.toml"), MINIMAL).unwrap();
    std::fs::write(place.path().join("secret"), "outside").unwrap();
    spoil(&folder);
    Bundle::load(&folder)
}

const MINIMAL: &str = "version = 1\nos = \"linux\"\ntime = \"2026-11-25T15:00:00Z\"\n";

#[test]
fn mistakes_are_named_with_file_and_line() {
    for (file, text, message) in [
        (
            "bundle.toml",
            "os = \"linux\"\n",
            "bundle.toml: version is missing",
        ),
        (
            "bundle.toml",
            "version = 1\nos = \"windows\"\ntime = \"2026-11-25T15:00:00Z\"",
            "bundle.toml, line 2: os is \"windows\"",
        ),
        (
            "bundle.toml",
            "version = 1\nos = \"linux\"\ntime = \"yesterday\"",
            "bundle.toml, line 3: time must be a time",
        ),
        (
            "bundle.toml",
            "version = 1\nos = \"linux\"\n[outcomes\n",
            "bundle.toml, line 3: ",
        ),
        (
            "bundle.toml",
            &format!("{MINIMAL}[outcomes]\n\"/a\" = \"absnt\"\n"),
            "bundle.toml, line 5: /a has the unknown outcome \"absnt\"; did you mean \"absent\"?",
        ),
        (
            "bundle.toml",
            &format!("{MINIMAL}complete = [\"home\"]\n"),
            "bundle.toml, line 4: complete holds \"home\", which is no absolute path",
        ),
        (
            "stats.toml",
            "[path.\"/x\"]\nkind = \"fil\"\n",
            "stats.toml, line 2: kind is \"fil\"",
        ),
        (
            "stats.toml",
            "[space.\"/x\"]\ntotal = 1\n",
            "stats.toml, line 1: /x needs `free`",
        ),
        (
            "stats.toml",
            "[path.\"/x\"]\nuid = -1\n",
            "stats.toml, line 2: uid can't be -1",
        ),
        (
            "listings.toml",
            "[[directory]]\npath = \"/x\"\nentries = [{ name = \"../y\" }]\n",
            "impossible name",
        ),
        ("cmd/a.toml", "exit = 0\n", "cmd/a.toml: argv is missing"),
        (
            "cmd/a.toml",
            "argv = [\"a\"]\nstdout_base64 = \"?\"\n",
            "stdout_base64 is no base64",
        ),
        (
            "device/nvml.json",
            "{\n\"a\": }\n",
            "device/nvml.json, line 2: ",
        ),
        (
            "env.toml",
            "[variables]\nA = 1\n",
            "env.toml, line 2: A must be text in quotes",
        ),
    ] {
        let problem = spoiled(|folder| {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        })
        .unwrap_err();
        assert_eq!(problem.code, Code::BundleUnreadable, "{problem}");
        assert!(problem.to_string().contains(message), "{problem}");
    }
}

#[test]
fn unknown_keys_are_told_and_read_past() {
    let bundle = spoiled(|folder| {
        std::fs::write(
            folder.join("bundle.toml"),
            format!("{MINIMAL}compleet = []\n"),
        )
        .unwrap();
        std::fs::write(folder.join("extra.bin"), "x").unwrap();
        std::fs::write(folder.join("README.md"), "for people").unwrap();
    })
    .unwrap();
    assert_eq!(
        bundle.warnings,
        [
            "bundle.toml: unknown key `compleet`; did you mean `complete`?",
            "extra.bin: not a part of an evidence bundle, not read"
        ]
    );
}

#[test]
fn newer_and_missing_bundles_are_told_apart() {
    let newer = spoiled(|folder| {
        std::fs::write(folder.join("bundle.toml"), "version = 2\nnew = true\n").unwrap()
    });
    assert_eq!(newer.unwrap_err().code, Code::BundleNewer);
    let none = spoiled(|folder| std::fs::remove_file(folder.join("bundle.toml")).unwrap());
    assert_eq!(none.unwrap_err().code, Code::BundleUnreadable);
    assert_eq!(
        Bundle::load("/not/there").unwrap_err().code,
        Code::BundleUnreadable
    );
    assert_eq!(
        Bundle::load("/dev/null").unwrap_err().code,
        Code::BundleUnreadable
    );
}

#[test]
fn nothing_outside_a_folder_is_read() {
    for (name, target) in [
        ("fs/etc/a", "../../../secret"),
        ("fs/a", "../secret"),
        ("fs/a", "/../secret"),
        ("stats.toml", "../secret"),
        ("cmd", "/etc"),
        ("device", ".."),
    ] {
        let problem = spoiled(|folder| symlink(target, folder.join(name)).unwrap()).unwrap_err();
        assert_eq!(problem.code, Code::BundleHostile, "{name}: {problem}");
    }
    let whole = spoiled(|folder| {
        std::fs::remove_dir_all(folder.join("fs")).unwrap();
        symlink("/etc", folder.join("fs")).unwrap();
    });
    assert_eq!(whole.unwrap_err().code, Code::BundleHostile);
    // A link to an absolute path leads to that path of the recorded machine, not of this one.
    let inside =
        spoiled(|folder| symlink("/etc/passwd", folder.join("fs/etc/a")).unwrap()).unwrap();
    assert_eq!(
        kind(Replay::new(inside).text("/etc/a")),
        ErrorKind::NotAsked
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let pipe = spoiled(|folder| {
        let path = folder.join("fs/pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
    });
    assert_eq!(pipe.unwrap_err().code, Code::BundleHostile);
    let deep = spoiled(|folder| {
        std::fs::create_dir_all(folder.join("fs").join("d/".repeat(100))).unwrap()
    });
    assert_eq!(deep.unwrap_err().code, Code::BundleHostile);
    let large = spoiled(|folder| {
        let file = std::fs::File::create(folder.join("fs/large")).unwrap();
        file.set_len(65 << 20).unwrap();
    });
    assert_eq!(large.unwrap_err().code, Code::BundleHostile);
}

#[test]
fn names_that_are_no_text_are_kept() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"b\xff");
    let bundle =
        spoiled(|folder| std::fs::write(folder.join("fs/etc").join(name), "x").unwrap()).unwrap();
    assert_eq!(bundle.warnings.len(), 1);
    let path = Path::new("/etc").join(name);
    assert_eq!(bundle.tree.get(&path), Some(&Node::file("x")));
    let place = tempfile::tempdir().unwrap();
    bundle.save(place.path().join("a.tar.zst")).unwrap();
    assert_eq!(
        Bundle::load(place.path().join("a.tar.zst")).unwrap(),
        bundle
    );
}

/// An archive made member by member, with nothing checked.
struct Archive(Vec<u8>);

impl Archive {
    fn new() -> Self {
        Self(Vec::new()).file(b"bundle.toml", MINIMAL.as_bytes())
    }

    fn member(
        mut self,
        name: &[u8],
        kind: tar::EntryType,
        link: &[u8],
        size: u64,
        contents: &[u8],
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &[u8], contents: &[u8]) -> Self {
        self.member(
            name,
            tar::EntryType::Regular,
            b"",
            contents.len() as u64,
            contents,
        )
    }

    fn load(mut self) -> Result<Bundle, deskside_types::Problem> {
        self.0.resize(self.0.len() + 1024, 0);
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.tar");
        std::fs::write(&path, &self.0).unwrap();
        let plain = Bundle::load(&path);
        std::fs::write(&path, zstd::encode_all(self.0.as_slice(), 1).unwrap()).unwrap();
        let packed = Bundle::load(&path);
        assert_eq!(plain.is_ok(), packed.is_ok());
        plain
    }
}

#[test]
fn hostile_archives_are_refused() {
    use tar::EntryType as Kind;
    let none = b"";
    for (what, archive) in [
        ("parent", Archive::new().file(b"fs/../../evil", b"x")),
        ("absolute", Archive::new().file(b"/etc/evil", b"x")),
        (
            "hard link",
            Archive::new().member(b"fs/a", Kind::Link, b"/etc/passwd", 0, none),
        ),
        (
            "device",
            Archive::new().member(b"fs/a", Kind::Char, none, 0, none),
        ),
        (
            "pipe",
            Archive::new().member(b"fs/a", Kind::Fifo, none, 0, none),
        ),
        (
            "sparse",
            Archive::new().member(b"fs/a", Kind::GNUSparse, none, 0, none),
        ),
        (
            "link out",
            Archive::new().member(b"fs/a", Kind::Symlink, b"../../etc/passwd", 0, none),
        ),
        (
            "link elsewhere",
            Archive::new().member(b"cmd/a.toml", Kind::Symlink, b"../bundle.toml", 0, none),
        ),
        (
            "below a link",
            Archive::new()
                .member(b"fs/a", Kind::Symlink, b"/etc", 0, none)
                .file(b"fs/a/evil", b"x"),
        ),
        (
            "below a file",
            Archive::new().file(b"fs/a", b"x").file(b"fs/a/evil", b"x"),
        ),
        (
            "twice",
            Archive::new().file(b"fs/a", b"x").file(b"fs/a", b"y"),
        ),
        (
            "too large",
            Archive::new().member(b"fs/a", Kind::Regular, none, 65 << 20, none),
        ),
        (
            "long name",
            Archive::new().member(b"././@LongLink", Kind::GNULongName, none, 1 << 30, none),
        ),
        (
            "huge by extension",
            Archive::new()
                .member(b"x", Kind::XHeader, none, 13, b"13 size=9999\n")
                .file(b"fs/a", b"x"),
        ),
    ] {
        let problem = archive.load().map(|bundle| bundle.tree).unwrap_err();
        assert_eq!(problem.code, Code::BundleHostile, "{what}: {problem}");
    }
    let cut = Archive::new().member(b"fs/a", Kind::Regular, none, 5000, b"short");
    assert_eq!(cut.load().unwrap_err().code, Code::BundleUnreadable);
}

#[test]
fn archives_by_other_tools_are_read() {
    let wrapped = Archive(Vec::new())
        .member(b"./", tar::EntryType::Directory, b"", 0, b"")
        .member(b"./my/", tar::EntryType::Directory, b"", 0, b"")
        .file(b"./my/bundle.toml", MINIMAL.as_bytes())
        .member(
            b"x",
            tar::EntryType::XHeader,
            b"",
            29,
            b"29 path=my/fs/etc/os-release\n",
        )
        .file(b"short", b"ID=debian\n");
    let bundle = wrapped.load().unwrap();
    assert_eq!(
        bundle.tree.get(Path::new("/etc/os-release")),
        Some(&Node::file("ID=debian\n"))
    );
}

#[test]
fn a_bomb_is_not_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bomb.tar.zst");
    // 1 GiB of zero bytes in the members of one archive: a few dozen kilobytes packed.
    let mut encoder = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    let member = Archive::new().0;
    std::io::Write::write_all(&mut encoder, &member).unwrap();
    let chunk = vec![0_u8; 32 << 20];
    for number in 0..32 {
        let name = format!("fs/{number}");
        let header = Archive(Vec::new()).member(
            name.as_bytes(),
            tar::EntryType::Regular,
            b"",
            32 << 20,
            b"",
        );
        std::io::Write::write_all(&mut encoder, &header.0).unwrap();
        std::io::Write::write_all(&mut encoder, &chunk).unwrap();
    }
    encoder.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    assert_eq!(Bundle::load(&path).unwrap_err().code, Code::BundleHostile);
}

#[test]
fn random_bytes_are_never_a_panic() {
    let place = tempfile::tempdir().unwrap();
    let bundle = Bundle::load(golden()).unwrap();
    let path = place.path().join("a.tar");
    bundle.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // A fixed sequence: splitmix64, so that a failure can be met again.
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^ word >> 27
    };
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            let at = usize::try_from(next()).unwrap_or(0) % bytes.len();
            bytes[at] = next().to_le_bytes()[0];
        }
        bytes.truncate(usize::try_from(next()).unwrap_or(0) % (bytes.len() * 2));
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(bundle) = Bundle::load(&path) {
            let _ = Replay::new(bundle).entries("/");
        }
    }
}

/// The files of the page's example: a line with a path in backquotes, then a fenced block.
fn example() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence-bundles.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("A complete example"))
        .unwrap();
    let mut files = Vec::new();
    let mut lines = section.lines().peekable();
    while let Some(line) = lines.next() {
        let name = line
            .strip_prefix('`')
            .and_then(|line| line.strip_suffix('`'));
        let fenced = lines.peek().is_some_and(|next| next.starts_with("```"));
        if let (Some(name), true) = (name, fenced) {
            let block: Vec<&str> = lines
                .by_ref()
                .skip(1)
                .take_while(|line| *line != "```")
                .collect();
            files.push((name.to_string(), format!("{}\n", block.join("\n"))));
        }
    }
    files
}

#[test]
fn the_example_of_the_page_is_a_bundle() {
    let files = example();
    assert!(files.len() >= 12, "{files:?}");
    let place = tempfile::tempdir().unwrap();
    for (name, text) in &files {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let bundle = Bundle::load(place.path()).unwrap();
    assert_eq!(bundle.warnings, Vec::<String>::new());
    let machine = Replay::new(bundle);
    assert!(machine.text("/etc/os-release").unwrap().contains("jammy"));
    assert_eq!(machine.entries("/sys/bus/pci/devices").unwrap().len(), 1);
    assert!(machine.access("/dev/nvidia0", true).unwrap());
    assert_eq!(
        machine
            .command(Command::new(["uname", "-m"]))
            .unwrap()
            .text(),
        "x86_64\n"
    );
    assert_eq!(
        kind(machine.text("/opt/rocm/.info/version")),
        ErrorKind::Absent
    );
}
