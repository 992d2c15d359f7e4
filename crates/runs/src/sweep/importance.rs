//! How much a parameter has to do with the result: the part of the variance of the results' ranks that it explains alone. It is
//! simple and says no more than it is: what two parameters do only together it does not see.

use super::points::Point;
use super::space::Parameter;

/// Trials that are needed before anything is said.
pub const FEWEST: usize = 5;

/// One parameter's part, between 0 and 1. Groups of equal values explain what they do by the correlation ratio, corrected for its
/// bias (Kelley's epsilon squared); numbers are put into groups of neighbours, so that a best value in the middle is seen, and
/// explain at least the square of Spearman's rank correlation. None for a parameter that did not vary.
pub fn importance(space: &[Parameter], trials: &[(&Point, f64)]) -> Vec<(String, f64)> {
    if trials.len() < FEWEST {
        return Vec::new();
    }
    let results = ranks(&trials.iter().map(|trial| trial.1).collect::<Vec<_>>());
    let mut found: Vec<(String, f64)> = space
        .iter()
        .filter_map(|parameter| {
            let values: Vec<&str> = trials
                .iter()
                .map(|trial| trial.0.get(&parameter.name).map_or("", String::as_str))
                .collect();
            let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
            let part = match numbers {
                Some(numbers) => {
                    let numbers = ranks(&numbers);
                    let along = correlation(&numbers, &results).map(|along| along.powi(2));
                    along.map(|along| {
                        along.max(explained(&neighbours(&numbers), &results).unwrap_or(0.0))
                    })
                }
                None => {
                    let group =
                        |value: &&str| values.iter().position(|one| one == value).unwrap_or(0);
                    explained(&values.iter().map(group).collect::<Vec<_>>(), &results)
                }
            };
            Some((parameter.name.clone(), part?))
        })
        .collect();
    found.sort_by(|left, right| right.1.total_cmp(&left.1));
    found
}

/// Ranks; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..]
            .iter()
            .take_while(|at| values[**at] == values[order[from]])
            .count()
            .max(1);
        for at in &order[from..from + same] {
            ranks[*at] = from as f64 + (same as f64 - 1.0) / 2.0;
        }
        from += same;
    }
    ranks
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let (mean_left, mean_right) = (mean(left), mean(right));
    let (mut both, mut of_left, mut of_right) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(right) {
        both += (a - mean_left) * (b - mean_right);
        of_left += (a - mean_left).powi(2);
        of_right += (b - mean_right).powi(2);
    }
    (of_left > 0.0 && of_right > 0.0).then(|| both / (of_left * of_right).sqrt())
}

/// Groups of neighbours, five trials in each at least, five groups at the most; equal values are in one group.
fn neighbours(ranks: &[f64]) -> Vec<usize> {
    let groups = (ranks.len() / 5).clamp(2, 5) as f64;
    let size = ranks.len() as f64 / groups;
    ranks.iter().map(|rank| (rank / size) as usize).collect()
}

/// The part of the variance that groups explain.
fn explained(groups: &[usize], results: &[f64]) -> Option<f64> {
    let whole = mean(results);
    let total: f64 = results.iter().map(|rank| (rank - whole).powi(2)).sum();
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    if names.len() < 2 || names.len() >= groups.len() || total == 0.0 {
        return None;
    }
    let within: f64 = names
        .iter()
        .map(|name| {
            let own: Vec<f64> = groups
                .iter()
                .zip(results)
                .filter(|(group, _)| *group == name)
                .map(|(_, rank)| *rank)
                .collect();
            let middle = mean(&own);
            own.iter().map(|rank| (rank - middle).powi(2)).sum::<f64>()
        })
        .sum();
    // What chance alone would explain is taken off.
    let chance = within / (groups.len() - names.len()) as f64 * (names.len() - 1) as f64;
    Some(((total - within - chance) / total).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_comes_first() {
        let space: Vec<Parameter> = ["lr=log:1e-4..1.0", "opt=a,b", "noise=int:0..9", "same=1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let points: Vec<(Point, f64)> = (0..20)
            .map(|at| {
                let point = Point::from([
                    ("lr".to_string(), format!("{}", 1e-4 * f64::from(at + 1))),
                    (
                        "opt".to_string(),
                        if at % 2 == 0 { "a" } else { "b" }.to_string(),
                    ),
                    ("noise".to_string(), (at * 7 % 10).to_string()),
                    ("same".to_string(), "1".to_string()),
                ]);
                (point, -f64::from(at).exp())
            })
            .collect();
        let trials: Vec<(&Point, f64)> = points
            .iter()
            .map(|(point, value)| (point, *value))
            .collect();
        let found = importance(&space, &trials);
        assert_eq!(found[0].0, "lr");
        assert!((found[0].1 - 1.0).abs() < 1e-9, "{found:?}");
        assert!(found[1].1 < 0.5 && found.len() == 3, "{found:?}");
        assert!(importance(&space, &trials[..4]).is_empty());
    }

    /// A learning rate has its best value in the middle: neither too small nor too great.
    #[test]
    fn a_best_value_in_the_middle_is_seen() {
        let space = vec!["lr=log:1e-6..1.0".parse().unwrap()];
        let points: Vec<(Point, f64)> = (0..25)
            .map(|at| {
                let lr = 10.0_f64.powf(f64::from(at) / 4.0 - 6.0);
                (
                    Point::from([("lr".to_string(), lr.to_string())]),
                    (lr.log10() + 3.0).powi(2),
                )
            })
            .collect();
        let trials: Vec<(&Point, f64)> = points
            .iter()
            .map(|(point, value)| (point, *value))
            .collect();
        assert!(importance(&space, &trials)[0].1 > 0.7);
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
    }
}
