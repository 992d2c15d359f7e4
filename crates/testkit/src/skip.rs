//! Tests that can't run on a machine are counted with their reason, never passed over in silence.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "the one place where a test reports to its runner, outside any machine"
)]

use std::io::Write;

/// Counts a test, or a part of one, as skipped. The test must return afterwards.
///
/// The runner names a file in `DESKSIDE_TEST_SKIPS`; without it the reason is only printed.
pub fn skip(reason: &str) {
    eprintln!("SKIPPED: {reason}");
    if let Some(path) = std::env::var_os("DESKSIDE_TEST_SKIPS") {
        let line = format!("{}\n", reason.replace('\n', " "));
        if let Ok(mut file) = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
        {
            // The count is for people; a test must not fail because it could not be written.
            let _ = file.write_all(line.as_bytes());
        }
    }
}
