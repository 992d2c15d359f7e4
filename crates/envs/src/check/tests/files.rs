//! Files against RECORD.

use super::*;

#[test]
fn the_files_family() {
    let fixture = Fixture::new();
    fixture.with(
        "tool",
        "1.0",
        &[],
        &[
            ("tool_core/a.py", "print(1)\n"),
            ("tool_core/b.so", "\x7fELFxxxx"),
        ],
    );
    assert_eq!(fixture.ids(), Vec::<String>::new());
    let whole = fixture.sim.snapshot();
    fixture.gone(format!("{SITE}/tool_core/a.py"));
    assert_eq!(fixture.only("files-missing").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/b.so", "\x7fELF");
    assert_eq!(fixture.only("library-damaged").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/a.py", "");
    assert_eq!(fixture.only("files-damaged").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/a.py", "print(1)\nprint(2)\n");
    assert_eq!(fixture.only("files-changed").severity, Severity::Suspicious);
    fixture.sim.restore(whole.clone());
    // Of the same size and changed later: its contents are compared.
    fixture.sim.advance(Duration::from_secs(60));
    fixture.file("tool_core/a.py", "print(2)\n");
    assert_eq!(fixture.only("files-changed").id, "files-changed");
    fixture.sim.restore(whole);
    // Of the same size, and no later time says so: only --hashes sees it.
    fixture.file("tool_core/b.so", "\x7fELFyyyy");
    assert_eq!(fixture.ids(), Vec::<String>::new());
    assert_eq!(
        fixture.look(Depth::Hashes).findings[0].id,
        "library-damaged"
    );
}
