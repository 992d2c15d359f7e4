//! Logs, commands and bundles that mean no good.

use crate::person::{Person, Said, machine as bundle, said};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn explained(person: &Person, arguments: &[&str], log: &[u8]) -> Said {
    let mut child = person
        .command(&[&["explain-error"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // It may end before it has read all.
    let _ = input.write_all(log);
    drop(input);
    said(&child.wait_with_output().unwrap())
}

#[test]
fn logs_that_are_cut_huge_full_of_controls_or_in_another_language() {
    let person = Person::new();
    let broken = bundle("ubuntu-22.04-driver-library-mismatch");
    let error = "Failed to initialize NVML: Driver/library version mismatch";
    // 100 MB, from a file and from a pipe: only the end is read.
    let mut huge = "epoch 12 step 340 loss 0.3121 lr 1e-4\n"
        .repeat(2_700_000)
        .into_bytes();
    huge.extend_from_slice(error.as_bytes());
    assert!(huge.len() > 100_000_000);
    let file = person.work().join("huge.log");
    std::fs::write(&file, &huge).unwrap();
    let begun = Instant::now();
    let from_file = person.says(&["explain-error", "huge.log", "--machine", &broken]);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        from_file.out.contains("(proven)"),
        "{}{}",
        from_file.out,
        from_file.talk
    );
    let piped = explained(&person, &["--machine", &broken], &huge);
    assert!(
        piped.out.contains("(proven)"),
        "{}{}",
        piped.out,
        piped.talk
    );
    std::fs::remove_file(file).unwrap();
    // One line of 30 MB.
    let long = vec![b'a'; 30_000_000];
    assert_eq!(explained(&person, &["--machine", &broken], &long).code, 1);

    // Cut in the middle of the error: nothing is made up.
    let healthy = bundle("ubuntu-22.04-rtx-4090");
    for cut in [5, 12, 25, 40] {
        let said = explained(&person, &["--machine", &healthy], &error.as_bytes()[..cut]);
        assert!(
            !said.out.contains("(proven)") && !said.out.contains("(likely)"),
            "{cut}: {}",
            said.out
        );
    }
    // Whatever is in it, nothing of it steers the terminal.
    let mut wild: Vec<u8> = (0..=255_u8).cycle().take(4096).collect();
    wild.extend_from_slice(b"\n\x1b]0;title\x07\x1b[2J\x1b[31m\x9b5mModuleNotFoundError: No module named 'to\x1b[1mrch'\x1b[0m\r\n\xe2\x80\xae\n");
    for arguments in [
        &["--machine", broken.as_str()][..],
        &["--json", "--machine", broken.as_str()],
        &["-v", "--machine", broken.as_str()],
    ] {
        let said = explained(&person, arguments, &wild);
        let steers = |letter: char| letter.is_control() && letter != '\n';
        assert!(!said.out.chars().any(steers), "{:?}", said.out);
        assert!(!said.talk.chars().any(steers), "{:?}", said.talk);
    }
    // Messages of the system in other languages: the parts that programs keep are enough, or it is not known.
    for (log, known) in [
        (
            "OSError: [Errno 28] Auf dem Gerät ist kein Speicherplatz mehr verfügbar: '/home/u/x'\n",
            true,
        ),
        ("RuntimeError: No CUDA GPUs are available\n", true),
        ("cp: Fehler beim Schreiben: Kein Platz\n", false),
        ("错误：无法分配内存\n", false),
    ] {
        let said = explained(&person, &["--machine", &healthy], log.as_bytes());
        assert_eq!(said.code, 1, "{log}: {}", said.out);
        assert_eq!(
            said.out.contains("This error is known"),
            known,
            "{log}: {}",
            said.out
        );
    }
}

#[test]
fn a_command_that_hangs_is_ended_at_its_limit_and_that_is_said() {
    let person = Person::new();
    for script in [
        "echo before; sleep 600",
        "trap '' TERM; echo before; while :; do sleep 1; done",
    ] {
        let begun = Instant::now();
        let ended = person.says(&["doctor", "--limit", "2", "--", "sh", "-c", script]);
        assert!(
            begun.elapsed() < Duration::from_secs(25),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(ended.code, 124, "{}{}", ended.out, ended.talk);
        assert!(
            ended.talk.contains("had not ended after 2 s"),
            "{}",
            ended.talk
        );
        assert!(ended.out.contains("before"), "{}", ended.out);
    }
    let quick = person.says(&["doctor", "--limit", "30", "--", "sh", "-c", "exit 7"]);
    assert_eq!(quick.code, 7);
    assert_eq!(
        person.says(&["doctor", "--limit", "0", "--", "true"]).code,
        2
    );
}

/// A folder that was handed over as a bundle: its links and names lead nowhere outside, and nothing is written.
#[test]
fn a_bundle_that_leads_outside_is_refused_and_touches_nothing() {
    let person = Person::new();
    let secret = person.home().join("secret");
    std::fs::write(&secret, "SECRET-TEXT").unwrap();
    let head =
        "version = 1\nos = \"linux\"\ntime = \"2026-11-25T15:00:00Z\"\norigin = \"synthetic\"\n";
    let make = |name: &str| {
        person.write(&format!("{name}/bundle.toml"), head);
        std::fs::create_dir_all(person.work().join(name).join("fs/etc")).unwrap();
        person.work().join(name)
    };
    let link = make("linked");
    std::os::unix::fs::symlink(&secret, link.join("fs/etc/os-release")).unwrap();
    let folder = make("folder");
    std::os::unix::fs::symlink(person.home(), folder.join("fs/home")).unwrap();
    let head_link = person.work().join("head");
    std::fs::create_dir(&head_link).unwrap();
    std::os::unix::fs::symlink(&secret, head_link.join("bundle.toml")).unwrap();
    let command = make("command");
    std::fs::create_dir(command.join("cmd")).unwrap();
    std::os::unix::fs::symlink(&secret, command.join("cmd/x.toml")).unwrap();
    let fifo = make("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(fifo.join("fs/etc/os-release"))
        .status();
    assert!(made.unwrap().success());
    let before: Vec<_> = std::fs::read_dir(person.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for name in ["linked", "folder", "head", "command", "fifo"] {
        for arguments in [
            &["doctor", "--machine", name][..],
            &["doctor", "-v", "--json", "--machine", name],
            &["explain-error", "none.log", "--machine", name],
        ] {
            let begun = Instant::now();
            let said = person.says(arguments);
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{name}: {:?}",
                begun.elapsed()
            );
            assert!(
                !said.out.contains("SECRET-TEXT") && !said.talk.contains("SECRET-TEXT"),
                "{name}: {}{}",
                said.out,
                said.talk
            );
            assert!(said.code < 126, "{name}: {}", said.talk);
        }
    }
    let after: Vec<_> = std::fs::read_dir(person.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(before, after);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "SECRET-TEXT");
    // An archive whose members climb out.
    let script = "import tarfile, io\nt = tarfile.open('climbs.tar', 'w')\nfor name, text in [('bundle.toml', open('linked/bundle.toml').read()), ('../escaped', 'x'), ('/tmp/deskside-escaped', 'x'), ('fs/../../escaped', 'x')]:\n    i = tarfile.TarInfo(name); b = text.encode(); i.size = len(b); t.addfile(i, io.BytesIO(b))\nt.close()\n";
    let made = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(person.work())
        .status();
    if made.is_ok_and(|status| status.success()) {
        let said = person.says(&["doctor", "--machine", "climbs.tar"]);
        assert_ne!(said.code, 0, "{}", said.out);
        for escaped in [
            person.work().join("../escaped"),
            "/tmp/deskside-escaped".into(),
        ] {
            assert!(!escaped.exists(), "{}", escaped.display());
        }
    } else {
        deskside_testkit::skip("there is no python3 that makes an archive");
    }
}
