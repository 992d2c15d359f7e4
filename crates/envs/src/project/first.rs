//! First projects, carried in the program: a real data set, a small network, about a hundred lines.

use super::{Packages, Project};
use crate::build::Flavour;
use std::path::Path;

/// A first project's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    /// The framework.
    pub flavour: Flavour,
    /// Name and contents of each file.
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal) => {
        &[
            (
                "train.py",
                include_str!(concat!("../../projects/", $folder, "/train.py")),
            ),
            (
                "pyproject.toml",
                include_str!(concat!("../../projects/", $folder, "/pyproject.toml")),
            ),
            (
                "deskside.toml",
                include_str!(concat!("../../projects/", $folder, "/deskside.toml")),
            ),
            (
                "README.md",
                include_str!(concat!("../../projects/", $folder, "/README.md")),
            ),
        ]
    };
}

/// The first project of a framework.
pub fn first(flavour: Flavour) -> First {
    let files: &'static [(&'static str, &'static str)] = match flavour {
        Flavour::Torch => files!("torch"),
        Flavour::Jax => files!("jax"),
        Flavour::Mlx => files!("mlx"),
        // `up` sets no first project up with it.
        Flavour::Tensorflow => &[],
    };
    First { flavour, files }
}

impl First {
    /// The folder's name.
    pub fn name(&self) -> String {
        format!("first-{}", self.flavour.word())
    }

    /// One file's contents.
    pub fn file(&self, name: &str) -> &'static str {
        self.files
            .iter()
            .find(|(own, _)| *own == name)
            .map_or("", |(_, contents)| contents)
    }

    /// The project it becomes in a folder, before any file is written. Once its files are there, read them
    /// with [`super::read`]: the person may have changed them.
    pub fn project(&self, folder: &Path) -> Project {
        let table = self
            .file("pyproject.toml")
            .parse::<toml::Table>()
            .unwrap_or_default();
        let project = table.get("project").and_then(toml::Value::as_table);
        let dependencies = project
            .and_then(|table| table.get("dependencies"))
            .and_then(toml::Value::as_array);
        Project {
            path: folder.to_path_buf(),
            name: self.name(),
            command: vec!["python".into(), "train.py".into()],
            packages: Packages::Pyproject,
            dependencies: dependencies
                .into_iter()
                .flatten()
                .filter_map(toml::Value::as_str)
                .map(String::from)
                .collect(),
            flavour: Some(self.flavour),
            python: project
                .and_then(|table| table.get("requires-python"))
                .and_then(toml::Value::as_str)
                .map(String::from),
            warnings: Vec::new(),
            first: Some(self.flavour),
        }
    }
}
