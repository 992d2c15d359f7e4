//! Lists the data files of breakages and of evidence, so that a new one is part of the program by lying in its folder.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads the crate's own data folder; it is no part of the program"
)]

use std::fmt::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = std::env::var("CARGO_MANIFEST_DIR")?;
    let out = std::env::var("OUT_DIR")?;
    for folder in ["breakages", "evidence"] {
        println!("cargo:rerun-if-changed=data/{folder}");
        let data = Path::new(&manifest).join("data").join(folder);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&data)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".toml") {
                names.push(name.to_string());
            }
        }
        names.sort();
        let mut list = String::from("&[\n");
        for name in names {
            let path = data.join(format!("{name}.toml"));
            writeln!(list, "    ({name:?}, include_str!({path:?})),")?;
        }
        list.push_str("]\n");
        std::fs::write(Path::new(&out).join(format!("{folder}.rs")), list)?;
    }
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
