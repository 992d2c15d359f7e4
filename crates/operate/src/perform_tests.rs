//! Limits of editing and extracting.

use super::*;
use deskside_testkit::Sim;
use std::io::Write;

fn zipped(contents: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("tool", options).unwrap();
    zip.write_all(contents).unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_member_at_the_limit_is_taken_and_a_larger_one_is_refused_whole() {
    let sim = Sim::linux();
    sim.put_file("/tmp/a.zip", zipped(&[7; 5000]));
    let taken = extracted_within(&sim, "/tmp/a.zip", "tool", 5000).unwrap();
    assert_eq!(taken, [7; 5000]);
    let problem = extracted_within(&sim, "/tmp/a.zip", "tool", 4999).unwrap_err();
    assert!(
        problem
            .to_string()
            .contains("the member has more than 4999"),
        "{problem}"
    );
    let problem = extracted_within(&sim, "/tmp/a.zip", "tool", 20).unwrap_err();
    assert!(
        problem.to_string().contains("the archive has more than 20"),
        "{problem}"
    );
    assert!(!problem.hints.is_empty());
}

#[test]
fn editing_keeps_every_byte_of_a_large_file_and_refuses_what_is_no_text() {
    let sim = Sim::linux();
    let tail = "x".repeat(3 << 20);
    sim.put_file("/tmp/large", format!("colour = red\n{tail}"));
    let text = edited(&sim, "/tmp/large", "colour = red", "colour = blue").unwrap();
    assert_eq!(text, format!("colour = blue\n{tail}"));
    sim.put_file("/tmp/latin", b"colour = red \xe9\n".to_vec());
    let problem = edited(&sim, "/tmp/latin", "red", "blue").unwrap_err();
    assert!(problem.to_string().contains("no UTF-8"), "{problem}");
    assert!(!problem.hints.is_empty());
}

/// Only a whole line is replaced: one that begins like it, or names it, is another.
#[test]
fn a_line_is_told_from_one_that_holds_it() {
    let path = "/etc/modprobe.d/blacklist.conf";
    let off = "# switched off by deskside: blacklist nouveau";
    let edit = |before: &str| {
        let sim = Sim::linux();
        sim.put_file(path, before);
        edited(&sim, path, "blacklist nouveau", off).map_err(|problem| problem.code)
    };
    for (before, after) in [
        (
            "# blacklist nouveau: dark screens\nblacklist nouveau\n".to_string(),
            format!("# blacklist nouveau: dark screens\n{off}\n"),
        ),
        (
            "blacklist nouveau\nblacklist nouveau_helper\n".into(),
            format!("{off}\nblacklist nouveau_helper\n"),
        ),
        // Without an end, with Windows' ends, with blanks at the end: the line is the same.
        ("a\nblacklist nouveau".into(), format!("a\n{off}")),
        (
            "blacklist nouveau\r\nb\r\n".into(),
            format!("{off}\r\nb\r\n"),
        ),
        ("blacklist nouveau \t\n".into(), format!("{off}\n")),
        // Done already.
        (format!("{off}\n"), format!("{off}\n")),
    ] {
        assert_eq!(edit(&before), Ok(after), "{before:?}");
    }
    for bad in [
        "",
        "other\n",
        " blacklist nouveau\n",
        "blacklist nouveau\nblacklist nouveau\n",
        // Neither the line nor what it becomes: only words that hold them.
        "# blacklist nouveau\n",
        "x # switched off by deskside: blacklist nouveau\n",
    ] {
        assert_eq!(edit(bad), Err(Code::PlanStale), "{bad:?}");
    }
    let sim = Sim::linux();
    sim.put_file("/x", "a\nb\nc\na\n");
    assert_eq!(edited(&sim, "/x", "a\nb", "z").unwrap(), "z\nc\na\n");
}
