//! Lines of settings that are switched off: what stands before them then, and which ones can't be.

use deskside_types::facts::SettingLine;

/// What stands before a line that is switched off in a file whose comments begin with `#`.
pub(crate) const OFF: &str = "# switched off by deskside: ";
/// The same in a shell's file: a command that does nothing, and so may stand alone inside `if` and `for`, where a comment
/// would leave nothing (POSIX shell, 2.10.2: a compound list holds a command).
pub(crate) const OFF_IN_SHELL: &str = ": # switched off by deskside: ";

/// The line as it is switched off.
pub(crate) fn switched_off(line: &SettingLine) -> String {
    // It is read by PAM and not by a shell (pam_env(8)).
    let mark = if line.file == "/etc/environment" || !is_shells(&line.file) {
        OFF
    } else {
        OFF_IN_SHELL
    };
    format!("{mark}{}", line.text)
}

fn is_shells(file: &str) -> bool {
    !file.starts_with("/etc/") || file.starts_with("/etc/profile")
}

/// Why a line of a profile can't be switched off whole without loss; none where it can: it sets one variable, to folders
/// of the toolkit and to what the variable was before.
pub(crate) fn holds_more(line: &SettingLine) -> Option<&'static str> {
    if line.bound {
        return Some("is a part of something longer");
    }
    let text = line.text.trim();
    let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let plain = text.split_once('=').filter(|(name, _)| is_variable(name));
    let Some((name, value)) = plain else {
        return Some("does more than to set a variable");
    };
    let value = unquoted(value);
    let Some(parts) = value.and_then(parts) else {
        return Some("does more than to set a variable");
    };
    (!parts
        .iter()
        .all(|part| part.is_empty() || is_itself(part, name) || is_toolkits(part, name)))
    .then_some("names other folders, too")
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A value without the quotes around the whole of it; none where it holds more than one word.
fn unquoted(value: &str) -> Option<&str> {
    let value = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:${}".contains(letter);
    (!value.is_empty() && value.chars().all(is_plain)).then_some(value)
}

/// The folders of a list: what lies between colons that stand outside braces.
fn parts(value: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0_u32, 0);
    for (place, letter) in value.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            ':' if depth == 0 => {
                parts.push(&value[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[begin..]);
    (depth == 0).then_some(parts)
}

/// `$PATH`, `${PATH}`, `${PATH:+:${PATH}}`
fn is_itself(part: &str, name: &str) -> bool {
    let forms = [
        format!("${name}"),
        format!("${{{name}}}"),
        format!("${{{name}:-}}"),
        format!("${{{name}:+:${name}}}"),
        format!("${{{name}:+:${{{name}}}}}"),
        format!("${{{name}:+${{{name}}}:}}"),
    ];
    forms.iter().any(|form| form == part)
}

/// A folder of a toolkit, with or without the variable itself behind it.
fn is_toolkits(part: &str, name: &str) -> bool {
    let folder = match part.rfind("${") {
        Some(place) if place > 0 => {
            let begin = part.find(&format!("${{{name}")).unwrap_or(place);
            if begin == 0 || !is_itself(&part[begin..], name) {
                return false;
            }
            &part[..begin]
        }
        _ => part,
    };
    let begins = |head: &str| {
        folder.strip_prefix(head).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(['/', '-', '.']) && !rest.contains('$')
        })
    };
    [
        "/usr/local/cuda",
        "/usr/lib/cuda",
        "/opt/cuda",
        "/opt/rocm",
        "$CUDA_HOME",
        "${CUDA_HOME}",
        "$CUDA_PATH",
        "${CUDA_PATH}",
        "$ROCM_HOME",
        "${ROCM_HOME}",
        "$ROCM_PATH",
        "${ROCM_PATH}",
    ]
    .into_iter()
    .any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> SettingLine {
        SettingLine {
            file: "/home/me/.bashrc".into(),
            line: 1,
            text: text.into(),
            bound: false,
        }
    }

    #[test]
    fn only_a_line_that_holds_nothing_else_is_taken_out() {
        for text in [
            "export PATH=/usr/local/cuda/bin:$PATH",
            "  export LD_LIBRARY_PATH=/usr/local/cuda/lib64:/usr/local/cuda/extras/CUPTI/lib64:$LD_LIBRARY_PATH",
            "export PATH=\"/usr/local/cuda-12.4/bin:${PATH}\"",
            "PATH=$PATH:/opt/rocm/bin",
            "export PATH=/usr/local/cuda-12.4/bin${PATH:+:${PATH}}",
            "export LD_LIBRARY_PATH=/usr/local/cuda-12.4/lib64\
             ${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}}",
            "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:",
            "CUDA_HOME=/usr/local/cuda",
            "export PATH=${CUDA_HOME}/bin:$PATH",
        ] {
            assert_eq!(holds_more(&line(text)), None, "{text}");
        }
        for text in [
            "PATH=/usr/local/cuda/bin:$HOME/bin:$PATH",
            "export PATH=$HOME/cuda/bin:$PATH",
            "export PATH=/usr/local/cuda/bin:/srv/tools:$PATH",
            "export LD_LIBRARY_PATH=/usr/local/cudnn-mine/lib",
            "export PATH=/usr/local/cuda/bin${HOME}/bin:$PATH",
        ] {
            assert_eq!(
                holds_more(&line(text)),
                Some("names other folders, too"),
                "{text}"
            );
        }
        for text in [
            "if [ -d /usr/local/cuda ]; then export PATH=/usr/local/cuda/bin:$PATH; fi",
            "[ -d /usr/local/cuda ] && PATH=/usr/local/cuda/bin:$PATH",
            "if PATH=/usr/local/cuda/bin:$PATH nvcc; then",
            "export PATH=/usr/local/cuda/bin:$PATH EDITOR=vi",
            "export PATH=/usr/local/cuda/bin:$PATH; EDITOR=vi",
            "PATH=/usr/local/cuda/bin:$PATH exec zsh",
            "export PATH=\"/usr/local/cuda/bin:$PATH",
            "export PATH=/usr/local/cuda/bin:\\",
            "export PATH=/usr/local/cuda/bin:$(pwd)",
            "PATH+=:/usr/local/cuda/bin",
            "x=${PATH}}/cuda",
            "",
        ] {
            assert!(holds_more(&line(text)).is_some(), "{text}");
        }
        let mut bound = line("export PATH=/usr/local/cuda/bin:$PATH");
        bound.bound = true;
        assert!(holds_more(&bound).is_some());
    }

    #[test]
    fn each_kind_of_file_has_its_mark() {
        let mut one = line("x");
        assert!(switched_off(&one).starts_with(": # "));
        for (file, mark) in [
            ("/etc/profile.d/cuda.sh", OFF_IN_SHELL),
            ("/etc/environment", OFF),
            ("/etc/modprobe.d/x.conf", OFF),
        ] {
            one.file = file.into();
            assert_eq!(switched_off(&one), format!("{mark}x"), "{file}");
        }
    }
}
