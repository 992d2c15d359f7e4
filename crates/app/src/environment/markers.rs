//! Markers of requirements (PEP 508) beside those of framework builds: joined, never dropped.

/// A requirement's marker.
pub(super) fn marker_of(line: &str) -> Option<&str> {
    let (_, marker) = line.split_once(';')?;
    let marker = marker.split(" #").next().unwrap_or(marker).trim();
    (!marker.is_empty()).then_some(marker)
}

/// A requirement without its marker.
pub(super) fn bare(line: &str) -> &str {
    line.split(';').next().unwrap_or(line).trim()
}

/// A requirement that holds where its own marker and the build's hold.
pub(super) fn marked(bare: &str, own: Option<&str>, build: Option<&str>) -> String {
    match (own, build) {
        (None, None) => bare.to_string(),
        (Some(one), None) | (None, Some(one)) => format!("{bare}; {one}"),
        (Some(own), Some(build)) if plain(own) == plain(build) => format!("{bare}; {build}"),
        (Some(own), Some(build)) => format!("{bare}; ({own}) and ({build})"),
    }
}

/// A requirement of an extra as a person asked for it: without the marker of the build, as [`marked`] joined them.
pub(super) fn asked(line: &str, build: Option<&str>) -> String {
    let own = marker_of(line).and_then(|marker| match build {
        Some(build) if plain(marker) == plain(build) => None,
        Some(build) => {
            let joined = marker.strip_suffix(&format!(" and ({build})"));
            let own = joined.and_then(|own| own.strip_prefix('(')?.strip_suffix(')'));
            Some(own.unwrap_or(marker))
        }
        None => Some(marker),
    });
    marked(bare(line), own, None)
}

/// With one kind of quotes and single spaces.
fn plain(marker: &str) -> String {
    let words: Vec<&str> = marker.split_whitespace().collect();
    words.join(" ").replace('"', "'")
}

/// Whether a requirement's marker can hold where a build's does. Only clauses on the system and the processor that are
/// joined by `and` are understood; of any other marker it is said that it can.
pub(super) fn can_hold(own: Option<&str>, build: Option<&str>) -> bool {
    let (Some(own), Some(build)) = (own, build) else {
        return true;
    };
    let own = plain(own);
    if own.contains(" or ") || own.contains('(') {
        return true;
    }
    let build = plain(build);
    own.split(" and ").filter_map(clause).all(|one| {
        build.split(" and ").filter_map(clause).all(|other| {
            one.variable != other.variable || !other.is || (one.value == other.value) == one.is
        })
    })
}

/// `variable == 'value'`, or `!=`.
struct Clause {
    variable: &'static str,
    is: bool,
    value: String,
}

fn clause(text: &str) -> Option<Clause> {
    let (left, is, right) = match (text.split_once("=="), text.split_once("!=")) {
        (Some((left, right)), None) => (left, true, right),
        (None, Some((left, right))) => (left, false, right),
        _ => return None,
    };
    let (left, right) = (left.trim(), right.trim());
    let (variable, value) = match left.starts_with('\'') {
        true => (right, left),
        false => (left, right),
    };
    let value = value.trim_matches('\'');
    let variable = match variable {
        "sys_platform" | "platform_system" => "system",
        "platform_machine" => "machine",
        _ => return None,
    };
    let value = match value {
        // As `sys_platform` says it.
        "Darwin" => "darwin".into(),
        "Linux" => "linux".into(),
        "Windows" => "win32".into(),
        other => other.to_string(),
    };
    Some(Clause {
        variable,
        is,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: Option<&str> = Some("sys_platform == 'linux'");
    const LINUX_X86: Option<&str> =
        Some("sys_platform == 'linux' and platform_machine == 'x86_64'");
    const MAC: Option<&str> = Some("sys_platform == 'darwin'");

    #[test]
    fn a_marker_is_joined_to_that_of_a_build_and_told_from_it_again() {
        for (line, build, joined) in [
            ("torch==2.6.0", None, "torch==2.6.0"),
            (
                "torch==2.6.0",
                MAC,
                "torch==2.6.0; sys_platform == 'darwin'",
            ),
            (
                "torch; sys_platform == \"darwin\"",
                MAC,
                "torch; sys_platform == 'darwin'",
            ),
            (
                "torchvision; python_version < '3.13'",
                LINUX,
                "torchvision; (python_version < '3.13') and (sys_platform == 'linux')",
            ),
            (
                "torch; a == '1' or b == '2' # why",
                LINUX_X86,
                "torch; (a == '1' or b == '2') and (sys_platform == 'linux' and platform_machine == 'x86_64')",
            ),
            (
                "jax; python_version < '3.13'",
                None,
                "jax; python_version < '3.13'",
            ),
        ] {
            let found = marked(bare(line), marker_of(line), build);
            assert_eq!(found, joined);
            let again = asked(&found, build);
            assert_eq!(marked(bare(&again), marker_of(&again), build), joined);
        }
    }

    #[test]
    fn systems_that_exclude_each_other_are_told() {
        for (own, build, can) in [
            (None, LINUX, true),
            (Some("sys_platform == 'darwin'"), LINUX, false),
            (Some("sys_platform == \"darwin\""), LINUX_X86, false),
            (Some("sys_platform != 'darwin'"), MAC, false),
            (Some("sys_platform != 'darwin'"), LINUX, true),
            (Some("platform_system == 'Linux'"), LINUX, true),
            (Some("platform_system == 'Windows'"), LINUX, false),
            (Some("'linux' == sys_platform"), MAC, false),
            (Some("platform_machine == 'aarch64'"), LINUX_X86, false),
            (Some("platform_machine == 'aarch64'"), LINUX, true),
            (Some("python_version < '3.13'"), LINUX, true),
            (
                Some("python_version < '3.13' and sys_platform == 'darwin'"),
                LINUX,
                false,
            ),
            (
                Some("sys_platform == 'darwin' or extra == 'x'"),
                LINUX,
                true,
            ),
            (Some("sys_platform == 'darwin'"), None, true),
        ] {
            assert_eq!(can_hold(own, build), can, "{own:?} {build:?}");
        }
    }
}
