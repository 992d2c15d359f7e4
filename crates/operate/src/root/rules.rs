//! What root's process knows by itself of the archives that it enters and the packages that it takes away. It is handed
//! over by the program, never by a plan: so an edited plan can name no other archive, key or file.

/// What root's process knows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Package files that may be downloaded.
    pub packages: Vec<Fetched>,
    /// Keys that may be fetched.
    pub keys: Vec<Fetched>,
    /// Files that may be written, each with exactly these contents. Package sources are among them.
    pub files: Vec<Whole>,
    /// The kind of a package, by its name; none where it is no package of the system layer. The first word of two kinds
    /// tells that they belong together: `nvidia-driver`, `nvidia-modules`.
    pub kind: fn(&str) -> Option<&'static str>,
    /// Whether a line of a package source names an archive of a maker's.
    pub is_makers: fn(&str) -> bool,
}

/// Something that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// From where.
    pub url: String,
    /// Into which file.
    pub path: String,
    /// What proves it: the SHA-256 of a file, the fingerprint of a key, both in hex.
    pub proof: String,
}

/// A file with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Where.
    pub path: String,
    /// What is in it.
    pub contents: String,
}

impl Rules {
    /// Nothing is known: only what needs no knowledge is allowed.
    pub fn none() -> Self {
        Self {
            packages: Vec::new(),
            keys: Vec::new(),
            files: Vec::new(),
            kind: |_| None,
            is_makers: |_| false,
        }
    }

    /// Whether that is fetched from there, by https, into that file, and is proven so.
    pub(super) fn gives(list: &[Fetched], url: &str, path: &str, proof: &str) -> bool {
        url.starts_with("https://")
            && list.iter().any(|one| {
                one.url == url && one.path == path && one.proof.eq_ignore_ascii_case(proof)
            })
    }

    /// Whether the file may be written with these contents.
    pub(super) fn writes(&self, path: &str, contents: &str) -> bool {
        self.files
            .iter()
            .any(|one| one.path == path && one.contents == contents)
    }
}
