//! What errors at import and in a first computation mean.

use crate::table::parsed;
use regex_lite::Regex;
use serde::Deserialize;
use std::sync::OnceLock;

/// An error that is known by its text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownError {
    /// Its stable identity.
    pub id: String,
    /// Regular expressions; one that is found anywhere decides.
    pub patterns: Vec<String>,
    /// The cause, in a sentence. `$1` stands for the first group of the pattern.
    pub cause: String,
    /// What it means for whoever uses the environment.
    pub meaning: String,
    /// Commands that mend it. `$1` and `{package}` are filled in.
    pub mend: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// An error that was recognised, with its texts filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Its stable identity.
    pub id: &'static str,
    /// The cause, in a sentence.
    pub cause: String,
    /// What it means.
    pub meaning: &'static str,
    /// Commands that mend it.
    pub mend: Vec<String>,
}

fn all() -> &'static [(KnownError, Vec<Regex>)] {
    #[derive(Deserialize)]
    struct File {
        error: Vec<KnownError>,
    }
    static FILE: OnceLock<Vec<(KnownError, Vec<Regex>)>> = OnceLock::new();
    FILE.get_or_init(|| {
        let file: File = parsed(include_str!("../../data/environment/errors.toml"));
        file.error
            .into_iter()
            .map(|error| {
                // A test compiles every pattern, so none is passed over here.
                let patterns = error
                    .patterns
                    .iter()
                    .filter_map(|pattern| Regex::new(pattern).ok())
                    .collect();
                (error, patterns)
            })
            .collect()
    })
}

/// Recognises an error's text; the first row that fits. `package` is the one that was imported.
pub fn recognise(text: &str, package: &str) -> Option<Recognised> {
    all().iter().find_map(|(error, patterns)| {
        let found = patterns.iter().find_map(|pattern| pattern.captures(text))?;
        let group = |place| found.get(place).map_or("", |group| group.as_str());
        let fill = |text: &str| {
            text.replace("$1", group(1))
                .replace("$2", group(2))
                .replace("{package}", package)
        };
        Some(Recognised {
            id: &error.id,
            cause: fill(&error.cause),
            meaning: &error.meaning,
            mend: error.mend.iter().map(|command| fill(command)).collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole() {
        for (error, patterns) in all() {
            assert_eq!(patterns.len(), error.patterns.len(), "{}", error.id);
            assert!(
                !error.patterns.is_empty() && !error.source.is_empty(),
                "{}",
                error.id
            );
            assert!(
                error.cause.len() > 10 && error.meaning.len() > 10,
                "{}",
                error.id
            );
        }
    }

    #[test]
    fn real_texts_are_recognised() {
        for (text, id) in [
            (
                "ImportError: /x/nvidia/cusparse/lib/libcusparse.so.12: undefined symbol: __nvJitLinkComplete_12_4, version libnvJitLink.so.12",
                "cuda-library-of-another-version",
            ),
            (
                "ImportError: /x/flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi",
                "built-for-another-torch",
            ),
            (
                "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /x/libtorch_python.so)",
                "libstdcxx-too-old",
            ),
            (
                "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /x/y.so)",
                "glibc-too-old",
            ),
            (
                "RuntimeError: CUDA error: no kernel image is available for execution on the device",
                "no-code-for-this-gpu",
            ),
            (
                "RuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
                "driver-too-old",
            ),
            (
                "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
                "device-memory-full",
            ),
            (
                "ImportError: numpy.core.multiarray failed to import",
                "built-for-another-numpy",
            ),
            (
                "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject",
                "built-for-another-numpy",
            ),
            (
                "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory",
                "library-missing",
            ),
            (
                "RuntimeError: operator torchvision::nms does not exist",
                "torchvision-of-another-torch",
            ),
            (
                "TypeError: Descriptors cannot be created directly.",
                "protobuf-too-new",
            ),
            (
                "ModuleNotFoundError: No module named 'yaml'",
                "module-missing",
            ),
            ("ImportError: /x/y.so: file too short", "library-cut-off"),
            (
                "Loaded runtime CuDNN library: 9.10.1 but source was compiled with: 9.13.1.",
                "cudnn-too-old",
            ),
            (
                "ImportError: /x/_c.so: invalid ELF header",
                "library-cut-off",
            ),
            (
                "ImportError: dlopen(/x/a.so, 0x0002): tried: '/x/a.so' (mach-o file, but is an incompatible architecture (have 'arm64', need 'x86_64'))",
                "another-processor",
            ),
        ] {
            let recognised = recognise(text, "x").unwrap_or_else(|| panic!("{text}"));
            assert_eq!(recognised.id, id, "{text}");
            assert!(
                !recognised.cause.contains('$') && !recognised.cause.contains('{'),
                "{recognised:?}"
            );
        }
        assert_eq!(recognise("KeyError: 'a'", "x"), None);
    }
}
