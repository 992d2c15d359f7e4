//! Paths with `*`: expanded folder by folder, within bounds.

use deskside_machine::{DoorError, ErrorKind, Machine, Reading};

/// Paths that one pattern may come to.
const MOST: usize = 400;

/// Every path that a pattern comes to, sorted. A pattern without `*` is itself, whether it is there or not.
///
/// # Errors
/// When a folder that had to be listed could not be; one that is absent only has no paths below it.
pub(crate) fn expand(machine: &dyn Machine, pattern: &str) -> Result<Vec<String>, DoorError> {
    if pattern == "/" {
        return Ok(vec![pattern.to_string()]);
    }
    let mut paths = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if !part.contains('*') {
            for path in &mut paths {
                path.push('/');
                path.push_str(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for path in &paths {
            let folder = if path.is_empty() { "/" } else { path };
            let entries = match machine.entries(folder) {
                Ok(entries) => entries,
                Err(error) if error.kind == ErrorKind::Absent => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                if matches(part, &entry.name) && next.len() < MOST {
                    next.push(format!("{path}/{}", entry.name));
                }
            }
        }
        paths = next;
    }
    Ok(paths)
}

/// Whether a name fits a pattern, where `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn stars_stand_for_any_letters() {
        for (pattern, name, fits) in [
            ("*.list", "cuda.list", true),
            ("*.list", "cuda.list.save", false),
            ("nvidia*.ko*", "nvidia-drm.ko.zst", true),
            ("nvidia*.ko*", "nouveau.ko", false),
            ("python3*", "python3", true),
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_nothing() {
        let sim = Sim::empty();
        sim.put_file("/lib/modules/6.8/updates/dkms/nvidia.ko", "");
        sim.put_file("/lib/modules/6.5/updates/dkms/nvidia.ko", "");
        assert_eq!(
            expand(&sim, "/lib/modules/*/updates/dkms/*").unwrap(),
            [
                "/lib/modules/6.5/updates/dkms/nvidia.ko",
                "/lib/modules/6.8/updates/dkms/nvidia.ko"
            ]
        );
        assert_eq!(expand(&sim, "/none/*/x").unwrap(), Vec::<String>::new());
        assert_eq!(expand(&sim, "/none").unwrap(), ["/none"]);
        assert_eq!(expand(&sim, "/").unwrap(), ["/"]);
    }
}
