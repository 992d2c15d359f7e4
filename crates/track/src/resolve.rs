//! Which run a person means by a few letters.

use deskside_types::run::RunId;
use deskside_types::spelling::slip;
use deskside_types::{Code, Problem, Result};

/// A run as far as it can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub id: RunId,
    pub name: String,
}

/// The run that is meant: by identity, `latest` or `-`, the one identity that begins or ends so, or the one run of that name.
///
/// `runs` are newest first.
pub(crate) fn resolve(text: &str, runs: &[Called]) -> Result<RunId> {
    let text = text.trim();
    if let Some(run) = runs.iter().find(|run| run.id.0 == text) {
        return Ok(run.id.clone());
    }
    if runs.is_empty() {
        return Err(
            Problem::new(Code::RunUnknown, format!("there is no run {text}"))
                .because("no run was made yet")
                .hint("make one: `deskside run -- python train.py`"),
        );
    }
    if text == "latest" || text == "-" {
        return Ok(runs[0].id.clone());
    }
    if text.is_empty() {
        return Err(Problem::new(Code::RunUnknown, "no run was named")
            .hint("name one by its identity, its name, or `latest`"));
    }
    let named: Vec<&Called> = runs.iter().filter(|run| run.name == text).collect();
    let matching: Vec<&Called> = if named.is_empty() {
        runs.iter()
            .filter(|run| run.id.0.starts_with(text) || run.id.0.ends_with(text))
            .collect()
    } else {
        named
    };
    match matching[..] {
        [run] => Ok(run.id.clone()),
        [] => Err(unknown(text, runs)),
        _ => {
            let some: Vec<String> = matching
                .iter()
                .take(5)
                .map(|run| format!("{} ({})", run.id, run.name))
                .collect();
            let more = matching.len().saturating_sub(5);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Err(Problem::new(
                Code::RunUnknown,
                format!("{text} fits {} runs", matching.len()),
            )
            .because(format!("{}{more}", some.join(", ")))
            .hint(format!(
                "say more of one, for example the newest: {}",
                matching[0].id
            )))
        }
    }
}

fn unknown(text: &str, runs: &[Called]) -> Problem {
    let problem = Problem::new(Code::RunUnknown, format!("there is no run {text}"));
    let nearest = runs
        .iter()
        .flat_map(|run| {
            let tail = run.id.0.rsplit('-').next().unwrap_or_default();
            [run.id.0.as_str(), tail, run.name.as_str()]
                .into_iter()
                .filter_map(|word| Some((slip(text, word)?, run)))
                .collect::<Vec<_>>()
        })
        .min_by_key(|(apart, _)| *apart);
    match nearest {
        Some((_, run)) => problem.hint(format!("did you mean {} ({})?", run.id, run.name)),
        None => problem.hint("list them: `deskside runs`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Vec<Called> {
        [
            ("20261125-150102-k7mq", "train"),
            ("20261125-140000-abcd", "baseline"),
            ("20261124-140000-wxyz", "train"),
        ]
        .map(|(id, name)| Called {
            id: RunId(id.into()),
            name: name.into(),
        })
        .to_vec()
    }

    #[test]
    fn what_people_type_finds_the_run() {
        for (text, id) in [
            ("20261125-150102-k7mq", "20261125-150102-k7mq"),
            ("latest", "20261125-150102-k7mq"),
            ("-", "20261125-150102-k7mq"),
            ("20261124", "20261124-140000-wxyz"),
            ("k7mq", "20261125-150102-k7mq"),
            ("mq", "20261125-150102-k7mq"),
            ("baseline", "20261125-140000-abcd"),
            (" wxyz ", "20261124-140000-wxyz"),
        ] {
            assert_eq!(
                resolve(text, &runs()).map(|id| id.0),
                Ok(id.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_fits_none_or_several_says_what_to_type() {
        for (text, message, hint) in [
            ("train", "train fits 2 runs", "20261125-150102-k7mq"),
            ("20261125", "20261125 fits 2 runs", "20261125-150102-k7mq"),
            (
                "k7mp",
                "there is no run k7mp",
                "did you mean 20261125-150102-k7mq (train)?",
            ),
            (
                "basline",
                "there is no run basline",
                "did you mean 20261125-140000-abcd (baseline)?",
            ),
            ("resnet", "there is no run resnet", "deskside runs"),
            ("", "no run was named", "latest"),
        ] {
            let problem = resolve(text, &runs()).unwrap_err();
            assert_eq!(problem.code, Code::RunUnknown);
            assert_eq!(problem.message, message);
            assert!(problem.hints[0].contains(hint), "{problem:?}");
        }
        assert!(resolve("latest", &[]).unwrap_err().hints[0].contains("deskside run --"));
    }
}
