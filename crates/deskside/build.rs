//! How the program is linked. A release ends at a panic and never unwinds (`panic = "abort"`), so the index by which an
//! unwinder finds its tables is left out: 0.4 MB of a program that is meant to be small. On Linux it lies at a fixed address:
//! a program that can be moved carries a list of 56,000 places that must be changed at every start, which is 1.3 MB of the file and a
//! part of every `deskside run`. Libraries, heap and stack lie at random addresses as ever.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script is told by the environment what is built"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if is("PROFILE", "release") {
            println!("cargo:rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
            let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
            println!("cargo:rerun-if-changed=link.ld");
            println!("cargo:rustc-link-arg-bins=-Wl,-T,{folder}/link.ld");
        }
    }
}
