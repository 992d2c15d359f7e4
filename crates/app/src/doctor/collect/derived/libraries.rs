//! Libraries that LD_LIBRARY_PATH puts before those that programs bring along.

use deskside_doctor::Document;
use deskside_machine::{ErrorKind, Machine, Reading};

/// Beginnings of names that decide over accelerators.
const MATTER: &[&str] = &[
    "libcuda",
    "libcudart",
    "libcudnn",
    "libcublas",
    "libcufft",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libnvJitLink",
    "libnvrtc",
    "libnccl",
    "libnvidia",
    "libstdc++",
    "libgcc_s",
    "libtorch",
    "libc10",
    "libamdhip",
    "libhsa",
    "librocblas",
    "libMIOpen",
    "libgomp",
    "libmkl",
    "libnpp",
    "libprotobuf",
];

/// The files of each folder on LD_LIBRARY_PATH that matter, with where links lead.
pub(super) fn on_path(machine: &dyn Machine) -> Vec<Document> {
    let Some(path) = machine.variable("LD_LIBRARY_PATH") else {
        return Vec::new();
    };
    let mut documents = Vec::new();
    for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
        match machine.entries(folder) {
            Ok(entries) => {
                let lines: Vec<String> = entries
                    .iter()
                    .filter(|entry| MATTER.iter().any(|begin| entry.name.starts_with(begin)))
                    .map(|entry| {
                        let path = format!("{folder}/{}", entry.name);
                        match machine.link(&path) {
                            Ok(target) => format!("{path} -> {}", target.display()),
                            Err(_) => path,
                        }
                    })
                    .collect();
                documents.push(Document::text(folder, lines.join("\n")));
            }
            Err(error) if error.kind == ErrorKind::Absent => {}
            Err(error) => documents.push(Document::unseen(folder, error.reason())),
        }
    }
    documents
}
