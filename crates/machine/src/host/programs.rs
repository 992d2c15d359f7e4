//! Starting programs: looking them up, and telling why one can't be started.

use crate::error::{DoorError, ErrorKind};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a shell looks when PATH is not set (`confstr(_CS_PATH)`).
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What to start and where.
pub(crate) struct Program<'a> {
    /// Program first.
    pub argv: Vec<&'a OsStr>,
    /// The folder it runs in.
    pub directory: Option<&'a Path>,
    /// Variables beside the inherited ones.
    pub variables: BTreeMap<&'a str, Option<&'a OsStr>>,
}

impl Program<'_> {
    /// The program's file, once all that it is given was looked at.
    pub fn path(&self, what: &str) -> Result<PathBuf, DoorError> {
        let name = self
            .argv
            .first()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| DoorError::new(ErrorKind::Failed, what, "no program is named"))?;
        if let Some(directory) = self.directory
            && !directory.is_dir()
        {
            let detail = format!("there is no folder {}", directory.display());
            return Err(DoorError::new(ErrorKind::Absent, what, detail));
        }
        for (variable, value) in &self.variables {
            let broken = variable.is_empty() || variable.contains(['=', '\0']);
            if broken || value.is_some_and(|value| value.as_bytes().contains(&0)) {
                let detail = format!("{variable:?} is no variable that can be set");
                return Err(DoorError::new(ErrorKind::Failed, what, detail));
            }
        }
        self.find(what, name)
    }

    /// A command ready to be given its streams and started.
    pub fn command(&self, what: &str) -> Result<Command, DoorError> {
        let path = self.path(what)?;
        let name = self.argv.first().copied().unwrap_or_default();
        let mut command = Command::new(path);
        command.arg0(name).args(&self.argv[1..]);
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        for (variable, value) in &self.variables {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        Ok(command)
    }

    fn find(&self, what: &str, name: &OsStr) -> Result<PathBuf, DoorError> {
        let shown = name.to_string_lossy();
        let denied = || {
            DoorError::new(
                ErrorKind::Denied,
                what,
                format!("{shown} can't be executed"),
            )
        };
        if name.as_bytes().contains(&b'/') {
            let path = self.directory.unwrap_or(Path::new("")).join(name);
            return match is_program(&path) {
                Ok(true) => {
                    std::path::absolute(&path).map_err(|error| DoorError::from_io(what, &error))
                }
                Ok(false) => Err(denied()),
                Err(error) => {
                    let error = DoorError::from_io(what, &error);
                    Err(DoorError {
                        detail: format!("{shown}: {}", error.detail),
                        ..error
                    })
                }
            };
        }
        let path = match self.variables.get("PATH") {
            Some(value) => value.map(OsStr::to_os_string),
            None => std::env::var_os("PATH"),
        };
        let path: OsString = path.unwrap_or_else(|| DEFAULT_PATH.into());
        let mut found_other = false;
        for folder in path
            .as_bytes()
            .split(|byte| *byte == b':')
            .filter(|folder| folder.starts_with(b"/"))
        {
            let candidate = Path::new(OsStr::from_bytes(folder)).join(name);
            match is_program(&candidate) {
                Ok(true) => return Ok(candidate),
                Ok(false) => found_other |= candidate.is_file(),
                Err(_) => {}
            }
        }
        if found_other {
            return Err(denied());
        }
        Err(DoorError::new(
            ErrorKind::Absent,
            what,
            format!("there is no program {shown}"),
        ))
    }
}

/// Whether something is at a path that can be executed.
fn is_program(path: &Path) -> io::Result<bool> {
    let is_file = std::fs::metadata(path)?.is_file();
    Ok(is_file && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}

/// Why a program that is there could not be started.
pub(crate) fn not_started(what: &str, error: &io::Error) -> DoorError {
    let special = match error.raw_os_error() {
        Some(libc::ENOENT) => Some((
            ErrorKind::Absent,
            "the interpreter or loader it asks for is not there",
        )),
        Some(libc::ENOEXEC) => Some((ErrorKind::Failed, "it is no program for this machine")),
        Some(libc::E2BIG) => Some((ErrorKind::TooLarge, "its arguments are too long")),
        _ => None,
    };
    match special {
        Some((kind, detail)) => DoorError::new(kind, what, detail),
        None => DoorError::no_process(what, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn found(
        argv: &[&str],
        directory: Option<&Path>,
        path: Option<&str>,
    ) -> Result<PathBuf, ErrorKind> {
        let mut variables = BTreeMap::new();
        if let Some(path) = path {
            variables.insert("PATH", Some(OsStr::new(path)));
        }
        let program = Program {
            argv: argv.iter().map(OsStr::new).collect(),
            directory,
            variables,
        };
        let command = program.command("run it").map_err(|error| error.kind)?;
        Ok(command.get_program().into())
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them_but_never_in_the_current_folder_by_chance() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, plain) = (folder.path().join("bin"), folder.path().join("plain"));
        for (place, mode) in [(&bin, 0o755), (&plain, 0o644)] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("tool"), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(place.join("tool"), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }
        let both = format!("{}:{}", plain.display(), bin.display());
        assert_eq!(
            found(&["tool"], None, Some(&both)),
            Ok(bin.join("tool")),
            "one that can't be run is passed over"
        );
        assert_eq!(
            found(&["tool"], None, Some(&plain.display().to_string())),
            Err(ErrorKind::Denied)
        );
        assert_eq!(
            found(&["tool"], Some(&bin), Some("::.:bin")),
            Err(ErrorKind::Absent)
        );
        assert_eq!(
            found(&["./tool"], Some(&bin), None).map(|path| path.is_absolute()),
            Ok(true)
        );
        assert_eq!(
            found(&["./tool"], Some(&plain), None),
            Err(ErrorKind::Denied)
        );
        assert_eq!(
            found(&["./none"], Some(&plain), None),
            Err(ErrorKind::Absent)
        );
        assert_eq!(found(&["/tmp"], None, None), Err(ErrorKind::Denied));
        assert_eq!(
            found(&["true"], Some(&folder.path().join("none")), None),
            Err(ErrorKind::Absent)
        );
        assert_eq!(found(&[], None, None), Err(ErrorKind::Failed));
        assert_eq!(found(&[""], None, None), Err(ErrorKind::Failed));
    }
}
