//! Modules whose distribution has another name, and shared libraries with the system's package that brings each.

use crate::table::{find, rows};

const IMPORTS: &str = include_str!("../../data/environment/imports.tsv");
const SAME_NAME: &str = include_str!("../../data/environment/same-name.txt");
const LIBRARIES: &str = include_str!("../../data/environment/libraries.tsv");

/// The package of Debian and Ubuntu that brings a shared library.
pub fn package_of_library(library: &str) -> Option<&'static str> {
    find(LIBRARIES, library)?.split('\t').nth(1)
}

/// The distribution that brings a module, where the names differ.
pub fn distribution_of(module: &str) -> Option<&'static str> {
    find(IMPORTS, module)?.split('\t').nth(1)
}

/// Whether a module is surely brought by a distribution of its own name. Of one that is in no table nothing is known: a
/// distribution of its name may be somebody else's.
pub fn has_its_own_name(module: &str) -> bool {
    rows(SAME_NAME).any(|name| name == module)
}

/// The module that a distribution brings, where the names differ; the first of several.
pub fn module_of(distribution: &str) -> Option<&'static str> {
    rows(IMPORTS)
        .filter_map(|row| row.split_once('\t'))
        .find(|(_, name)| *name == distribution)
        .map(|(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_both_ways() {
        let lines: Vec<&str> = rows(IMPORTS).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        for line in lines {
            let (module, name) = line.split_once('\t').unwrap();
            assert_eq!(distribution_of(module), Some(name));
            assert_eq!(crate::python::normalised_name(name), name);
        }
        assert_eq!(module_of("scikit-learn"), Some("sklearn"));
        assert_eq!(distribution_of("numpy"), None);
        assert!(has_its_own_name("numpy") && !has_its_own_name("utils") && !has_its_own_name(""));
        let names: Vec<&str> = rows(SAME_NAME).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        for name in names {
            assert_eq!(distribution_of(name), None, "{name}");
            assert_eq!(crate::python::normalised_name(name), name);
        }
        let lines: Vec<&str> = rows(LIBRARIES).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(package_of_library("libGL.so.1"), Some("libgl1"));
    }
}
