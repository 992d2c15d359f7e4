//! `cargo xtask gen`: reference pages and schemas from the program itself, so that they stay true.

use crate::shell::{cargo, output, root, run, target};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// Writes the generated files, or only compares them.
pub fn generate(check: bool) -> Result<()> {
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "deskside",
    ]))?;
    let program = target().join("release/deskside");
    let mut stale = Vec::new();
    for (file, arguments) in [
        (
            "docs/reference/commands.md",
            &["__generate", "commands"][..],
        ),
        ("docs/reference/errors.md", &["__generate", "errors"]),
        (
            "docs/reference/environment-variables.md",
            &["__generate", "variables"],
        ),
        ("docs/reference/schemas.json", &["__generate", "schemas"]),
    ] {
        let text = output(Command::new(&program).args(arguments))?;
        let path = root().join(file);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            stale.push(file);
        } else {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            std::fs::write(&path, text)?;
            println!("wrote {file}");
        }
    }
    if !stale.is_empty() {
        bail!(
            "{} no longer what the program says: run `cargo xtask gen`",
            stale.join(", ")
        );
    }
    Ok(())
}
