//! Finding out what a model is: a folder, a file's header, a configuration, a name, a count. Only headers are read.

use super::hub;
use deskside_advise::fit::config;
use deskside_advise::fit::gguf::{self, Trouble};
use deskside_advise::fit::safetensors::{self, Tensor};
use deskside_advise::fit::shape::Shape;
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest config.json that is read, in bytes.
const LONGEST_CONFIGURATION: u64 = 2 * 1024 * 1024;

/// The longest index of shards that is read, in bytes.
const LONGEST_INDEX: u64 = 16 * 1024 * 1024;

/// The most files of one model.
const MOST_FILES: usize = 2000;

/// A model as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Its shape.
    pub shape: Shape,
    /// Its format by name, where something says one.
    pub format: Option<String>,
    /// Bytes of its tensors, counted in headers.
    pub counted: Option<f64>,
    /// What it was read from, in words.
    pub from: String,
    /// It is a GGUF file.
    pub gguf: bool,
}

/// Whether the hub may be asked for a model that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Never.
    #[default]
    Offline,
    /// For what no table knows.
    Unknown,
    /// Also for what a table knows: its headers are counted.
    Always,
}

/// Reads a model by whatever names it.
///
/// # Errors
/// [`Code::ModelUnknown`] or [`Code::ModelUnreadable`]; what hinders the hub, where only it could say.
pub fn read(machine: &dyn Machine, model: &str, reach: Reach) -> Result<Read> {
    let path = Path::new(model);
    if let Ok(stat) = machine.stat(path) {
        return match stat.kind {
            FileKind::Directory => folder(machine, path),
            FileKind::File => file(machine, path, stat.size),
            _ => Err(unreadable(path, "it is neither a file nor a folder")),
        };
    }
    // `owner/name/file.gguf` is a file of the hub where it is none here.
    let of_hub = reach != Reach::Offline && hub::Id::parse(model).is_some_and(|id| id.is_file());
    if model.starts_with(['/', '.', '~'])
        || model.ends_with(".gguf") && !of_hub
        || model.ends_with(".safetensors")
        || model.ends_with(".json")
    {
        return Err(Problem::new(Code::Missing, format!("there is no {model}")));
    }
    if let Some(folder_of) = downloaded(machine, model) {
        let mut read = folder(machine, &folder_of)?;
        read.shape.name = model.into();
        read.from = format!("{}, downloaded to {}", read.from, folder_of.display());
        return Ok(read);
    }
    let known = Shape::of_name(model);
    let sure = known.as_ref().is_some_and(|shape| shape.assumed.is_empty());
    let ask = match reach {
        Reach::Offline => false,
        Reach::Unknown => !sure,
        Reach::Always => true,
    };
    let mut unasked = None;
    if let Some(id) = hub::Id::parse(model).filter(|_| ask) {
        match hub::read(machine, &id) {
            Ok(read) => return Ok(read),
            // What the hub sends and can't be is told, whatever a table says.
            Err(problem) if problem.code == Code::ModelUnreadable => return Err(problem),
            Err(problem) => unasked = Some(problem),
        }
    }
    let Some(mut shape) = known else {
        return Err(match unasked {
            Some(problem) => problem
                .hint("or give its folder or file, or a count of parameters: `deskside fit 8B`"),
            None => Problem::new(
                Code::ModelUnknown,
                format!("the model {model:?} is not known"),
            )
            .hint("give its folder or file, or a count of parameters: `deskside fit 8B`"),
        });
    };
    if let Some(problem) = unasked {
        shape
            .assumed
            .push(format!("the hub could not be asked: {}", problem.message));
    }
    let from = if shape.assumed.is_empty() {
        "the table of known models"
    } else {
        "the count of parameters in its name"
    };
    Ok(Read {
        shape,
        format: None,
        counted: None,
        from: from.into(),
        gguf: false,
    })
}

/// Where the hub's own cache on this machine keeps `owner/name`, in the version that was fetched last.
///
/// Source: huggingface_hub, "Understand caching": `models--owner--name/refs/main` names a folder in `snapshots`.
fn downloaded(machine: &dyn Machine, model: &str) -> Option<PathBuf> {
    let (owner, name) = model.split_once('/')?;
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    if !plain(owner) || !plain(name) {
        return None;
    }
    let cache = machine
        .variable("HF_HUB_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            machine
                .variable("HF_HOME")
                .map(|home| Path::new(&home).join("hub"))
        })
        .or_else(|| {
            machine
                .variable("HOME")
                .map(|home| Path::new(&home).join(".cache/huggingface/hub"))
        })?;
    snapshot(machine, &cache.join(format!("models--{owner}--{name}")))
}

/// The snapshot that a folder of the hub's cache names as its newest.
fn snapshot(machine: &dyn Machine, repository: &Path) -> Option<PathBuf> {
    let main = machine.text(repository.join("refs/main")).ok()?;
    let main = main.trim();
    if main.is_empty() || !main.bytes().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    let folder = repository.join("snapshots").join(main);
    machine
        .exists(&folder)
        .ok()
        .filter(|there| *there)
        .map(|_| folder)
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Problem {
    Problem::new(
        Code::ModelUnreadable,
        format!("{} can't be read", path.display()),
    )
    .because(why)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn folder(machine: &dyn Machine, path: &Path) -> Result<Read> {
    let names: Vec<String> = machine
        .entries(path)?
        .into_iter()
        .map(|entry| entry.name)
        .take(MOST_FILES * 4)
        .collect();
    let has = |name: &str| names.iter().any(|one| one == name);
    if has("snapshots")
        && has("refs")
        && let Some(newest) = snapshot(machine, path)
    {
        return folder(machine, &newest);
    }
    let ending = |ending: &str| -> Vec<PathBuf> {
        names
            .iter()
            .filter(|name| name.ends_with(ending))
            .take(MOST_FILES)
            .map(|name| path.join(name))
            .collect()
    };
    let configuration = if has("config.json") {
        Some(configuration(
            machine,
            &path.join("config.json"),
            &name_of(path),
        )?)
    } else {
        None
    };
    let tensors = ending(".safetensors");
    if !tensors.is_empty() || has("model.safetensors.index.json") {
        let (files, whole) = if has("model.safetensors.index.json") {
            let index = path.join("model.safetensors.index.json");
            let text = machine.file(&index, LONGEST_INDEX)?;
            let (size, files) = safetensors::index(&text).map_err(|why| unreadable(&index, why))?;
            (
                files
                    .into_iter()
                    .take(MOST_FILES)
                    .map(|file| path.join(file))
                    .collect(),
                size,
            )
        } else {
            // A folder may keep the same weights twice under the hub's older name; adapters are no base weights.
            (
                tensors
                    .into_iter()
                    .filter(|file| !name_of(file).starts_with("adapter"))
                    .collect::<Vec<_>>(),
                None,
            )
        };
        let present = files
            .iter()
            .all(|file| machine.exists(file).unwrap_or(false));
        if !present && let (Some(size), Some(read)) = (whole, &configuration) {
            return Ok(joined(
                read.clone(),
                Some(size as f64),
                "the index of its files and config.json",
            ));
        }
        let mut all = Vec::new();
        for file in &files {
            all.extend(header(machine, file)?);
        }
        return of_tensors(
            &name_of(path),
            &all,
            configuration,
            "the headers of its safetensors files",
        );
    }
    let mut parts = ending(".gguf");
    parts.retain(|part| !name_of(part).to_ascii_lowercase().starts_with("mmproj"));
    if let Some(first) = parts.first() {
        return gguf_file(machine, first);
    }
    let Some(read) = configuration else {
        return Err(
            unreadable(path, "it has no config.json, safetensors or GGUF file")
                .hint("give the folder that has them"),
        );
    };
    // PyTorch's pickles are never opened: only their sizes are known.
    let mut pickled = 0.0;
    for file in ending(".bin").iter().chain(&ending(".pth")) {
        if name_of(file).starts_with("pytorch_model") || name_of(file).ends_with(".pth") {
            pickled += machine.stat(file)?.size as f64;
        }
    }
    let counted = (pickled > 0.0).then_some(pickled);
    Ok(joined(
        read,
        counted,
        if counted.is_some() {
            "config.json and the sizes of its .bin files"
        } else {
            "config.json"
        },
    ))
}

pub(super) fn joined(configuration: config::Config, counted: Option<f64>, from: &str) -> Read {
    Read {
        shape: configuration.shape,
        format: configuration.format,
        counted,
        from: from.into(),
        gguf: false,
    }
}

fn configuration(machine: &dyn Machine, path: &Path, name: &str) -> Result<config::Config> {
    let text = machine.file(path, LONGEST_CONFIGURATION)?;
    config::config(name, &text).map_err(|why| unreadable(path, why))
}

fn file(machine: &dyn Machine, path: &Path, size: u64) -> Result<Read> {
    let name = name_of(path);
    if name.ends_with(".index.json") {
        return folder(machine, path.parent().unwrap_or(Path::new(".")));
    }
    if name.ends_with(".json") {
        let folder = path
            .parent()
            .map(name_of)
            .filter(|name| !name.is_empty())
            .unwrap_or(name);
        return Ok(joined(
            configuration(machine, path, &folder)?,
            None,
            "config.json",
        ));
    }
    let start = machine.file_part(path, 0, 8)?;
    if start.starts_with(b"GGUF") {
        return gguf_file(machine, path);
    }
    if name.ends_with(".safetensors") {
        let beside = path.with_file_name("config.json");
        let read = if machine.exists(&beside).unwrap_or(false) {
            Some(configuration(machine, &beside, &name)?)
        } else {
            None
        };
        return of_tensors(
            &name,
            &header(machine, path)?,
            read,
            "the header of its safetensors file",
        );
    }
    Err(unreadable(
        path,
        format!("a file of {size} bytes that is neither safetensors, GGUF nor config.json"),
    )
    .hint("pickles (.bin, .pt) are never opened: give the folder with its config.json"))
}

fn header(machine: &dyn Machine, path: &Path) -> Result<Vec<Tensor>> {
    let size = machine.stat(path)?.size;
    let start = machine.file_part(path, 0, 8)?;
    let length = safetensors::length(&start, size).map_err(|why| unreadable(path, why))?;
    let text = machine.file_part(path, 8, length)?;
    safetensors::tensors(&text, size - 8 - length).map_err(|why| unreadable(path, why))
}

pub(super) fn of_tensors(
    name: &str,
    tensors: &[Tensor],
    configuration: Option<config::Config>,
    from: &str,
) -> Result<Read> {
    let counted: f64 = tensors.iter().map(|tensor| tensor.bytes as f64).sum();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for tensor in tensors {
        *kinds.entry(&tensor.kind).or_default() += tensor.bytes;
    }
    let most = kinds
        .iter()
        .max_by_key(|(_, bytes)| **bytes)
        .map(|(kind, _)| *kind)
        .unwrap_or_default();
    let of_kind = match most {
        "F32" => Some("fp32"),
        "F16" => Some("fp16"),
        "BF16" => Some("bf16"),
        "F8_E4M3" | "F8_E5M2" => Some("fp8"),
        _ => None,
    };
    if let Some(mut read) = configuration.map(|read| joined(read, Some(counted), from)) {
        // What the header has is what is loaded, whatever the configuration calls it.
        let quantised = read
            .format
            .as_deref()
            .is_some_and(|format| !matches!(format, "fp32" | "fp16" | "bf16"));
        if let Some(kind) = of_kind.filter(|_| !quantised) {
            read.format = Some(kind.into());
        }
        read.from = format!("{from} and config.json");
        return Ok(read);
    }
    let values: f64 = tensors
        .iter()
        .map(|tensor| {
            tensor
                .shape
                .iter()
                .map(|size| *size as f64)
                .product::<f64>()
        })
        .sum();
    if values < 1.0 {
        return Err(Problem::new(
            Code::ModelUnreadable,
            format!("{name} holds no tensors"),
        ));
    }
    let mut shape = Shape::assumed(name, values, values);
    shape
        .assumed
        .push("there is no config.json beside it".into());
    Ok(Read {
        shape,
        format: of_kind.map(Into::into),
        counted: Some(counted),
        from: from.into(),
        gguf: false,
    })
}

fn gguf_file(machine: &dyn Machine, path: &Path) -> Result<Read> {
    let first = gguf_header(machine, path)?;
    let name = name_of(path);
    let mut all = first.clone();
    let parts = first.numbers.get("split.count").copied().unwrap_or(1.0);
    if parts > MOST_FILES as f64 {
        return Err(unreadable(path, format!("it claims to have {parts} parts")));
    }
    for part in 2..=parts as usize {
        // `name-00001-of-00003.gguf`
        let Some(stem) = name.strip_suffix(&format!("-00001-of-{:05}.gguf", parts as usize)) else {
            return Err(unreadable(
                path,
                "it is a part of a model: give the first part, or the folder",
            ));
        };
        let next = path.with_file_name(format!("{stem}-{part:05}-of-{:05}.gguf", parts as usize));
        all.tensors.extend(gguf_header(machine, &next)?.tensors);
    }
    of_gguf(&name, &all, "the header of its GGUF file")
}

/// A model by the header of its GGUF file, or of all its parts.
pub(super) fn of_gguf(name: &str, all: &gguf::Header, from: &str) -> Result<Read> {
    let shape = config::of_gguf(name, all).map_err(|why| unreadable(Path::new(name), why))?;
    let counted: f64 = all.tensors.iter().map(|tensor| tensor.bytes as f64).sum();
    let bits = counted * 8.0 / shape.parameters.max(1.0);
    let near = deskside_knowledge::models::weight_formats()
        .filter(|format| format.kind == "gguf")
        .min_by(|one, other| {
            (one.linear_bits - bits)
                .abs()
                .total_cmp(&(other.linear_bits - bits).abs())
        })
        .cloned();
    let told = deskside_advise::fit::row::format_in_name(name, "llama.cpp");
    let format = if (told.linear_bits / bits - 1.0).abs() < 0.15 {
        Some(told)
    } else {
        near
    };
    Ok(Read {
        shape,
        format: format.map(|format| format.name.into()),
        counted: Some(counted),
        from: from.into(),
        gguf: true,
    })
}

fn gguf_header(machine: &dyn Machine, path: &Path) -> Result<gguf::Header> {
    let size = machine.stat(path)?.size;
    let mut length = 1024 * 1024;
    loop {
        let bytes = machine.file_part(path, 0, length)?;
        let whole = bytes.len() as u64 >= size;
        match gguf::header(&bytes, size) {
            Ok(header) => return Ok(header),
            Err(Trouble::Bad(why)) => return Err(unreadable(path, why)),
            Err(Trouble::More) if whole => {
                return Err(unreadable(path, "it ends inside its header"));
            }
            Err(Trouble::More) if length >= gguf::LONGEST => {
                return Err(unreadable(
                    path,
                    format!("its header is longer than {} bytes", gguf::LONGEST),
                ));
            }
            Err(Trouble::More) => length = (length * 4).min(gguf::LONGEST),
        }
    }
}
