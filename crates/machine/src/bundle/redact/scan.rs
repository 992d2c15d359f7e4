//! Small tools for looking through text for patterns of ASCII letters.

/// A byte of a word. Every byte of a letter outside ASCII is one, too.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Replaces what a finder finds. The finder looks at a place and answers how far its find reaches and
/// what stands there instead; places it is asked about start a word or follow one.
pub(super) fn replace(
    text: &str,
    mut find: impl FnMut(usize) -> Option<(usize, String)>,
) -> String {
    let mut shown = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < text.len() {
        if text.is_char_boundary(at)
            && let Some((end, instead)) = find(at)
            && end > at
        {
            shown.push_str(&text[kept..at]);
            shown.push_str(&instead);
            (kept, at) = (end, end);
        } else {
            at += 1;
        }
    }
    if kept == 0 {
        return text.to_string();
    }
    shown.push_str(&text[kept..]);
    shown
}

/// How far bytes of a kind reach from a place on.
pub(super) fn run(bytes: &[u8], from: usize, of: impl Fn(u8) -> bool) -> usize {
    from + bytes[from..].iter().take_while(|byte| of(**byte)).count()
}

/// The byte before a place.
pub(super) fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).map(|at| bytes[at])
}

/// Replaces a word where it is a word of its own.
pub(super) fn replace_word(text: &str, word: &str, instead: &str) -> String {
    if word.is_empty() || !text.contains(word) {
        return text.to_string();
    }
    let bytes = text.as_bytes();
    replace(text, |at| {
        let end = at + word.len();
        let fits = bytes[at..].starts_with(word.as_bytes())
            && !before(bytes, at).is_some_and(is_word)
            && !bytes.get(end).copied().is_some_and(is_word);
        fits.then(|| (end, instead.to_string()))
    })
}
