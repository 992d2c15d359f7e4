//! What a driver package's name tells.

/// The branch in a name: `580`, `580-open`, `580-server-open`; none where the name has no number.
///
/// Libraries are shared by both kinds of modules and bear the bare number.
pub(crate) fn branch_of(name: &str) -> Option<String> {
    let mut words = name.split('-');
    let number = words.find(|word| {
        word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()) && !word.starts_with('0')
    })?;
    let mut branch = number.to_string();
    for word in words {
        match word {
            "server" | "open" => {
                branch.push('-');
                branch.push_str(word);
            }
            _ => break,
        }
    }
    Some(branch)
}

/// The number of a branch.
pub(crate) fn number(branch: &str) -> &str {
    branch.split('-').next().unwrap_or(branch)
}

/// The name is of one kind of modules only, not of the libraries that both kinds share.
pub(crate) fn is_of_one_kind(name: &str) -> bool {
    [
        "nvidia-driver-",
        "nvidia-dkms-",
        "nvidia-headless-",
        "nvidia-kernel-source-",
        "linux-modules-nvidia-",
        "linux-objects-nvidia-",
        "linux-signatures-nvidia-",
    ]
    .iter()
    .any(|head| name.starts_with(head))
}

/// Whether a package belongs to a branch and can stay beside it.
pub(crate) fn fits(name: &str, branch: &str) -> bool {
    match branch_of(name) {
        None => true,
        Some(own) if is_of_one_kind(name) => own == branch,
        Some(own) => {
            let server = |branch: &str| branch.contains("-server");
            number(&own) == number(branch) && server(&own) == server(branch)
        }
    }
}

/// Whether a text can be a package's name (Debian Policy, section 5.6.1). Whatever else a list holds is never handed on.
pub(crate) fn is_package(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        && !name.ends_with(['+', '-'])
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        })
}

/// `1 package`, `4 packages`
pub(crate) fn counted(names: &[String]) -> String {
    let word = if names.len() == 1 {
        "package"
    } else {
        "packages"
    };
    format!("{} {word}", names.len())
}

/// A list as a person reads it: all up to four, else the first three and how many more.
pub(crate) fn shown(names: &[String]) -> String {
    if names.len() <= 4 {
        return names.join(", ");
    }
    format!("{} and {} more", names[..3].join(", "), names.len() - 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_branch() {
        for (name, branch) in [
            ("nvidia-driver-580-open", Some("580-open")),
            ("nvidia-driver-580-server-open", Some("580-server-open")),
            ("libnvidia-compute-535", Some("535")),
            (
                "linux-modules-nvidia-580-open-6.8.0-151-generic",
                Some("580-open"),
            ),
            ("linux-modules-nvidia-470-generic-hwe-22.04", Some("470")),
            ("nvidia-firmware-580-580.95.05", Some("580")),
            ("nvidia-open", None),
            ("cuda-drivers", None),
            ("libnvidia-egl-wayland1", None),
        ] {
            assert_eq!(branch_of(name).as_deref(), branch, "{name}");
        }
        assert!(fits("libnvidia-gl-580", "580-open") && fits("nvidia-settings", "580"));
        assert!(!fits("nvidia-dkms-580", "580-open") && !fits("libnvidia-gl-535", "580"));
        assert!(!fits("libnvidia-gl-580-server", "580-open"));
    }
}
