//! Dependency fields: kept word for word, but for what no archive of the lab has.

use std::collections::BTreeSet;

/// The names of a relation field.
pub fn names(field: &str) -> impl Iterator<Item = &str> {
    field.split([',', '|']).filter_map(name)
}

fn name(relation: &str) -> Option<&str> {
    let word = relation.trim().split([' ', '(']).next()?;
    (!word.is_empty()).then_some(word)
}

/// A field with the groups left out of which no alternative is known.
pub fn known(field: &str, names: &BTreeSet<String>) -> String {
    let groups: Vec<&str> = field
        .split(',')
        .map(str::trim)
        .filter(|group| {
            group
                .split('|')
                .filter_map(name)
                .any(|one| names.contains(one))
        })
        .collect();
    groups.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stays_when_one_alternative_is_known() {
        let names = BTreeSet::from(["dkms".to_string(), "b".to_string()]);
        assert_eq!(
            known("libc6 (>= 2.34), dkms (>= 3), a | b, b:i386 (= 1)", &names),
            "dkms (>= 3), a | b"
        );
    }
}
