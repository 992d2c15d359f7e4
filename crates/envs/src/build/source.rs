//! Where a build comes from: the index, and how uv is told.

use super::parts::IndexChoice;
use deskside_knowledge::frameworks;
use deskside_machine::command::without_credentials;

/// An index, and uv's arguments for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The index; none for the default one.
    pub index: Option<IndexChoice>,
    /// Arguments for `uv pip`.
    pub arguments: Vec<String>,
}

/// The name of a variant without dots, as project files and indexes are named: `rocm72` of `rocm7.2`.
pub fn without_dots(variant: &str) -> String {
    variant.replace('.', "")
}

/// PyTorch's own index of a variant. `mirror` replaces the root of its indexes.
///
/// uv's `--torch-backend` is used where uv knows the build: it takes only PyTorch's own packages from that index.
/// Where it does not, or a mirror stands for the index, the index comes before the default one (`--index`); uv then
/// takes a package that it has from there alone.
pub fn pytorch(variant: &str, mirror: Option<&str>) -> Source {
    let known = frameworks::indexes();
    let root = mirror.unwrap_or(&known.pytorch.url);
    let url = without_credentials(&format!("{}/{variant}", root.trim_end_matches('/')));
    let by_name = mirror.is_none() && is_backend(variant);
    Source {
        arguments: if by_name {
            vec!["--torch-backend".into(), variant.into()]
        } else {
            vec!["--index".into(), url.clone()]
        },
        index: Some(IndexChoice {
            name: format!("pytorch-{}", without_dots(variant)),
            url,
        }),
    }
}

/// AMD's own index of builds for many targets.
pub fn amd_multi_arch() -> Source {
    let known = &frameworks::indexes().amd_multi_arch;
    Source {
        arguments: vec!["--index".into(), known.url.clone()],
        index: Some(IndexChoice {
            name: known.name.clone(),
            url: known.url.clone(),
        }),
    }
}

/// Whether uv knows a variant by `--torch-backend`.
pub fn is_backend(variant: &str) -> bool {
    let uv = &frameworks::indexes().uv;
    variant == "cpu"
        || uv
            .cuda_backends
            .iter()
            .any(|cuda| variant == format!("cu{}", without_dots(cuda)))
        || uv
            .rocm_backends
            .iter()
            .any(|rocm| variant == format!("rocm{rocm}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_is_told_by_name_where_it_knows_the_build() {
        for (variant, mirror, arguments, url) in [
            (
                "cu126",
                None,
                ["--torch-backend", "cu126"],
                "https://download.pytorch.org/whl/cu126",
            ),
            (
                "rocm7.2",
                None,
                ["--torch-backend", "rocm7.2"],
                "https://download.pytorch.org/whl/rocm7.2",
            ),
            (
                "rocm7.14",
                None,
                ["--index", "https://download.pytorch.org/whl/rocm7.14"],
                "https://download.pytorch.org/whl/rocm7.14",
            ),
            (
                "cu126",
                Some("https://mirror.example/torch/"),
                ["--index", "https://mirror.example/torch/cu126"],
                "https://mirror.example/torch/cu126",
            ),
        ] {
            let source = pytorch(variant, mirror);
            assert_eq!(source.arguments, arguments);
            assert_eq!(source.index.unwrap().url, url);
        }
        let secret = pytorch("cpu", Some("https://me:secret@mirror.example/whl"));
        assert!(!format!("{secret:?}").contains("secret"), "{secret:?}");
        assert_eq!(
            pytorch("rocm6.2.4", None).index.unwrap().name,
            "pytorch-rocm624"
        );
    }
}
