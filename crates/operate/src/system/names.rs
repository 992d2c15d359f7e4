//! Words that are handed to programs with root: exact names only, never a pattern and never an option.

use deskside_types::{Code, Problem, Result};

/// Package files may be installed only from here.
pub const CACHE: &str = "/var/cache/deskside/";

/// A package as an action names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// An exact name, perhaps with an architecture, perhaps with a version.
    Package {
        /// The name, with its architecture where one is given.
        name: String,
        /// The version, where one is given.
        version: Option<String>,
    },
    /// A package's file that an earlier step put into [`CACHE`].
    File(String),
}

/// Reads a package as an action names it. apt takes names with other letters as regular expressions, and a `+` or `-`
/// at the end as "install" and "remove". Source of the letters: Debian Policy 5.6.7 and 5.6.12.
///
/// # Errors
/// When it is anything but an exact name or a file of ours.
pub fn package(text: &str) -> Result<Named> {
    if let Some(file) = text.strip_prefix(CACHE) {
        let good = file.ends_with(".deb")
            && !file.starts_with(['.', '-'])
            && file
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".+-~_%".contains(&byte));
        return if good {
            Ok(Named::File(text.into()))
        } else {
            Err(refused(text))
        };
    }
    let (name, version) = match text.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let (bare, architecture) = match name.split_once(':') {
        Some((bare, architecture)) => (bare, Some(architecture)),
        None => (name, None),
    };
    let letters = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte)
            })
    };
    let good = letters(bare, b"+-.")
        && bare.len() > 1
        && bare.as_bytes()[0].is_ascii_alphanumeric()
        // With an architecture or a version behind it, the mark is no mark any more.
        && (!bare.ends_with(['-', '+']) || name.contains(':'))
        && architecture.is_none_or(|architecture| {
            letters(architecture, b"-") && architecture.as_bytes()[0].is_ascii_alphanumeric()
                && !architecture.ends_with('-')
        })
        && version.is_none_or(|version| {
            version.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
                && version
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte))
        });
    if good {
        Ok(Named::Package {
            name: name.into(),
            version: version.map(String::from),
        })
    } else {
        Err(refused(text))
    }
}

fn refused(text: &str) -> Problem {
    Problem::new(Code::Bug, format!("`{text}` is no exact package name"))
        .because("only exact names are handed to apt, never patterns")
}

/// A name of the system (a group, an account, a module, a unit, a file in a folder) that is handed to a program.
///
/// # Errors
/// When it is empty, long, begins with a dash or a dot, or has other letters than such names have.
pub fn plain(what: &str, text: &str) -> Result<()> {
    let good = !text.is_empty()
        && text.len() <= 128
        && !text.starts_with(['-', '.'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    if good {
        Ok(())
    } else {
        Err(Problem::new(
            Code::Bug,
            format!("`{text}` is no name of a {what}"),
        ))
    }
}

/// An absolute path without steps back, that is handed to a program.
///
/// # Errors
/// When it is something else.
pub fn path(text: &str) -> Result<()> {
    let good = text.starts_with('/')
        && !text.split('/').any(|step| step == ".." || step == ".")
        && !text.bytes().any(|byte| byte.is_ascii_control());
    if good {
        Ok(())
    } else {
        Err(Problem::new(
            Code::Bug,
            format!("`{text}` is no whole path"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_taken() {
        for good in [
            "nvidia-driver-580",
            "cuda-toolkit-13-0",
            "g++:amd64",
            "libc6:i386",
            "a0=1:2.3~4-5+b1",
            "/var/cache/deskside/cuda-keyring_1.1-1_all.deb",
        ] {
            assert!(package(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*cuda*",
            "nvidia-.*",
            "a b",
            "-y",
            "--purge",
            "NVIDIA",
            "a;b",
            "ab=",
            "cuda-",
            "g++",
            "ab/stable",
            "^x$",
            "x",
            "ab=1 2",
            "ab=-1",
            "ab:-x",
            "ab:amd64-",
            "/tmp/x.deb",
            "/var/cache/deskside/../x.deb",
            "/var/cache/deskside/a/b.deb",
            "/var/cache/deskside/-o.deb",
            "./x.deb",
        ] {
            assert!(package(bad).is_err(), "{bad}");
        }
        assert!(plain("group", "render").is_ok() && plain("unit", "getty@tty1.service").is_ok());
        for bad in ["", "-g", "a b", "a/b", "..", "a\n", "a,b"] {
            assert!(plain("group", bad).is_err(), "{bad}");
        }
        assert!(path("/usr/bin/gcc-12").is_ok() && path("/a/../b").is_err() && path("-x").is_err());
    }
}
