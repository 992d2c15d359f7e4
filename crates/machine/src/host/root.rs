//! A machine in a folder: a mounted disk, or a tree to be entered later with `chroot`.
//!
//! Files are those below the folder; links are followed inside it only, an absolute one from the
//! folder on, and `..` ends at it. What would need the machine to run (commands, devices, children)
//! is refused. The clock, the person and the variables are this machine's own, because this process
//! is what will act there.

use super::place::Base;
use super::worker::Workers;
use super::{Host, act_on_files, ask_files, lock};
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::question::{Answer, Question};
use crate::{Child, Held, Launch, Machine};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The machine whose root folder is a folder of this one.
pub struct Root {
    folder: PathBuf,
    base: Base,
    host: Host,
    workers: Workers,
}

impl Root {
    /// The machine below a folder, which is opened now: moving the folder changes nothing.
    ///
    /// # Errors
    /// When there is no such folder, or it can't be opened.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, DoorError> {
        let folder = folder.into();
        let base = Base::below(&folder)
            .map_err(|error| DoorError::from_io(format!("open {}", folder.display()), &error))?;
        Ok(Self {
            folder,
            base,
            host: Host::new(),
            workers: Workers::default(),
        })
    }

    fn refused(&self, what: String, kind: &str) -> DoorError {
        let detail = format!(
            "{kind} of the system in {} can't be reached, it does not run",
            self.folder.display()
        );
        DoorError::new(ErrorKind::Refused, what, detail)
    }
}

impl Machine for Root {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        if let Some(answer) = ask_files(&self.workers, &self.base, question) {
            return answer;
        }
        let what = question.phrase();
        match question {
            Question::Command(_) => Err(self.refused(what, "the programs")),
            Question::Device(_) => Err(self.refused(what, "the devices")),
            Question::Process { .. } => Err(self.refused(what, "the processes")),
            Question::WorkingDirectory => Ok(Answer::Path("/".into())),
            Question::Executable => Err(DoorError::new(
                ErrorKind::Absent,
                what,
                "this program lies outside of it",
            )),
            _ => self.host.ask(question),
        }
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if let Some(answer) = act_on_files(&self.base, effect) {
            return answer;
        }
        let what = effect.phrase();
        match effect {
            Effect::Command(_) => Err(self.refused(what, "the programs")),
            Effect::Signal { .. } => Err(self.refused(what, "the processes")),
            Effect::Download {
                url,
                path,
                sha256,
                size,
                deadline,
            } => {
                let wanted = super::network::Download {
                    url,
                    path,
                    sha256,
                    size: *size,
                    deadline: *deadline,
                };
                super::network::download(&self.host.network, &self.base, &what, &wanted, watch)?;
                Ok(Answer::Done)
            }
            _ => self.host.act(effect, watch),
        }
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        lock::lock(&self.base, path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch
            .argv
            .first()
            .map(|word| word.to_string_lossy())
            .unwrap_or_default();
        Err(self.refused(format!("start {program}"), "the programs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Durability;
    use crate::{Acting, Command, FileKind, Reading};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A root folder that tries to lead out, and the folder around it.
    fn hostile() -> (tempfile::TempDir, Root) {
        let around = tempfile::tempdir().unwrap();
        let root = around.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(around.path().join("outside"), "outside").unwrap();
        symlink("/outside", root.join("absolute")).unwrap();
        symlink("../../../outside", root.join("etc/relative")).unwrap();
        symlink(around.path(), root.join("way-out")).unwrap();
        let machine = Root::new(&root).unwrap();
        (around, machine)
    }

    #[test]
    fn everything_happens_below_the_folder() {
        let (around, machine) = hostile();
        let inside = |path: &str| around.path().join("root").join(path);
        machine
            .write_file("/outside", "inside", 0o600, Durability::Power)
            .unwrap();
        for path in [
            "/outside",
            "outside",
            "/../outside",
            "/absolute",
            "/etc/relative",
            "/etc/../absolute",
        ] {
            assert_eq!(machine.text(path).unwrap(), "inside", "{path}");
        }
        machine
            .write_file("/absolute", "again", 0o600, Durability::Process)
            .unwrap();
        assert_eq!(
            fs::read_to_string(inside("outside")).unwrap(),
            "again",
            "written where the link leads inside"
        );
        machine
            .append_file("/etc/relative", "+", Durability::Power)
            .unwrap();
        assert_eq!(machine.text("/outside").unwrap(), "again+");
        // Inside, where that link leads is not there; whatever becomes of it, nothing leaves.
        let _ = machine.write_file("/way-out/outside", "x", 0o600, Durability::Process);
        assert_eq!(
            fs::read_to_string(around.path().join("outside")).unwrap(),
            "outside"
        );
        machine.create_directory("/a/b").unwrap();
        machine.rename("/a/b", "/c").unwrap();
        machine
            .effect(&Effect::MakeLink {
                path: "/d/link".into(),
                target: "/c".into(),
            })
            .unwrap();
        assert_eq!(machine.stat("/d/link").unwrap().kind, FileKind::Directory);
        assert_eq!(machine.real_path("/d/link").unwrap(), Path::new("/c"));
        let names: Vec<_> = machine
            .entries("/")
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert!(
            names.contains(&"outside".to_string()) && !names.contains(&"root".to_string()),
            "{names:?}"
        );
        for gone in ["/d", "/c", "/way-out", "/../a"] {
            machine.remove_tree(gone).unwrap();
        }
        assert!(
            !inside("d").exists()
                && !inside("a").exists()
                && around.path().join("outside").exists()
        );
        machine.remove_file("/absolute").unwrap();
        assert!(inside("outside").exists());
        assert!(machine.access("/outside", true).unwrap());
        assert!(machine.space("/none/at/all").unwrap().total > 0);
        drop(
            machine
                .lock(Path::new("/run/lock"), Duration::ZERO)
                .unwrap(),
        );
        assert!(inside("run/lock").exists());
        for root in ["/", "/..", "/etc/.."] {
            assert!(machine.remove_tree(root).is_err(), "{root}");
        }
    }

    #[test]
    fn a_download_lands_below_the_folder() {
        let (around, machine) = hostile();
        let mut effect = Effect::Download {
            url: format!("file://{}", around.path().join("outside").display()),
            path: "/absolute".into(),
            sha256: "0".repeat(64),
            size: 7,
            deadline: Duration::from_secs(9),
        };
        assert_eq!(machine.effect(&effect).unwrap_err().kind, ErrorKind::Hash);
        let names = || machine.entries("/").unwrap();
        assert!(
            names()
                .iter()
                .all(|entry| !entry.name.contains(".deskside-"))
        );
        if let Effect::Download { sha256, .. } = &mut effect {
            *sha256 = "31207a2065f46a5b948fce6fe5c13e85abaf5631e2f894b47dcd4fce14f6c57b".into();
        }
        machine.effect(&effect).unwrap();
        assert_eq!(
            machine.text("/outside").unwrap(),
            "outside",
            "where the link leads inside"
        );
    }

    #[test]
    fn what_does_not_run_is_refused() {
        let (_around, machine) = hostile();
        let kind = |error: DoorError| error.kind;
        assert_eq!(
            machine.command(Command::new(["true"])).map_err(kind),
            Err(ErrorKind::Refused)
        );
        assert_eq!(
            machine
                .run(Command::new(["true"]), &mut |_| {})
                .map_err(kind),
            Err(ErrorKind::Refused)
        );
        assert_eq!(machine.process(1).map_err(kind), Err(ErrorKind::Refused));
        assert!(machine.now().is_ok() && machine.person().is_ok());
        assert_eq!(machine.working_directory().unwrap(), Path::new("/"));
        assert_eq!(Root::new("/none").err().map(kind), Some(ErrorKind::Absent));
        assert!(Root::new("/etc/passwd").is_err());
    }
}
