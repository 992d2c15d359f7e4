//! Lines out of a stream, fit for a screen: no control characters, no escape sequences.

/// A longer line is passed on in parts.
const LONGEST: usize = 8 << 10;

/// Collects bytes and passes whole lines on.
#[derive(Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Takes more in; `say` hears of every line that is complete now.
    pub fn take(&mut self, bytes: &[u8], say: &mut dyn FnMut(&str)) {
        for byte in bytes {
            if matches!(byte, b'\n' | b'\r') {
                self.flush(say);
            } else {
                self.pending.push(*byte);
                if self.pending.len() >= LONGEST {
                    self.flush(say);
                }
            }
        }
    }

    /// Passes on what is left.
    pub fn flush(&mut self, say: &mut dyn FnMut(&str)) {
        if !self.pending.is_empty() {
            let line = plain(&String::from_utf8_lossy(&self.pending));
            self.pending.clear();
            if !line.trim().is_empty() {
                say(&line);
            }
        }
    }
}

/// A text without control characters and terminal escape sequences (ECMA-48 CSI and OSC).
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.next() {
                Some('[') => {
                    letters
                        .by_ref()
                        .find(|letter| ('\u{40}'..='\u{7e}').contains(letter));
                }
                Some(']') => {
                    while let Some(letter) = letters.next() {
                        if letter == '\u{7}'
                            || letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some()
                        {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => shown.push(' '),
            letter if letter.is_control() => {}
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut all = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.take(piece, &mut |line| all.push(line.to_string()));
        }
        lines.flush(&mut |line| all.push(line.to_string()));
        all
    }

    #[test]
    fn lines_are_whole_and_plain() {
        assert_eq!(
            lines(&[b"one\ntw", b"o\r\nthree\n\n", b"four"]),
            ["one", "two", "three", "four"]
        );
        assert_eq!(lines(&[b" 10%\r 20%\r100%\n"]), [" 10%", " 20%", "100%"]);
        assert_eq!(
            lines(&[b"\x1b[1;31mred\x1b[0m\ttab\x07\x1b]0;title\x07end\x1b]8;;x\x1b\\!"]),
            ["red tabend!"]
        );
        assert_eq!(
            lines(&["grün \u{202e}".as_bytes(), b"\xff\n"]),
            ["grün \u{202e}\u{fffd}"]
        );
        assert_eq!(lines(&[b"\x1b[", b"\x1b", b"\n"]), [""; 0]);
        assert_eq!(lines(&[&[b'x'; LONGEST + 1]]).len(), 2);
    }
}
