//! dpkg's status file (deb822(5), dpkg(1)): one paragraph a package, megabytes of it, of which few lines matter.

use deskside_knowledge::platforms::{matters, package_origin};
use deskside_types::Known;
use deskside_types::facts::{Package, PackageState};

/// The packages that matter, by name. Paragraphs that can't be understood are passed over.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Package> {
    let mut packages: Vec<Package> = paragraphs(bytes)
        .filter(|paragraph| name(paragraph).is_some_and(matters))
        .filter_map(package)
        .collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    // The same package of a second architecture tells nothing new.
    packages.dedup_by(|one, other| one.name == other.name);
    packages
}

/// The paragraphs that matter with the fields that matter, as a status file of its own: what a bundle keeps of it,
/// so that it is small and does not tell everything a person has installed.
pub(crate) fn thinned(bytes: &[u8]) -> String {
    let mut kept = String::new();
    for paragraph in paragraphs(bytes).filter(|paragraph| name(paragraph).is_some_and(matters)) {
        let text = String::from_utf8_lossy(paragraph);
        for line in text.lines() {
            let wanted = [
                "Package",
                "Status",
                "Architecture",
                "Version",
                "Maintainer",
                "Origin",
            ]
            .iter()
            .any(|field| {
                line.strip_prefix(field)
                    .is_some_and(|rest| rest.starts_with(':'))
            });
            if wanted {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        kept.push('\n');
    }
    kept
}

/// Paragraphs are divided by empty lines.
fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while let Some(tail) = rest.strip_prefix(b"\n") {
            rest = tail;
        }
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        let mut from = 0;
        // The next line end that is followed by another.
        while let Some(at) = rest[from..].iter().position(|byte| *byte == b'\n') {
            let at = from + at;
            if rest.get(at + 1) == Some(&b'\n') {
                end = at;
                break;
            }
            from = at + 1;
        }
        let (paragraph, tail) = rest.split_at(end);
        rest = tail;
        Some(paragraph)
    })
}

/// A paragraph's package. dpkg writes `Package` first.
fn name(paragraph: &[u8]) -> Option<&str> {
    let line = paragraph.strip_prefix(b"Package: ")?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    std::str::from_utf8(&line[..end]).ok().map(str::trim)
}

fn package(paragraph: &[u8]) -> Option<Package> {
    let text = String::from_utf8_lossy(paragraph);
    let field = |key: &str| crate::look::field(&text, key, ':');
    let mut status = field("Status")?.split_whitespace();
    let (want, _, state) = (status.next()?, status.next()?, status.next()?);
    let state = match state {
        "installed" | "triggers-awaited" | "triggers-pending" => PackageState::Installed,
        "unpacked" | "half-configured" => PackageState::HalfConfigured,
        "half-installed" => PackageState::HalfInstalled,
        "config-files" => PackageState::ConfigFiles,
        _ => return None,
    };
    let version = field("Version").unwrap_or_default().to_string();
    let origin = package_origin(&version, field("Maintainer"));
    Some(Package {
        name: field("Package")?.to_string(),
        origin: origin.map_or_else(
            || Known::unknown("neither its version nor its maintainer tells"),
            |origin| Known::Value(origin.into()),
        ),
        version,
        state,
        held: want == "hold",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: bash\nStatus: install ok installed\nVersion: 5\n\nPackage: nvidia-dkms-535\nStatus: install ok half-configured\nArchitecture: amd64\nMaintainer: Ubuntu Core Developers <ubuntu-devel-discuss@lists.ubuntu.com>\nVersion: 535.54.03-0ubuntu0~gpu22.04.1\nDescription: NVIDIA DKMS package\n long\n .\n more\n\nPackage: libnvidia-gl-535\nStatus: hold ok installed\nArchitecture: i386\nVersion: 535.1-0ubuntu1\nMaintainer: cudatools <cudatools@nvidia.com>\n\n\nPackage: cuda\nStatus: deinstall ok config-files\nVersion: 12.8.1-1\n\nPackage: nvidia-odd\nStatus: garbled\n\nPackage: cudnn\nStatus: unknown ok not-installed\n";

    #[test]
    fn only_what_matters_is_kept_with_its_state() {
        let packages = parse(STATUS.as_bytes());
        let told: Vec<(&str, PackageState, bool, Option<&str>)> = packages
            .iter()
            .map(|one| {
                (
                    one.name.as_str(),
                    one.state,
                    one.held,
                    one.origin.value().map(String::as_str),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("cuda", PackageState::ConfigFiles, false, None),
                (
                    "libnvidia-gl-535",
                    PackageState::Installed,
                    true,
                    Some("nvidia")
                ),
                (
                    "nvidia-dkms-535",
                    PackageState::HalfConfigured,
                    false,
                    Some("graphics-drivers")
                ),
            ]
        );
        assert!(packages[2].state.is_broken());
    }

    #[test]
    fn a_thinned_list_tells_the_same() {
        let thin = thinned(STATUS.as_bytes());
        assert_eq!(parse(thin.as_bytes()), parse(STATUS.as_bytes()));
        assert!(!thin.contains("bash") && !thin.contains("Description"));
    }

    #[test]
    fn damaged_lists_are_read_as_far_as_they_go() {
        for end in 0..STATUS.len() {
            let _ = parse(&STATUS.as_bytes()[..end]);
        }
        assert_eq!(parse(b"\xff\xfe\n\n\n\nPackage: nvidia-x"), vec![]);
        assert_eq!(parse(b""), vec![]);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test takes the time")]
    fn a_long_list_is_read_quickly() {
        let one = "Package: some-library-NUMBER\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 100\nMaintainer: Somebody <x@example.com>\nArchitecture: amd64\nVersion: 1.2.3-4\nDepends: libc6 (>= 2.34), other (>= 1.0), another\nDescription: a library\n that does something with a line of text that is as long as they are in real lists\n and goes on with a second line\n\n";
        let long = one.repeat(10_000) + STATUS;
        let begun = std::time::Instant::now();
        assert_eq!(parse(long.as_bytes()).len(), 3);
        let span = begun.elapsed();
        // 4 MB. The bar of 20 ms is for the released program; this one is built for debugging, on a shared machine.
        assert!(span.as_millis() < 1000, "{span:?}");
    }
}
