//! Upgrades that nobody asks for: whether apt's settings switch them on, and what they leave alone (apt.conf(5),
//! unattended-upgrade(8)).

use crate::look::{known, names};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::UnattendedUpgrades;

/// The settings of `/etc/apt/apt.conf.d`, in the order apt reads them; absent where there are none.
pub(crate) fn all(machine: &dyn Machine) -> Known<UnattendedUpgrades> {
    let folder = "/etc/apt/apt.conf.d";
    let names = match names(machine, folder) {
        Known::Value(names) => names,
        Known::Absent => return Known::Absent,
        Known::Unknown { unknown } => return Known::unknown(unknown),
    };
    let mut settings = UnattendedUpgrades::default();
    for name in names {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        if !matches!(extension, None | Some("conf")) || name.starts_with('.') {
            continue;
        }
        let file = format!("{folder}/{name}");
        match known(machine.text(&file)) {
            Known::Value(text) => {
                let before = settings.left_alone.len();
                read(&text, &mut settings);
                if settings.left_alone.len() > before {
                    settings.files.push(file);
                }
            }
            Known::Absent => {}
            Known::Unknown { unknown } => return Known::unknown(unknown),
        }
    }
    Known::Value(settings)
}

/// One file's settings, over those before: a later value counts, lists grow.
fn read(text: &str, settings: &mut UnattendedUpgrades) {
    let tokens = tokens(text);
    // The names of the blocks that are open.
    let mut open: Vec<String> = Vec::new();
    let mut statement: Vec<&Token> = Vec::new();
    for token in &tokens {
        match token {
            Token::Mark('{') => {
                let name = match statement.first() {
                    Some(Token::Word(name)) => name.clone(),
                    _ => String::new(),
                };
                open.push(name);
                statement.clear();
            }
            Token::Mark('}') => {
                open.pop();
                statement.clear();
            }
            Token::Mark(_) => {
                set(&open, &statement, settings);
                statement.clear();
            }
            word => statement.push(word),
        }
    }
}

fn set(open: &[String], statement: &[&Token], settings: &mut UnattendedUpgrades) {
    let block = open.join("::");
    let (name, value) = match statement {
        [Token::Word(name), Token::Text(value)] if block.is_empty() => (name.clone(), value),
        [Token::Word(name), Token::Text(value)] => (format!("{block}::{name}"), value),
        // An entry of a list.
        [Token::Text(value)] => (block, value),
        _ => return,
    };
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(':');
    match name {
        "apt::periodic::unattended-upgrade" => {
            settings.on = value.trim() != "0" && !value.trim().is_empty();
        }
        "unattended-upgrade::package-blacklist" => settings.left_alone.push(value.clone()),
        _ => {}
    }
}

#[derive(Debug)]
enum Token {
    /// A bare word: a name.
    Word(String),
    /// A text in quotes: a value.
    Text(String),
    /// `{`, `}` or `;`.
    Mark(char),
}

/// Names, values and marks; comments are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = |count: usize| rest.get(count..).unwrap_or_default();
        if rest.starts_with("//") || first == '#' {
            rest = rest.find('\n').map_or("", after);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| after(end + 2));
        } else if first == '"' {
            let inside = after(1);
            let end = inside.find('"').unwrap_or(inside.len());
            tokens.push(Token::Text(inside[..end].to_string()));
            rest = inside.get(end + 1..).unwrap_or_default();
        } else if matches!(first, '{' | '}' | ';') {
            tokens.push(Token::Mark(first));
            rest = after(1);
        } else if first.is_whitespace() {
            rest = after(first.len_utf8());
        } else {
            let end = rest
                .find(|letter: char| letter.is_whitespace() || "{};\"".contains(letter))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_string()));
            rest = after(end);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> UnattendedUpgrades {
        let mut settings = UnattendedUpgrades::default();
        for text in texts {
            read(text, &mut settings);
        }
        settings
    }

    #[test]
    fn both_forms_are_read_and_a_later_value_counts() {
        let settings = of(&[
            "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n",
            "// \"x\";\nUnattended-Upgrade::Allowed-Origins {\n  \"${distro_id}:${distro_codename}-security\";\n};\nUnattended-Upgrade::Package-Blacklist {\n  // \"linux-\";\n  \"libc6$\"; # end\n  /* \"no\"; */ \"libstdc\\+\\+6$\";\n};\n",
            "Unattended-Upgrade { Package-Blacklist { \"nvidia-driver-580-open$\"; }; };\nUnattended-Upgrade::Package-Blacklist:: \"one\";\n",
        ]);
        assert!(settings.on);
        assert_eq!(
            settings.left_alone,
            [
                "libc6$",
                "libstdc\\+\\+6$",
                "nvidia-driver-580-open$",
                "one"
            ]
        );
        assert!(
            !of(&[
                "APT { Periodic { Unattended-Upgrade \"1\"; }; };",
                "APT::Periodic::Unattended-Upgrade \"0\";"
            ])
            .on
        );
    }

    #[test]
    fn damaged_settings_are_read_as_far_as_they_go() {
        let text = "APT::Periodic { Unattended-Upgrade \"1\"; }; /* ü \" { Unattended-Upgrade::Package-Blacklist { \"ü\"; ";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _ = of(&[&text[..end]]);
        }
        assert_eq!(of(&["};;{{\"", "#", "//"]), UnattendedUpgrades::default());
    }
}
