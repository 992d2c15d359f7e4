//! How long a machine was held by runs, from their beginnings and ends.

/// Milliseconds within a window in which at least one of the spans went on; spans may overlap and lie outside.
pub fn held(spans: &[(i64, i64)], from: i64, to: i64) -> i64 {
    let mut inside: Vec<(i64, i64)> = spans
        .iter()
        .map(|(start, end)| ((*start).max(from), (*end).min(to)))
        .filter(|(start, end)| end > start)
        .collect();
    inside.sort_unstable();
    let mut until = from;
    let mut sum = 0;
    for (start, end) in inside {
        let start = start.max(until);
        if end > start {
            sum += end - start;
            until = end;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_runs_count_once() {
        for (spans, sum) in [
            (&[][..], 0),
            (&[(0, 10)], 10),
            (&[(0, 10), (5, 20)], 20),
            (&[(5, 20), (0, 10), (6, 7)], 20),
            (&[(-50, 10), (90, 500)], 20),
            (&[(20, 10), (200, 300)], 0),
        ] {
            assert_eq!(held(spans, 0, 100), sum, "{spans:?}");
        }
    }
}
