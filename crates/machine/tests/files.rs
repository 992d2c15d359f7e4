//! Files through the door of the real machine, in folders of the tests' own.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests look from outside"
)]

mod skip;

use deskside_machine::{Acting, DoorError, Durability, Effect, ErrorKind, Host, Machine, Reading};
use skip::skip;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn names(folder: &Path) -> Vec<String> {
    Host::new()
        .entries(folder)
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

fn kind<T>(result: Result<T, DoorError>) -> ErrorKind {
    result.err().unwrap().kind
}

#[test]
fn a_file_is_replaced_whole_with_its_mode_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for it/file");
    for (contents, mode, durability) in [
        ("one", 0o600, Durability::Process),
        ("two", 0o755, Durability::Power),
        ("", 0o444, Durability::Power),
    ] {
        Host::new()
            .write_file(&path, contents, mode, durability)
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
    }
    assert_eq!(names(path.parent().unwrap()), ["file"]);
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("real"), "old").unwrap();
    symlink("real", folder.path().join("link")).unwrap();
    Host::new()
        .write_file(
            folder.path().join("link"),
            "new",
            0o644,
            Durability::Process,
        )
        .unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("real")).unwrap(),
        "new"
    );
    assert!(
        fs::symlink_metadata(folder.path().join("link"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_failed_write_leaves_nothing_and_stale_leftovers_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::create_dir(&path).unwrap();
    assert!(
        Host::new()
            .write_file(&path, "x", 0o644, Durability::Process)
            .is_err()
    );
    assert_eq!(names(folder.path()), ["file"]);
    fs::remove_dir(&path).unwrap();
    let (stale, fresh) = (
        ".file.deskside-0123456789abcdef",
        ".file.deskside-0123456789abcde0",
    );
    for name in [
        stale,
        fresh,
        ".file.deskside-mine",
        ".other.deskside-0123456789abcdef",
    ] {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        if name != fresh {
            file.set_modified(SystemTime::now() - Duration::from_secs(120))
                .unwrap();
        }
    }
    Host::new()
        .write_file(&path, "x", 0o644, Durability::Process)
        .unwrap();
    let left = names(folder.path());
    assert!(
        !left.contains(&stale.to_string()) && left.contains(&fresh.to_string()),
        "{left:?}"
    );
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn the_longest_name_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let name = "n".repeat(255);
    Host::new()
        .write_file(folder.path().join(&name), "x", 0o644, Durability::Process)
        .unwrap();
    assert_eq!(names(folder.path()), [name]);
    let longer = folder.path().join("n".repeat(256));
    assert_eq!(
        kind(Host::new().write_file(longer, "x", 0o644, Durability::Process)),
        ErrorKind::Failed
    );
}

#[test]
fn appending_adds_and_refuses_what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/log");
    Host::new()
        .append_file(&path, "one\n", Durability::Power)
        .unwrap();
    Host::new()
        .append_file(&path, "two\n", Durability::Process)
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    assert!(
        Host::new()
            .append_file("/dev/null", "x", Durability::Process)
            .is_err()
    );
    assert!(
        Host::new()
            .append_file(folder.path(), "x", Durability::Process)
            .is_err()
    );
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert!(
        Host::new()
            .append_file(&pipe, "x", Durability::Process)
            .is_err()
    );
}

#[test]
fn removing_and_making_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    for _ in 0..2 {
        host.create_directory(one.join("deep/er")).unwrap();
    }
    fs::write(one.join("file"), "x").unwrap();
    assert_eq!(
        kind(host.create_directory(one.join("file"))),
        ErrorKind::Exists
    );
    assert!(host.create_directory(one.join("file/x")).is_err());
    assert!(host.remove_file(&one).is_err(), "a folder is no file");
    for _ in 0..2 {
        host.remove_file(one.join("file")).unwrap();
        host.rename(&one, &two).unwrap();
    }
    assert_eq!(
        kind(host.rename(folder.path().join("none"), folder.path().join("nor"))),
        ErrorKind::Absent
    );
    for _ in 0..2 {
        host.remove_tree(&two).unwrap();
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_link_replaces_a_link_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new();
    let path = folder.path().join("made/link");
    for target in ["one", "/two", "one"] {
        host.effect(&Effect::MakeLink {
            path: path.clone(),
            target: target.into(),
        })
        .unwrap();
        assert_eq!(host.link(&path).unwrap(), Path::new(target));
    }
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    for taken in [&file, &folder.path().join("made")] {
        let effect = Effect::MakeLink {
            path: taken.clone(),
            target: "one".into(),
        };
        assert_eq!(kind(host.effect(&effect)), ErrorKind::Exists);
    }
    assert_eq!(names(folder.path()), ["file", "made"]);
    assert_eq!(names(&folder.path().join("made")), ["link"]);
}

#[test]
fn a_tree_goes_with_all_in_it_and_nothing_outside() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("closed/inner/most")).unwrap();
    fs::write(tree.join("closed/inner/file"), "x").unwrap();
    symlink(&outside, tree.join("closed/link")).unwrap();
    symlink(&outside, tree.join("link")).unwrap();
    for closed in ["closed/inner/most", "closed/inner", "closed", ""] {
        fs::set_permissions(tree.join(closed), fs::Permissions::from_mode(0o500)).unwrap();
    }
    // Deeper than any path may be long.
    let mut deep = rustix::fs::openat(
        rustix::fs::CWD,
        folder.path(),
        rustix::fs::OFlags::PATH,
        0.into(),
    )
    .unwrap();
    for _ in 0..3000 {
        rustix::fs::mkdirat(&deep, "deep", 0o755.into()).unwrap();
        deep = rustix::fs::openat(&deep, "deep", rustix::fs::OFlags::PATH, 0.into()).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let host = Host::new();
    for gone in [&tree, &folder.path().join("deep")] {
        host.remove_tree(gone).unwrap();
    }
    symlink(&outside, folder.path().join("link")).unwrap();
    host.remove_tree(folder.path().join("link")).unwrap();
    assert_eq!(names(folder.path()), ["outside"]);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "x");
    for root in ["/", "", "..", "/tmp/.."] {
        assert!(host.remove_tree(root).is_err(), "{root:?}");
    }
}

#[test]
fn a_full_and_a_read_only_disk_are_named() {
    if !rustix::process::geteuid().is_root() {
        skip("a small file system can be mounted by root only");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let status = std::process::Command::new("mount")
            .args(arguments)
            .arg(folder.path())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=64k", "none"]) {
        skip("mounting is not allowed here");
        return;
    }
    let host = Host::new();
    let path = folder.path().join("file");
    host.write_file(&path, "kept", 0o644, Durability::Process)
        .unwrap();
    let full = kind(host.write_file(&path, vec![b'x'; 128 << 10], 0o644, Durability::Power));
    let over = kind(host.append_file(&path, vec![b'x'; 128 << 10], Durability::Process));
    let (left, contents) = (names(folder.path()), fs::read_to_string(&path).unwrap());
    let read_only = mount(&["-o", "remount,ro"]).then(|| {
        let space = host.space(path.join("not/there")).unwrap();
        (
            kind(host.write_file(&path, "x", 0o644, Durability::Process)),
            space.read_only,
        )
    });
    let unmounted = std::process::Command::new("umount")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(unmounted.success());
    assert_eq!((full, over), (ErrorKind::Full, ErrorKind::Full));
    assert_eq!(
        (left, contents.as_str()),
        (vec!["file".to_string()], "kept")
    );
    assert_eq!(read_only, Some((ErrorKind::ReadOnly, true)));
}

#[test]
fn the_world_around_is_told() {
    let host = Host::new();
    assert_eq!(
        host.variable("PATH").unwrap(),
        std::env::var("PATH").unwrap()
    );
    assert!(host.variables().unwrap().contains(&"PATH".to_string()));
    for name in ["", "=", "NUL\0", "DESKSIDE_TEST_NOT_SET"] {
        assert_eq!(host.variable(name), None);
    }
    assert_eq!(
        host.working_directory().unwrap(),
        std::env::current_dir().unwrap()
    );
    assert_eq!(host.executable().unwrap(), std::env::current_exe().unwrap());
    assert_ne!(host.random().unwrap(), host.random().unwrap());
    assert!(host.process(std::process::id()).unwrap().is_some());
    assert_eq!(host.process(u32::MAX).unwrap(), None);
    let (one, two) = (host.now().unwrap(), host.now().unwrap());
    assert!(two.monotonic >= one.monotonic && one.wall.as_second() > 1_700_000_000);
    let begun = Instant::now();
    host.effect(&Effect::Sleep {
        span: Duration::from_millis(300),
    })
    .unwrap();
    assert!((300..2000).contains(&begun.elapsed().as_millis()));
}

/// The bar: the several hundred reads of a probe stay far below its 60 ms.
#[test]
fn five_hundred_reads_are_quick() {
    let host = Host::new();
    let begun = Instant::now();
    for _ in 0..500 {
        assert!(!host.text("/proc/self/status").unwrap().is_empty());
    }
    let spent = begun.elapsed();
    println!("500 reads: {spent:?}");
    assert!(spent < Duration::from_secs(1), "{spent:?}");
}

#[test]
fn a_host_is_a_machine_for_many_threads() {
    let host = Host::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let machine: &dyn Machine = &host;
                for _ in 0..50 {
                    assert!(machine.exists("/proc/self/stat").unwrap());
                }
            });
        }
    });
}
