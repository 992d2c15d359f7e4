//! Releases on an index: which are final, and which is newer (PEP 440, plain versions).

use deskside_knowledge::version::order;
use std::cmp::Ordering;

/// Whether a version is a final release: numbers and dots, perhaps a post-release or a local part.
pub fn is_final(version: &str) -> bool {
    let public = version.split('+').next().unwrap_or(version);
    let public = match public.split_once(".post") {
        Some((head, number))
            if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            head
        }
        Some(_) => return false,
        None => public,
    };
    !public.is_empty()
        && public
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Orders two final releases; a post-release is above its release.
pub fn compare(left: &str, right: &str) -> Ordering {
    order(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_releases_are_told_from_the_rest() {
        for (version, expected) in [
            ("0.13.9", true),
            ("1", true),
            ("1.0.post1", true),
            ("1.0+local", true),
            ("0.14.0rc1", false),
            ("0.14.0a2", false),
            ("1.0.dev3", false),
            ("1.0.post", false),
            ("1..0", false),
            ("", false),
            ("v1.0", false),
        ] {
            assert_eq!(is_final(version), expected, "{version}");
        }
    }

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        for (older, newer) in [
            ("0.9.9", "0.13.9"),
            ("0.13.9", "0.13.10"),
            ("1.0", "1.0.1"),
            ("1.0", "1.0.post1"),
            ("0.99", "1"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
        }
        assert_eq!(compare("1.0", "1.0.0"), Ordering::Equal);
    }
}
