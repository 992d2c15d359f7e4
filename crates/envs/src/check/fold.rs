//! One root cause for each trouble: what follows from another finding is told below it.

use super::{Finding, Rank};

/// Findings about the same distributions become consequences of the one nearest to the root; the worst come first.
pub(crate) fn fold(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|left, right| {
        (left.rank, left.severity, &left.id, &left.cause).cmp(&(
            right.rank,
            right.severity,
            &right.id,
            &right.cause,
        ))
    });
    let mut roots: Vec<Finding> = Vec::new();
    for finding in findings {
        let root = roots.iter_mut().find(|root| {
            root.rank < finding.rank
                && root.rank > Rank::Surroundings
                && finding.rank > Rank::Surroundings
                && !finding.about.is_disjoint(&root.about)
        });
        match root {
            Some(root) => {
                root.severity = root.severity.min(finding.severity);
                root.consequences.push(finding.cause);
                root.consequences.extend(finding.consequences);
            }
            None => roots.push(finding),
        }
    }
    roots.sort_by(|left, right| {
        (left.severity, left.rank, &left.id, &left.cause).cmp(&(
            right.severity,
            right.rank,
            &right.id,
            &right.cause,
        ))
    });
    roots
}
