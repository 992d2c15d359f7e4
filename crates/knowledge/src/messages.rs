//! What the system's own messages are in English: causes are known by their English words, and logs are in any language.

use crate::table::rows;

const MESSAGES: &str = include_str!("../data/system/messages.tsv");
/// How a shell says that a child was ended by a signal.
const ENDED: &[&str] = &[
    "Killed",
    "Bus error",
    "Segmentation fault",
    "Aborted",
    "Illegal instruction",
];

/// A text with each line that is known in English behind the line that says the same in another language, or in a shell's
/// frame (`train.sh: line 7:  4711 Killed    python train.py`).
pub fn with_english(text: &str) -> String {
    let known: Vec<(&str, &str)> = rows(MESSAGES)
        .filter_map(|row| row.split_once('\t'))
        .filter(|(local, _)| text.contains(local))
        .collect();
    let framed = ENDED.iter().any(|word| text.contains(word)) || text.contains("killed");
    if known.is_empty() && !framed {
        return text.to_string();
    }
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let english = known
            .iter()
            .fold(line.to_string(), |line, (local, english)| {
                line.replace(local, english)
            });
        let ended = ended(&english);
        lines.push(line.to_string());
        if english != line {
            lines.push(english);
        }
        lines.extend(ended.map(String::from));
    }
    lines.join("\n")
}

/// The word in which a shell says how a child ended: bash with its script and line, zsh with its own name or the job's.
fn ended(line: &str) -> Option<&'static str> {
    let framed = |rest: &str, same: fn(&str, &str) -> bool| {
        let rest = rest.trim_start();
        ENDED.iter().copied().find(|word| {
            rest.get(..word.len()).is_some_and(|head| same(head, word))
                && rest[word.len()..].starts_with([' ', '\t'])
        })
    };
    let any_case: fn(&str, &str) -> bool = |one, other| one.eq_ignore_ascii_case(other);
    let numbered = |rest: &str, same| {
        let rest = rest.trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        framed(rest.get(digits..).filter(|_| digits > 0)?, same)
    };
    if let Some(rest) = line.strip_prefix("zsh: ") {
        return framed(rest, any_case);
    }
    // `[1]  4711 killed  …`, `FILE: line 7:  4711 Killed  …`.
    match line.strip_prefix('[') {
        Some(job) => numbered(job.split_once(']')?.1, any_case),
        None => numbered(line.rsplit_once(": ")?.1, |one, other| one == other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_followed_by_their_english() {
        for (text, english) in [
            (
                "OSError: [Errno 28] Auf dem Gerät ist kein Speicherplatz mehr verfügbar: '/x'",
                "OSError: [Errno 28] No space left on device: '/x'",
            ),
            ("Getötet", "Killed"),
            (
                "train.sh: Zeile 1:   123 Getötet                python train.py",
                "train.sh: Zeile 1:   123 Killed                python train.py\nKilled",
            ),
            (
                "train.sh: line 1:   123 Killed                  python train.py",
                "Killed",
            ),
            ("zsh: killed     python train.py", "Killed"),
            ("[1]    4711 killed     python train.py", "Killed"),
            (
                "x.sh: line 3: 9 Bus error               (core dumped) ./x",
                "Bus error",
            ),
        ] {
            assert_eq!(with_english(text), format!("{text}\n{english}"));
        }
        for text in ["", "Killed", "step 3: 12 killed by hand", "a\nb", "[x"] {
            assert_eq!(with_english(text), text);
        }
    }

    #[test]
    fn every_message_has_its_english() {
        for row in rows(MESSAGES) {
            let (local, english) = row.split_once('\t').unwrap();
            assert!(local.len() > 4 && english.is_ascii(), "{row}");
        }
    }
}
