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
        let root = &frameworks::indexes().pytorch.url;
        let mirror = "https://mirror.example/torch/";
        for (variant, at, by_name) in [
            ("cu126", None, true),
            ("rocm7.2", None, true),
            ("cpu", None, true),
            ("rocm7.14", None, false),
            ("cu126", Some(mirror), false),
        ] {
            let source = pytorch(variant, at);
            let url = format!("{}{variant}", at.unwrap_or(root));
            let expected = if by_name {
                ["--torch-backend", variant]
            } else {
                ["--index", url.as_str()]
            };
            assert_eq!(source.arguments, expected);
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
