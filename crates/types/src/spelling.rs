//! How far two words are apart, and the word that may be meant by one that nobody knows.

/// The longest word that is compared, in bytes.
const LONGEST: usize = 64;

/// Slips of the fingers that make one word of the other: letters inserted, removed or replaced, and neighbours swapped
/// (the optimal string alignment distance). A word too long to be a slip is far from all.
pub fn distance(left: &str, right: &str) -> usize {
    if left.len() > LONGEST {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    // The row before the last one, and the letter of the last one: what a swap looks back to.
    let mut above: Vec<usize> = Vec::new();
    let mut before = None;
    for (line, letter) in left.chars().enumerate() {
        let mut next = vec![line + 1; right.len() + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = row[column] + usize::from(letter != *other);
            next[column + 1] = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            if column > 0 && before == Some(*other) && right[column - 1] == letter {
                next[column + 1] = next[column + 1].min(above[column - 1] + 1);
            }
        }
        above = std::mem::replace(&mut row, next);
        before = Some(letter);
    }
    row[right.len()]
}

/// How far a word is from one that is known, where it is near enough to be a slip: a third of the shorter one's letters,
/// one at the least and three at the most. Case counts for nothing.
pub fn slip(word: &str, known: &str) -> Option<usize> {
    let letters = word.chars().count().min(known.chars().count());
    let apart = distance(&word.to_lowercase(), &known.to_lowercase());
    (apart <= (letters / 3).clamp(1, 3)).then_some(apart)
}

/// The known word that a word is most likely a [`slip`] of. Unlike [`nearest`] it takes no part of a word for the word.
pub fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter_map(|candidate| Some((slip(word, candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The nearest of the known words: one that holds all parts of the word, else one that is at most a third away (three
/// letters at the most). Case counts for nothing.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let word = word.trim().to_ascii_lowercase();
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let parts: Vec<&str> = word
        .split([' ', '-'])
        .filter(|part| !part.is_empty())
        .collect();
    let holds = known
        .clone()
        .filter(|candidate| {
            let candidate = candidate.to_ascii_lowercase();
            parts.iter().all(|part| candidate.contains(part))
        })
        .min_by_key(|candidate| candidate.len());
    holds.or_else(|| {
        known
            .map(|candidate| {
                (
                    to_its_end(&word, &candidate.to_ascii_lowercase()),
                    candidate,
                )
            })
            .filter(|(distance, _)| *distance <= (word.len() / 3).clamp(1, 3))
            .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
            .map(|(_, candidate)| candidate)
    })
}

/// The distance to the word or to its last words (`RTX 4090` of `GeForce RTX 4090`).
fn to_its_end(word: &str, candidate: &str) -> usize {
    let mut best = distance(word, candidate);
    let mut rest = candidate;
    while let Some((_, tail)) = rest.split_once(' ') {
        best = best.min(distance(word, tail));
        rest = tail;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_the_one_that_is_meant() {
        let known = [
            "GeForce RTX 4090",
            "GeForce RTX 5090",
            "H100 PCIe",
            "ubuntu-24.04",
        ];
        for (word, meant) in [
            ("RTX 4091", Some("GeForce RTX 4090")),
            ("rtx 5090", Some("GeForce RTX 5090")),
            ("H100", Some("H100 PCIe")),
            ("ubunto-24.04", Some("ubuntu-24.04")),
            ("abacus", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known.iter().copied()), meant, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(200), known.iter().copied()), None);
    }

    #[test]
    fn distances_are_counted_in_letters() {
        for (left, right, apart) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("größe", "grösse", 2),
            ("nmupy", "numpy", 1),
            ("torhc", "torch", 1),
            ("pytroch", "pytorch", 1),
            ("panads", "pandas", 1),
            ("ab", "ba", 1),
            ("k7mq", "k7qm", 1),
            // A letter is moved once: no edit between two that are swapped.
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(left, right), apart, "{left} {right}");
            assert_eq!(distance(right, left), apart, "{right} {left}");
        }
        assert_eq!(distance(&"x".repeat(65), "x"), usize::MAX);
    }

    #[test]
    fn slips_are_told_from_other_words() {
        let known = [
            "numpy", "torch", "pandas", "pytorch", "os", "flavour", "jax",
        ];
        for (word, meant) in [
            ("nmupy", Some("numpy")),
            ("torhc", Some("torch")),
            ("panads", Some("pandas")),
            ("pytroch", Some("pytorch")),
            ("Numpi", Some("numpy")),
            ("flavor", Some("flavour")),
            ("so", Some("os")),
            ("jx", Some("jax")),
            ("num", None),
            ("requests", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known.into_iter()), meant, "{word}");
        }
    }
}
