//! How far two words are apart, and the word that may be meant by one that nobody knows.

/// The longest word that is compared, in bytes.
const LONGEST: usize = 64;

/// Letters to insert, remove or replace to make one word of the other; a word too long to be a slip is far from all.
pub fn distance(left: &str, right: &str) -> usize {
    if left.len() > LONGEST {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = corner + usize::from(letter != *other);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
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
        ] {
            assert_eq!(distance(left, right), apart, "{left} {right}");
        }
        assert_eq!(distance(&"x".repeat(65), "x"), usize::MAX);
    }
}
