//! A plan as a POSIX script that does the same without Deskside: to be read, kept, or run by hand.

use crate::SystemPlan;
use deskside_types::plan::{Action, Check, CommandLine, FileContents, Step};
use deskside_types::shell::quoted;
use std::fmt::Write;

/// The script. Each step looks first whether it is done already, so that the script can be run again.
pub fn posix(plan: &SystemPlan) -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(text, "# What for: {}", comment(&plan.plan.wish));
    let _ = writeln!(
        text,
        "# Made {} by deskside plan --emit sh.",
        plan.plan.made_at
    );
    if let Some(platform) = &plan.platform {
        let _ = writeln!(
            text,
            "# For {}, as it was then. If it has changed since, make the script anew.",
            comment(platform)
        );
    }
    for why in &plan.why {
        let _ = writeln!(text, "# Because {}.", comment(why));
    }
    for note in &plan.notes {
        let _ = writeln!(
            text,
            "# {}: {}",
            if note.blocking {
                "NOT DONE BY THIS SCRIPT"
            } else {
                "Note"
            },
            comment(&note.text)
        );
        for command in &note.commands {
            let _ = writeln!(text, "#     {}", comment(command));
        }
    }
    if plan.plan.steps.is_empty() {
        text.push_str("\nset -eu\n\nsay 'There is nothing to do.'\n");
        return text.replace(
            "\nset -eu\n\nsay 'There",
            "\nset -eu\n\nprintf '%s\\n' 'There",
        );
    }
    text.push_str(HELPERS);
    text.push_str(&needed_helpers(plan));
    for (place, step) in plan.plan.steps.iter().enumerate() {
        let _ = writeln!(text, "\n# {}. {}", place + 1, comment(&step.title));
        let _ = writeln!(text, "#    {}", comment(&step.why));
        emit(&mut text, step);
    }
    text.push_str("\nsay 'Done.'\n");
    text
}

/// While dpkg is interrupted, apt refuses everything. What can't be configured may be what goes afterwards.
const SETTLE: &str = "
# Until dpkg has ended what it was interrupted in, apt does nothing. What can't be set up is dealt with below.
if [ -n \"$(ls /var/lib/dpkg/updates)\" ] || dpkg-query -W -f='${db:Status-Status}\\n' | grep -q -x -e unpacked -e half-configured; then
    as_root dpkg --configure -a || as_root apt-get install -y --fix-broken --no-remove || true
fi
";

const HEAD: &str = "#!/bin/sh\n# Texts that hold a dollar sign are meant as they stand.\n# shellcheck disable=SC2016\n";

const HELPERS: &str = r#"
set -eu
LC_ALL=C DEBIAN_FRONTEND=noninteractive
export LC_ALL DEBIAN_FRONTEND

say() { printf '%s\n' "$*"; }
# Each command with root is asked for by name; as root nothing is asked.
if [ "$(id -u)" -eq 0 ]; then
    as_root() { "$@"; }
else
    as_root() { sudo env LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
fi
"#;

const INSTALLED: &str = r#"# Whether every one of these packages is installed and configured.
installed() {
    for name in "$@"; do
        case "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" in
            installed | triggers-awaited | triggers-pending) ;;
            *) return 1 ;;
        esac
    done
}
"#;
const ABSENT: &str = r#"# Whether none of these packages is there, or not at the version behind the =; what is left of settings does not count.
absent() {
    for name in "$@"; do
        case "$(dpkg-query -W -f='${db:Status-Status} ${Version}' "${name%%=*}" 2>/dev/null || true)" in
            '' | 'not-installed '* | 'config-files '*) ;;
            *" ${name#*=}") return 1 ;;
            *) case "$name" in *=*) ;; *) return 1 ;; esac ;;
        esac
    done
}
"#;
const UNBROKEN: &str = r#"# Whether none of these packages is half installed.
unbroken() {
    for name in "$@"; do
        case "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" in
            unpacked | half-installed | half-configured) return 1 ;;
        esac
    done
}
"#;
const EDIT: &str = r#"# Replaces one whole line of a file, which must stand there exactly once.
replace_line() {
    if [ "$(grep -cxF -- "$2" "$1")" -ne 1 ]; then
        say "$1 does not hold the line exactly once: $2" >&2
        return 1
    fi
    copy=$(mktemp)
    OLD="$2" NEW="$3" awk '{ print ($0 == ENVIRON["OLD"]) ? ENVIRON["NEW"] : $0 }' "$1" > "$copy"
    if [ -w "$1" ]; then cat "$copy" > "$1"; else as_root tee "$1" < "$copy" > /dev/null; fi
    rm -f "$copy"
}
"#;
const KEY: &str = r#"# Whether a file holds this key and no other: each key's first fingerprint is its own.
holds_key() {
    [ "$(gpg --show-keys --with-colons "$1" | awk -F: '$1 == "pub" { first = 1 } $1 == "fpr" && first { print $10; first = 0 }')" = "$2" ]
}
"#;
const PACKAGES: &str = r#"# Lets apt change packages, after it was asked what it would remove: nothing but what is named first. It waits for others.
change_packages() {
    may=" $1 "
    shift
    for name in $(apt-get -s "$@" | awk '$1 == "Remv" || $1 == "Purg" { sub(/:.*/, "", $2); print $2 }'); do
        case "$may" in
            *" $name "*) ;;
            *) say "apt would also remove $name, and nothing was changed. Make the script anew." >&2; exit 1 ;;
        esac
    done
    as_root apt-get -o DPkg::Lock::Timeout=1200 -y "$@"
}
"#;
const FETCH: &str = r#"# Fetches a file.
fetch() {
    if command -v curl > /dev/null; then curl -fsSL -o "$2" "$1"; else wget -q -O "$2" "$1"; fi
}
"#;
const BEFOREHAND: &str = r#"# Fetches what comes for a machine without the packages of the first word, and installs nothing.
beforehand() {
    without=$(mktemp)
    awk -v gone="$1" 'BEGIN { RS = ""; ORS = "\n\n" } index(gone, " " $2 " ") == 0' /var/lib/dpkg/status > "$without"
    shift
    as_root apt-get -o Dir::State::status="$without" -o Dir::Cache::pkgcache= -o APT::Get::allow-change-held-packages=true \
        install --download-only -y "$@"
    rm -f "$without"
}
"#;

/// Only the helpers that the steps use, so that nothing in the script is idle.
fn needed_helpers(plan: &SystemPlan) -> String {
    let mut text = String::new();
    let mut body = String::new();
    for step in &plan.plan.steps {
        emit(&mut body, step);
    }
    for (call, helper) in [
        ("installed ", INSTALLED),
        ("absent ", ABSENT),
        ("unbroken ", UNBROKEN),
        ("replace_line ", EDIT),
        ("fetch ", FETCH),
        ("holds_key ", KEY),
        ("change_packages ", PACKAGES),
        ("beforehand ", BEFOREHAND),
    ] {
        if body.contains(call) {
            text.push_str(helper);
        }
    }
    if plan
        .plan
        .steps
        .iter()
        .any(|step| step.id.starts_with("dpkg."))
    {
        text.push_str(SETTLE);
    }
    text
}

fn conditions_of(step: &Step, checks: &[Check]) -> Option<String> {
    if step.id == "dpkg.drop" {
        // What goes because it is broken may come back whole in a later step of the same script.
        unbroken(checks)
    } else {
        conditions(checks)
    }
}

/// The condition that none of the packages that are to be absent is half installed.
fn unbroken(checks: &[Check]) -> Option<String> {
    let names: Vec<String> = checks
        .iter()
        .filter_map(|check| match check {
            Check::Packages { absent, .. } => Some(absent.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    (!names.is_empty()).then(|| format!("unbroken {}", list(&names)))
}

fn emit(text: &mut String, step: &Step) {
    let title = quoted(&step.title);
    let condition = conditions_of(step, &step.check);
    match &condition {
        Some(condition) => {
            let _ = writeln!(
                text,
                "if {condition}; then\n    say {}",
                quoted(&format!("done already: {}", step.title))
            );
            let _ = writeln!(text, "else\n    say {title}");
        }
        None => {
            let _ = writeln!(text, "say {title}");
        }
    }
    let margin = if condition.is_some() { "    " } else { "" };
    for action in &step.actions {
        for line in lines(action, step.root) {
            // The body of a here-document keeps its own margin.
            if let Some(body) = line.strip_prefix('\u{1}') {
                let _ = writeln!(text, "{body}");
            } else {
                let _ = writeln!(text, "{margin}{line}");
            }
        }
    }
    if condition.is_some() {
        text.push_str("fi\n");
    }
    // What a restart brings about can be looked at only behind it.
    let restarts = step.actions.contains(&Action::Reboot) || step.hands_needed.is_some();
    if !restarts && let Some(verify) = conditions_of(step, &step.verify) {
        let _ = writeln!(
            text,
            "if ! {{ {verify}; }}; then say {} >&2; exit 1; fi",
            quoted(&format!("could not be proven: {}", step.title))
        );
    }
}

fn conditions(checks: &[Check]) -> Option<String> {
    let all: Vec<String> = checks.iter().flat_map(condition).collect();
    (!all.is_empty()).then(|| all.join(" && "))
}

fn condition(check: &Check) -> Vec<String> {
    match check {
        Check::Exists { path } => vec![format!("[ -e {} ]", quoted(path))],
        // A link that leads nowhere is there, too.
        Check::Absent { path } => vec![
            format!("[ ! -e {} ]", quoted(path)),
            format!("[ ! -L {} ]", quoted(path)),
        ],
        Check::FileIs { path, sha256 } => vec![format!(
            "printf '%s  %s\\n' {} {} | sha256sum -c - > /dev/null 2>&1",
            quoted(sha256),
            quoted(path)
        )],
        Check::Succeeds { command } => vec![format!("{} > /dev/null 2>&1", words(command))],
        Check::Packages { installed, absent } => {
            let mut all = Vec::new();
            if !installed.is_empty() {
                all.push(format!("installed {}", list(installed)));
            }
            if !absent.is_empty() {
                all.push(format!("absent {}", list(absent)));
            }
            all
        }
        Check::Member { group } => vec![format!(
            "id -nG \"${{SUDO_USER:-$(id -un)}}\" | tr ' ' '\\n' | grep -qxF -- {}",
            quoted(group)
        )],
        // Environments are no part of the system layer.
        Check::Environment { .. } => vec!["false".into()],
    }
}

fn lines(action: &Action, root: bool) -> Vec<String> {
    let sudo = if root { "as_root " } else { "" };
    match action {
        Action::Run { command, .. } => vec![otherwise(command).unwrap_or_else(|| format!("{sudo}{}", words(command)))],
        Action::Packages { install, remove } => {
            let mut names: Vec<String> = install.clone();
            let may = quoted(&remove.join(" "));
            if install.is_empty() {
                return vec![format!("change_packages {may} purge {}", list(remove))];
            }
            // apt-get takes what is to go in the same transaction with a minus behind its name.
            names.extend(remove.iter().map(|name| format!("{name}-")));
            // What goes loses its settings, too.
            let purge = if remove.is_empty() { "" } else { "--purge " };
            vec![format!("change_packages {may} install {purge}{}", list(&names))]
        }
        Action::WriteFile { path, contents, mode } => {
            let FileContents::Text(body) = contents else {
                return vec!["say 'a file of the program itself is needed here' >&2; exit 1".into()];
            };
            let mut lines = folder(path, root);
            lines.push(format!("{sudo}tee {} > /dev/null << 'END'", quoted(path)));
            lines.extend(body.lines().map(|line| format!("\u{1}{line}")));
            lines.push("\u{1}END".into());
            lines.push(format!("{sudo}chmod {mode:o} {}", quoted(path)));
            lines
        }
        Action::EditFile { path, old, new } => vec![format!("replace_line {} {} {}", quoted(path), quoted(old), quoted(new))],
        Action::Remove { path } => {
            // Beside it under a name that nobody reads: it can be put back.
            let aside = match path.rsplit_once('/') {
                Some((folder, name)) => format!("{folder}/.{name}.before-deskside"),
                None => format!(".{path}.before-deskside"),
            };
            let (path, aside) = (quoted(path), quoted(&aside));
            vec![
                format!("if [ -e {aside} ]; then say {aside} 'is in the way: move it' >&2; exit 1; fi"),
                format!("{sudo}mv {path} {aside}"),
            ]
        }
        Action::Download { url, path, sha256, .. } => {
            let mut lines = folder(path, root);
            lines.push("download=$(mktemp)".into());
            lines.push(format!("fetch {} \"$download\"", quoted(url)));
            lines.push(format!("printf '%s  %s\\n' {} \"$download\" | sha256sum -c -", quoted(sha256)));
            lines.push(format!("{sudo}install -m 644 \"$download\" {}", quoted(path)));
            lines.push("rm -f \"$download\"".into());
            lines
        }
        Action::Key { path, fingerprint, url } => {
            let mut lines = folder(path, true);
            lines.push("download=$(mktemp)".into());
            lines.push(format!("fetch {} \"$download\"", quoted(url)));
            lines.push(format!("holds_key \"$download\" {}", quoted(fingerprint)));
            lines.push(format!("gpg --dearmor < \"$download\" | as_root tee {} > /dev/null", quoted(path)));
            lines.push(format!("as_root chmod 644 {}", quoted(path)));
            lines.push("rm -f \"$download\"".into());
            lines
        }
        Action::AptSource { name, contents } => {
            let path = format!("/etc/apt/sources.list.d/{name}");
            let mut lines = vec![format!("as_root tee {} > /dev/null << 'END'", quoted(&path))];
            lines.extend(contents.lines().map(|line| format!("\u{1}{line}")));
            lines.push("\u{1}END".into());
            lines
        }
        Action::Group { name } => vec![format!("as_root usermod -a -G {} \"${{SUDO_USER:-$(id -un)}}\"", quoted(name))],
        Action::Reboot => vec![
            "say 'Restart this machine now: sudo reboot. Run this script again afterwards to see that all is done.'".into(),
            "exit 0".into(),
        ],
        Action::AskPerson { instructions } => vec![
            format!("say {}", quoted(instructions)),
            "printf 'Press Enter when that is done. '".into(),
            "read -r _".into(),
        ],
        other => vec![format!("say {} >&2; exit 1", quoted(&format!("this script can't do: {}", kind(other))))],
    }
}

/// A command that a script says in another way, or that may fail: what only fetches, and what is held again.
fn otherwise(command: &CommandLine) -> Option<String> {
    let argv: Vec<&str> = command.argv.iter().map(String::as_str).collect();
    match argv.as_slice() {
        // What did not come back can't be held.
        ["apt-mark", "hold", ..] | ["apt-get", "install", "--download-only", "--reinstall", ..] => {
            Some(format!("as_root {} || true", words(command)))
        }
        ["apt-get", "install", "--download-only", "-y", names @ ..] => {
            let (gone, come): (Vec<&str>, Vec<&str>) =
                names.iter().partition(|name| name.ends_with('-'));
            let gone: String = gone
                .iter()
                .flat_map(|name| [name.trim_end_matches('-'), " "])
                .collect();
            let come: Vec<String> = come.iter().map(ToString::to_string).collect();
            Some(format!(
                "beforehand {} {}",
                quoted(&format!(" {gone}")),
                list(&come)
            ))
        }
        _ => None,
    }
}

/// Actions that no step of the system layer has so far.
fn kind(action: &Action) -> String {
    serde_json::to_value(action)
        .ok()
        .and_then(|value| value.get("kind")?.as_str().map(str::to_string))
        .unwrap_or_default()
}

fn folder(path: &str, root: bool) -> Vec<String> {
    let sudo = if root { "as_root " } else { "" };
    path.rsplit_once('/')
        .filter(|(folder, _)| !folder.is_empty())
        .map(|(folder, _)| format!("{sudo}mkdir -p {}", quoted(folder)))
        .into_iter()
        .collect()
}

fn words(command: &CommandLine) -> String {
    list(&command.argv)
}

fn list(words: &[String]) -> String {
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A text that can stand behind a `#`: on one line.
fn comment(text: &str) -> String {
    text.replace(['\n', '\r', '\0'], " ")
}
