//! What is a checkpoint of a run, and which of them a policy keeps. Pure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// A checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checkpoint {
    /// Where it is.
    pub path: String,
    /// The step in its name.
    pub step: Option<i64>,
    /// Its newest change, seconds of the epoch.
    pub newest: i64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Which of a run's checkpoints stay; those that any of them names. The newest always does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// The newest, that many.
    pub last: Option<usize>,
    /// The best, that many, by a metric; a greater one is better where it says so.
    pub best: Option<(usize, String, bool)>,
    /// Those that are newer than that many seconds.
    pub newer_than: Option<u64>,
}

/// Whether a folder, or a file, is one by its name: `checkpoint-500` and `global_step500` (Hugging Face, DeepSpeed), `step_500`,
/// `epoch=3-step=500.ckpt` (Lightning), `model_500.pt`, `500.safetensors`. A file needs a number: `best.pt` has a name of its own
/// for a reason.
pub(crate) fn is_checkpoint(path: &Path, is_folder: bool) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    if name.starts_with('.') {
        return false;
    }
    let name = name.to_ascii_lowercase();
    if is_folder {
        let begins = [
            "checkpoint",
            "ckpt",
            "global_step",
            "step_",
            "step-",
            "step=",
            "epoch=",
            "epoch_",
            "epoch-",
        ];
        return begins.iter().any(|start| name.starts_with(start)) && step(&name).is_some();
    }
    let ends = [".pt", ".pth", ".ckpt", ".safetensors", ".msgpack"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .is_some_and(|stem| step(stem).is_some() && counts(stem))
}

/// Words whose number says how far the training had come. Behind any other (`fold`, `seed`, `rank`, `last-v`, `best`) it says
/// something else, and the file is left alone.
const COUNTING: [&str; 20] = [
    "",
    "step",
    "steps",
    "epoch",
    "ep",
    "e",
    "iter",
    "iteration",
    "it",
    "checkpoint",
    "ckpt",
    "model",
    "weights",
    "net",
    "state",
    "optimizer",
    "opt",
    "ema",
    "params",
    "snapshot",
];

/// Whether the last number of a file's name counts steps. A part of several (`model-00001-of-00004`) is no checkpoint by itself.
fn counts(stem: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let before = stem.trim_end_matches(|letter| !is_digit(letter));
    let before = before.trim_end_matches(is_digit);
    let before = before.trim_end_matches(['=', '_', '-', '.']);
    let word = before
        .rsplit(|letter: char| !letter.is_alphabetic())
        .next()
        .unwrap_or_default();
    stem.contains("step") || COUNTING.contains(&word)
}

/// What checkpoints have in common that follow one another: their folder, and their name with the numbers left out. The model's
/// and the optimizer's, and those of two folders, are kept side by side.
pub(super) fn series(path: &str) -> String {
    let from = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = path.split_at(from);
    let (stem, ending) = match name.rfind('.') {
        // What follows the point of a value is no ending.
        Some(at) if name[at + 1..].starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
            name.split_at(at)
        }
        _ => (name, ""),
    };
    let step = step_at(stem);
    let kept: String = runs_of_digits(stem)
        .into_iter()
        .filter(|run| step.as_ref() == Some(run) || is_decimal(stem, run))
        .rev()
        .fold(stem.to_string(), |mut stem, run| {
            stem.replace_range(run, "");
            stem
        });
    format!("{folder}{kept}{ending}")
}

/// The step in a name: the number behind `step`, `iter` or `epoch`, else the last one that is neither a part of a value (`val_loss=0.95`) nor counts something
/// else (`fold1`, `seed2`).
pub(super) fn step(name: &str) -> Option<i64> {
    name.get(step_at(name)?)?.parse().ok()
}

/// Words whose number counts no steps.
const OTHERS: [&str; 9] = [
    "seed", "fold", "rank", "split", "trial", "run", "worker", "node", "gpu",
];

fn step_at(stem: &str) -> Option<Range<usize>> {
    let lower = stem.to_ascii_lowercase();
    let runs = runs_of_digits(stem);
    let before = |run: &Range<usize>| lower[..run.start].trim_end_matches(['=', '_', '-']);
    let ends =
        |run: &&Range<usize>, words: &[&str]| words.iter().any(|word| before(run).ends_with(word));
    for word in ["step", "iter", "epoch"] {
        if let Some(run) = runs.iter().find(|run| ends(run, &[word])) {
            return Some(run.clone());
        }
    }
    runs.iter()
        .rev()
        .find(|run| !is_decimal(stem, run) && !ends(run, &OTHERS))
        .cloned()
}

fn runs_of_digits(stem: &str) -> Vec<Range<usize>> {
    let bytes = stem.as_bytes();
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
    {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// A part of a number with a point.
fn is_decimal(stem: &str, run: &Range<usize>) -> bool {
    let bytes = stem.as_bytes();
    let is = |at: usize, wanted: fn(&u8) -> bool| bytes.get(at).is_some_and(wanted);
    let point = |byte: &u8| *byte == b'.';
    let behind =
        run.start >= 2 && is(run.start - 1, point) && is(run.start - 2, u8::is_ascii_digit);
    behind || is(run.end, point) && is(run.end + 1, u8::is_ascii_digit)
}

/// The checkpoints of one run that go, by a policy, which counts in each [`series`] by itself. `values` are the metric's steps and values; what has no value can't be among
/// the best.
pub(super) fn going(
    all: &[Checkpoint],
    policy: &Policy,
    values: &[(i64, f64)],
    now: i64,
) -> Vec<Checkpoint> {
    let mut each: BTreeMap<String, Vec<Checkpoint>> = BTreeMap::new();
    for one in all {
        each.entry(series(&one.path)).or_default().push(one.clone());
    }
    each.values()
        .flat_map(|all| going_of_series(all, policy, values, now))
        .collect()
}

fn going_of_series(
    all: &[Checkpoint],
    policy: &Policy,
    values: &[(i64, f64)],
    now: i64,
) -> Vec<Checkpoint> {
    let mut newest_first: Vec<usize> = (0..all.len()).collect();
    let by_step = all.iter().all(|one| one.step.is_some());
    newest_first.sort_by_key(|at| {
        let one = &all[*at];
        let step = if by_step { one.step } else { None };
        std::cmp::Reverse((step, one.newest))
    });
    let mut stays = vec![false; all.len()];
    for at in newest_first.iter().take(policy.last.unwrap_or(0).max(1)) {
        stays[*at] = true;
    }
    if let Some((count, _, greater)) = &policy.best {
        let mut valued: Vec<(usize, f64)> = newest_first
            .iter()
            .filter_map(|at| Some((*at, value_at(values, all[*at].step?)?)))
            .collect();
        valued.sort_by(|one, other| {
            let order = one.1.total_cmp(&other.1);
            if *greater { order.reverse() } else { order }
        });
        for (at, _) in valued.iter().take(*count) {
            stays[*at] = true;
        }
    }
    if let Some(seconds) = policy.newer_than {
        let edge = now.saturating_sub_unsigned(seconds);
        for (at, one) in all.iter().enumerate() {
            stays[at] |= one.newest >= edge;
        }
    }
    newest_first
        .into_iter()
        .filter(|at| !stays[*at])
        .map(|at| all[at].clone())
        .collect()
}

/// The value that was logged at a step, or the last one before it; none that is no number.
fn value_at(values: &[(i64, f64)], step: i64) -> Option<f64> {
    values
        .iter()
        .filter(|(at, value)| *at <= step && value.is_finite())
        .max_by_key(|(at, _)| *at)
        .map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_checkpoints() {
        for (name, is_folder, expected) in [
            ("checkpoint-500", true, Some(500)),
            ("global_step1000", true, Some(1000)),
            ("epoch=3-step=500.ckpt", false, Some(500)),
            ("model_12.pt", false, Some(12)),
            ("7.safetensors", false, Some(7)),
            ("Model-0042.PTH", false, Some(42)),
            ("best.pt", false, None),
            ("checkpoint", true, None),
            ("data-2020", true, None),
            (".checkpoint-5.deskside-x", true, None),
            ("v2.py", false, None),
            ("optimizer-500.pt", false, Some(500)),
            ("epoch_3.ckpt", false, Some(3)),
            ("é1.pt", false, None),
            ("model-00001-of-00004.safetensors", false, None),
            ("model_fold2.pt", false, None),
            ("seed3.pt", false, None),
            ("last-v1.ckpt", false, None),
            ("best_12.pt", false, None),
            ("predictions_2024.npz", false, None),
        ] {
            let path = Path::new("/runs").join(name);
            assert_eq!(
                is_checkpoint(&path, is_folder),
                expected.is_some(),
                "{name}"
            );
            if expected.is_some() {
                let stem = name.to_ascii_lowercase();
                let stem = stem
                    .split_once(".p")
                    .map_or(stem.as_str(), |(stem, _)| stem);
                assert_eq!(
                    step(
                        stem.trim_end_matches(".ckpt")
                            .trim_end_matches(".safetensors")
                    ),
                    expected,
                    "{name}"
                );
            }
        }
        assert_eq!(step("99999999999999999999"), None);
    }

    #[test]
    fn the_step_and_the_series_of_a_name() {
        for (name, expected, of) in [
            (
                "epoch=1-val_loss=0.95.ckpt",
                Some(1),
                "epoch=-val_loss=.ckpt",
            ),
            (
                "epoch=9-val_loss=0.10.ckpt",
                Some(9),
                "epoch=-val_loss=.ckpt",
            ),
            ("fold1_step_200.pt", Some(200), "fold1_step_.pt"),
            ("resnet18_epoch2.pth", Some(2), "resnet18_epoch.pth"),
            ("model_300.h5", Some(300), "model_.h5"),
            ("checkpoint-500", Some(500), "checkpoint-"),
            ("checkpoints_seed2", None, "checkpoints_seed2"),
        ] {
            let stem = name.trim_end_matches(".ckpt").trim_end_matches(".pth");
            let stem = stem.trim_end_matches(".pt").trim_end_matches(".h5");
            assert_eq!(step(stem), expected, "{name}");
            let shown = series(&format!("/runs/{name}"));
            assert_eq!(
                shown.replace(".", ""),
                format!("/runs/{of}").replace(".", ""),
                "{name}"
            );
        }
    }

    fn checkpoints(steps: &[i64]) -> Vec<Checkpoint> {
        steps
            .iter()
            .map(|step| Checkpoint {
                path: step.to_string(),
                step: Some(*step),
                newest: *step,
                bytes: 1,
            })
            .collect()
    }

    fn gone(policy: &Policy, values: &[(i64, f64)]) -> Vec<String> {
        let mut gone: Vec<String> = going(&checkpoints(&[100, 200, 300, 400]), policy, values, 400)
            .into_iter()
            .map(|one| one.path)
            .collect();
        gone.sort();
        gone
    }

    #[test]
    fn each_series_is_thinned_by_itself() {
        let named = |path: &str, step| Checkpoint {
            path: path.into(),
            step: Some(step),
            newest: step,
            bytes: 1,
        };
        let all = [
            named("/r/model_100.pt", 100),
            named("/r/model_200.pt", 200),
            named("/r/optimizer_100.pt", 100),
            named("/r/optimizer_200.pt", 200),
            named("/r/fold1/model_50.pt", 50),
            named("/r/fold2/model_70.pt", 70),
        ];
        let gone: Vec<String> = going(&all, &Policy::default(), &[], 0)
            .into_iter()
            .map(|one| one.path)
            .collect();
        assert_eq!(gone, ["/r/model_100.pt", "/r/optimizer_100.pt"]);
    }

    #[test]
    fn policies_add_up_and_the_newest_always_stays() {
        let loss = [(100, 0.5), (200, 0.1), (290, 0.3), (400, f64::NAN)];
        let best = |count, greater| Policy {
            best: Some((count, "loss".into(), greater)),
            ..Policy::default()
        };
        assert_eq!(gone(&Policy::default(), &[]), ["100", "200", "300"]);
        assert_eq!(
            gone(
                &Policy {
                    last: Some(2),
                    ..Policy::default()
                },
                &[]
            ),
            ["100", "200"]
        );
        assert_eq!(gone(&best(1, false), &loss), ["100", "300"]);
        assert_eq!(gone(&best(1, true), &loss), ["200", "300"]);
        assert_eq!(
            gone(&best(1, false), &[]),
            ["100", "200", "300"],
            "nothing is known of any"
        );
        assert_eq!(
            gone(
                &Policy {
                    newer_than: Some(150),
                    ..Policy::default()
                },
                &[]
            ),
            ["100", "200"]
        );
        assert!(
            gone(
                &Policy {
                    last: Some(9),
                    ..Policy::default()
                },
                &[]
            )
            .is_empty()
        );
        assert!(going(&[], &Policy::default(), &[], 0).is_empty());
    }
}
