//! The environment a command runs in: which variables are recorded, which virtual environment is active, its packages.

use deskside_machine::{Acting, Durability, FileKind, Machine, Reading};
use deskside_track::Folder;
use deskside_track::secrets::shown_named;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Variables that shape a run, by name.
const NAMES: &[&str] = &[
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_ORDER",
    "CUDA_HOME",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HF_DATASETS_OFFLINE",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "HSA_OVERRIDE_GFX_VERSION",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LOCAL_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "RANK",
    "ROCR_VISIBLE_DEVICES",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_OFFLINE",
    "VIRTUAL_ENV",
    "WORLD_SIZE",
    "XLA_FLAGS",
];

/// Variables that shape a run, by how their names begin.
const BEGINNINGS: &[&str] = &[
    "HIP_",
    "JAX_",
    "MIOPEN_",
    "MLX_",
    "NCCL_",
    "RCCL_",
    "TORCH_",
    "TORCHINDUCTOR_",
    "XLA_PYTHON_CLIENT_",
];

/// The variables that shape a run, secrets hidden; those set for the command in place of this process's own.
pub(crate) fn recorded(
    machine: &dyn Machine,
    set: &BTreeMap<String, Option<OsString>>,
) -> BTreeMap<String, String> {
    let names = machine.variables().unwrap_or_default();
    let own = names
        .into_iter()
        .filter(|name| !set.contains_key(name))
        .filter_map(|name| Some((machine.variable_if(&name)?, name)));
    let given = set.iter().filter_map(|(name, value)| {
        Some((value.as_ref()?.to_string_lossy().into_owned(), name.clone()))
    });
    own.chain(given)
        .filter(|(_, name)| shapes_a_run(name))
        .map(|(value, name)| (name.clone(), shown_named(&name, &value)))
        .collect()
}

/// The variables that shape a run, of a whole environment, secrets hidden.
pub(crate) fn recorded_of(all: &BTreeMap<String, OsString>) -> BTreeMap<String, String> {
    all.iter()
        .filter(|(name, _)| shapes_a_run(name))
        .map(|(name, value)| (name.clone(), shown_named(name, &value.to_string_lossy())))
        .collect()
}

/// Asking for the values of wanted variables only.
trait Wanted: Machine {
    fn variable_if(&self, name: &str) -> Option<String> {
        if shapes_a_run(name) {
            self.variable(name)
        } else {
            None
        }
    }
}

impl<T: Machine + ?Sized> Wanted for T {}

pub(crate) fn shapes_a_run(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
        || BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

/// What a virtual environment's `activate` script sets.
pub(crate) fn activation(
    machine: &dyn Machine,
    environment: &Path,
) -> BTreeMap<String, Option<OsString>> {
    let mut path = environment.join("bin").into_os_string();
    if let Some(before) = machine.variable("PATH") {
        path.push(":");
        path.push(before);
    }
    BTreeMap::from([
        (
            "VIRTUAL_ENV".to_string(),
            Some(environment.as_os_str().to_owned()),
        ),
        ("PATH".to_string(), Some(path)),
        ("PYTHONHOME".to_string(), None),
    ])
}

/// The environment that is active in this process, where one is.
pub(crate) fn active(machine: &dyn Machine) -> Option<PathBuf> {
    ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .iter()
        .find_map(|name| machine.variable(name))
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from)
}

/// Writes the packages of an environment, read from the names of its `*.dist-info` folders (packaging.python.org,
/// "Recording installed projects"), `name==version` a line.
pub(crate) fn keep_packages(
    machine: &dyn Machine,
    environment: &Path,
    folder: &Folder,
) -> Result<(), String> {
    let packages = packages(machine, environment);
    if packages.is_empty() {
        return Ok(());
    }
    let text: String = packages
        .into_iter()
        .map(|package| format!("{package}\n"))
        .collect();
    machine
        .write_file(folder.packages(), text, 0o644, Durability::Process)
        .map_err(|error| error.reason())
}

fn packages(machine: &dyn Machine, environment: &Path) -> Vec<String> {
    let library = environment.join("lib");
    let mut packages: Vec<String> = machine
        .entries(&library)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind == FileKind::Directory && entry.name.starts_with("python"))
        .flat_map(|entry| {
            machine
                .entries(library.join(entry.name).join("site-packages"))
                .unwrap_or_default()
        })
        .filter_map(|entry| {
            let (name, version) = entry.name.strip_suffix(".dist-info")?.rsplit_once('-')?;
            Some(format!(
                "{}=={version}",
                name.replace('_', "-").to_ascii_lowercase()
            ))
        })
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn the_names_are_sorted_as_the_search_needs_them() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn only_what_shapes_a_run_is_recorded() {
        let sim = Sim::linux();
        for (name, value) in [
            ("CUDA_VISIBLE_DEVICES", "0,1"),
            ("NCCL_DEBUG", "INFO"),
            ("HF_TOKEN", "hf_abcdefghijklmnopqrstuv"),
            ("TORCH_HUB_TOKEN", "abc"),
            ("TORCH_HOME", "https://me:pw@host/x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("OMP_NUM_THREADS", "4"),
        ] {
            sim.set_variable(name, value);
        }
        let set = BTreeMap::from([
            ("OMP_NUM_THREADS".into(), None),
            ("VIRTUAL_ENV".into(), Some("/v".into())),
            ("DESKSIDE_RUN".into(), Some("/r".into())),
        ]);
        let expected = [
            ("CUDA_VISIBLE_DEVICES", "0,1"),
            ("NCCL_DEBUG", "INFO"),
            ("TORCH_HOME", "https://***@host/x"),
            ("TORCH_HUB_TOKEN", "***"),
            ("VIRTUAL_ENV", "/v"),
        ];
        assert_eq!(
            recorded(&sim, &set),
            expected
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .into()
        );
    }

    #[test]
    fn packages_are_read_from_names() {
        let sim = Sim::linux();
        for name in [
            "torch-2.9.0+cu130",
            "typing_extensions-4.15.0",
            "PyYAML-6.0",
        ] {
            sim.put_file(
                format!("/v/lib/python3.12/site-packages/{name}.dist-info/METADATA"),
                "",
            );
        }
        sim.put_file("/v/lib/python3.12/site-packages/torch/__init__.py", "")
            .put_link("/v/lib64", "/v/lib");
        assert_eq!(
            packages(&sim, Path::new("/v")),
            [
                "pyyaml==6.0",
                "torch==2.9.0+cu130",
                "typing-extensions==4.15.0"
            ]
        );
        assert!(packages(&sim, Path::new("/none")).is_empty());
    }
}
