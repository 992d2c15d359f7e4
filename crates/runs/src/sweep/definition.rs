//! What a sweep is: written once, when it begins, and whole.

use super::early::Early;
use super::points::{Point, grid, random, size};
use super::space::Parameter;
use super::template::filled;
use crate::queue::{New, Spec, Surroundings, Word};
use crate::schedule::{Claim, Window};
use deskside_types::run::RunId;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of a sweep's folder that this program writes.
pub const VERSION: u32 = 1;

/// How the next point is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every point, in order.
    Grid,
    /// By chance, the same again from the same seed.
    Random,
    /// By what was learned: the tree-structured Parzen estimator, through Optuna.
    Tpe,
}

impl Method {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
            Self::Tpe => "tpe",
        }
    }
}

/// What is sought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// The metric's name.
    pub metric: String,
    /// Less is better.
    pub minimize: bool,
    /// A trial counts by its best value, and not by its last.
    #[serde(default)]
    pub by_best: bool,
}

impl Goal {
    /// A value so that less is better.
    pub fn cost(&self, value: f64) -> f64 {
        if self.minimize { value } else { -value }
    }
}

/// A sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The version of its folder.
    pub version: u32,
    /// Its identity, shaped as a run's.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// When it was begun, in milliseconds of the epoch.
    pub created_at: i64,
    /// The command, with names in braces.
    pub argv: Vec<String>,
    /// Variables of each trial, with names in braces.
    #[serde(default)]
    pub variables: Vec<(String, String)>,
    /// What is varied, in a person's order.
    pub space: Vec<Parameter>,
    /// How points are chosen.
    pub method: Method,
    /// What is sought.
    #[serde(default)]
    pub goal: Option<Goal>,
    /// Trials at the most.
    pub trials: u64,
    /// Runs that are in the queue or going on at once.
    pub parallel: u32,
    /// The seeds each point is run with; none where a point is one run.
    #[serde(default)]
    pub seeds: Vec<i64>,
    /// The first trials, by hand; what they don't name comes by chance.
    #[serde(default)]
    pub first: Vec<Point>,
    /// From which chance comes.
    pub random_seed: u64,
    /// How trials are ended early.
    #[serde(default)]
    pub early: Option<Early>,
    /// After so many failed trials it ends.
    #[serde(default)]
    pub max_failures: Option<u32>,
    /// What is said of every job.
    pub spec: Spec,
    /// Who is told when it is over.
    #[serde(default)]
    pub notify: Vec<String>,
    /// Of every job: a greater one comes first.
    #[serde(default)]
    pub priority: i32,
    /// Of every job: not before, in milliseconds of the epoch.
    #[serde(default)]
    pub ready_at: i64,
    /// Of every job: hours in which it must not start.
    #[serde(default)]
    pub window: Option<Window>,
    /// Of every job: what it takes of the machine.
    #[serde(default)]
    pub claim: Claim,
    /// Of every job: what it waits for.
    #[serde(default)]
    pub after: Vec<(i64, bool)>,
    /// Where the jobs run.
    pub surroundings: Surroundings,
}

impl Definition {
    /// Runs of one trial.
    pub fn runs(&self) -> usize {
        self.seeds.len().max(1)
    }

    /// Trials there will be at the most: no grid has more than its points.
    pub fn most(&self) -> u64 {
        match (self.method, size(&self.space)) {
            (Method::Grid | Method::Random, Some(size)) => self.trials.min(size),
            _ => self.trials,
        }
    }

    /// The point of a trial, where no advice is needed.
    pub fn point(&self, trial: u64) -> Option<Point> {
        let by_hand = usize::try_from(trial)
            .ok()
            .and_then(|at| self.first.get(at));
        if let Some(by_hand) = by_hand {
            let mut point = random(&self.space, self.random_seed, trial);
            point.extend(by_hand.clone());
            return Some(point);
        }
        match self.method {
            Method::Grid => Some(grid(&self.space, trial)),
            Method::Random => Some(random(&self.space, self.random_seed, trial)),
            Method::Tpe => None,
        }
    }

    /// What names in braces stand for in one run of a trial.
    pub fn values(&self, trial: u64, run: usize, point: &Point, folder: &Path) -> Point {
        let mut values = point.clone();
        values.insert("trial".into(), trial.to_string());
        values.insert("sweep".into(), self.id.0.clone());
        if let Some(seed) = self.seeds.get(run) {
            values.insert("seed".into(), seed.to_string());
        }
        for kind in ["json", "toml"] {
            let path = config_path(folder, trial, run, kind).display().to_string();
            if kind == "json" {
                values.insert("config".into(), path.clone());
            }
            values.insert(format!("config.{kind}"), path);
        }
        values
    }

    /// The command of one run.
    pub fn command(&self, trial: u64, run: usize, point: &Point, folder: &Path) -> Vec<String> {
        let values = self.values(trial, run, point, folder);
        self.argv.iter().map(|word| filled(word, &values)).collect()
    }

    /// The job of one run, and where it runs.
    pub fn job(&self, trial: u64, run: usize, point: &Point, folder: &Path) -> (New, Surroundings) {
        let values = self.values(trial, run, point, folder);
        let mut spec = self.spec.clone();
        spec.argv = self
            .argv
            .iter()
            .map(|word| Word::Text(filled(word, &values)))
            .collect();
        spec.name = Some(match self.seeds.get(run) {
            Some(seed) => format!("{}-{trial}-s{seed}", self.name),
            None => format!("{}-{trial}", self.name),
        });
        spec.params.extend(point.clone());
        spec.tags.insert("sweep".into(), self.id.0.clone());
        spec.tags.insert("trial".into(), trial.to_string());
        if let Some(seed) = self.seeds.get(run) {
            spec.tags.insert("seed".into(), seed.to_string());
            spec.params.insert("seed".into(), seed.to_string());
        }
        let mut surroundings = self.surroundings.clone();
        for (name, value) in &self.variables {
            surroundings
                .variables
                .insert(name.clone(), filled(value, &values));
        }
        let job = New {
            spec,
            priority: self.priority,
            ready_at: self.ready_at,
            window: self.window,
            claim: self.claim,
            after: self.after.clone(),
            held: false,
        };
        (job, surroundings)
    }

    /// Which kinds of file with a trial's values are named by the command.
    pub fn config_kinds(&self) -> Vec<&'static str> {
        let words = self
            .argv
            .iter()
            .chain(self.variables.iter().map(|(_, value)| value));
        let names = super::template::names(words.map(String::as_str));
        let mut kinds = Vec::new();
        if names.contains("config") || names.contains("config.json") {
            kinds.push("json");
        }
        if names.contains("config.toml") {
            kinds.push("toml");
        }
        kinds
    }

    /// The file with a trial's values, of a kind; `model.width` is `width` within `model`.
    pub fn config(&self, run: usize, point: &Point, kind: &str) -> String {
        let mut tree = serde_json::Map::new();
        for (name, value) in point {
            put(&mut tree, name, typed(value));
        }
        if let Some(seed) = self.seeds.get(run) {
            tree.insert("seed".into(), (*seed).into());
        }
        if kind == "toml" {
            toml::to_string(&tree).unwrap_or_default()
        } else {
            serde_json::to_string_pretty(&tree).unwrap_or_default()
        }
    }
}

/// Where the file with a trial's values lies.
pub fn config_path(folder: &Path, trial: u64, run: usize, kind: &str) -> std::path::PathBuf {
    folder.join(format!("configs/{trial}-{run}.{kind}"))
}

fn put(
    tree: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
    value: serde_json::Value,
) {
    if let Some((head, rest)) = name.split_once('.')
        && let Some(inner) = tree
            .entry(head)
            .or_insert_with(|| serde_json::Map::new().into())
            .as_object_mut()
    {
        put(inner, rest, value);
        return;
    }
    tree.insert(name.to_string(), value);
}

/// A value as what it looks like: a whole number, a real one, true or false, else text.
fn typed(text: &str) -> serde_json::Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    match (text, text.parse::<f64>()) {
        ("true", _) => true.into(),
        ("false", _) => false.into(),
        (_, Ok(real)) if real.is_finite() => real.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A grid of four points with two seeds.
    pub(crate) fn definition() -> Definition {
        Definition {
            version: VERSION,
            id: RunId("20261126-010203-abcd".into()),
            name: "train".into(),
            created_at: 0,
            argv: ["python", "t.py", "--lr={lr}", "{depth}", "{seed}"]
                .map(String::from)
                .into(),
            variables: vec![("SEED".into(), "{seed}".into())],
            space: vec!["lr=0.1,0.2".parse().unwrap(), "depth=1,2".parse().unwrap()],
            method: Method::Grid,
            goal: Some(Goal {
                metric: "loss".into(),
                minimize: true,
                by_best: false,
            }),
            trials: 100,
            parallel: 2,
            seeds: vec![0, 1],
            first: Vec::new(),
            random_seed: 0,
            early: None,
            max_failures: None,
            spec: Spec::default(),
            notify: Vec::new(),
            priority: 0,
            ready_at: 0,
            window: None,
            claim: Claim::default(),
            after: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }

    #[test]
    fn a_run_of_a_trial_is_a_job() {
        let definition = definition();
        assert_eq!(definition.most(), 4);
        let point = definition.point(1).unwrap();
        let (job, surroundings) = definition.job(1, 1, &point, Path::new("/s"));
        assert_eq!(job.spec.shown(), ["python", "t.py", "--lr=0.1", "2", "1"]);
        assert_eq!(job.spec.name.as_deref(), Some("train-1-s1"));
        assert_eq!(surroundings.variables["SEED"], "1");
        assert_eq!(job.spec.tags["trial"], "1");
        let text = serde_json::to_string(&definition).unwrap();
        assert_eq!(
            serde_json::from_str::<Definition>(&text).unwrap(),
            definition
        );
    }

    #[test]
    fn a_config_is_nested_and_typed() {
        let point = Point::from(
            [
                ("model.width", "64"),
                ("model.act", "relu"),
                ("lr", "1e-5"),
                ("amp", "true"),
            ]
            .map(|(name, value)| (name.to_string(), value.to_string())),
        );
        let definition = Definition {
            seeds: vec![3],
            ..definition()
        };
        let json: serde_json::Value =
            serde_json::from_str(&definition.config(0, &point, "json")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"model": {"width": 64, "act": "relu"}, "lr": 1e-5, "amp": true, "seed": 3})
        );
        let toml: toml::Table = toml::from_str(&definition.config(0, &point, "toml")).unwrap();
        assert_eq!(toml["model"]["width"].as_integer(), Some(64));
    }
}
