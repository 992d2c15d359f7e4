//! The choice against a table that was written from the sources alone (`tests/choice/choice.toml`).

use super::tests_support::{amd, facts, mac, nvidia};
use super::{Build, Flavour, Wish, better, choose};
use deskside_types::facts::Facts;
use deskside_types::{Known, Problem};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    framework: String,
    version: String,
    python: String,
    os: String,
    architecture: String,
    driver: String,
    gpus: Vec<String>,
    expect: Expect,
}

/// `variant = "error"` is a refusal; what is not named is not compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    variant: String,
    index: Option<String>,
    newest: Option<String>,
    left_out: Option<Vec<String>>,
    accelerated: Option<bool>,
    #[serde(default)]
    mentions: Vec<String>,
}

impl Case {
    fn facts(&self) -> Facts {
        let targets: Vec<&str> = self.gpus.iter().map(String::as_str).collect();
        let driver = (!self.driver.is_empty()).then_some(self.driver.as_str());
        let (family, version) = self.os.split_once('-').unwrap();
        let mut machine = if family == "macos" {
            return mac(&self.architecture, version);
        } else if targets.iter().any(|target| target.starts_with("gfx")) {
            amd(&targets)
        } else if targets.is_empty() {
            facts()
        } else {
            nvidia(&targets, driver)
        };
        machine.system.architecture = Known::Value(self.architecture.clone());
        let glibc = match self.os.as_str() {
            "ubuntu-22.04" | "pop-22.04" => "2.35",
            "debian-12" => "2.36",
            "ubuntu-24.04" => "2.39",
            "debian-13" => "2.41",
            "ubuntu-26.04" => "2.43",
            other => panic!("the C library of {other} is not known here"),
        };
        machine.system.glibc = Known::Value(glibc.into());
        machine
    }

    fn wish(&self) -> Wish {
        Wish {
            framework: self.version.clone(),
            python: (!self.python.is_empty()).then(|| self.python.clone()),
            ..Wish::default()
        }
    }

    /// What differs from the table, a line each.
    fn differences(&self) -> Vec<String> {
        let facts = self.facts();
        let flavour: Flavour = self.framework.parse().unwrap();
        let answer = choose(&facts, flavour, &self.wish());
        let mut found = Vec::new();
        let mut differs =
            |what: &str, expected: &dyn std::fmt::Debug, got: &dyn std::fmt::Debug| {
                if format!("{expected:?}") != format!("{got:?}") {
                    found.push(format!(
                        "{}: {what}: the table says {expected:?}, the choice {got:?}",
                        self.name
                    ));
                }
            };
        match &answer {
            Ok(build) => {
                differs("variant", &self.expect.variant, &build.variant);
                if self.expect.variant == build.variant {
                    if let Some(index) = &self.expect.index {
                        differs("index", index, &index_of(build));
                    }
                    if let Some(newest) = &self.expect.newest {
                        differs("newest", newest, &build.release);
                    }
                    if let Some(left_out) = &self.expect.left_out {
                        differs("left out", left_out, &self.left_out(build));
                    }
                    if let Some(accelerated) = &self.expect.accelerated {
                        differs("accelerated", accelerated, &build.accelerated);
                    }
                }
            }
            Err(problem) => {
                let variant = format!("error: {problem}");
                if self.expect.variant != "error" {
                    differs("variant", &self.expect.variant, &variant);
                }
            }
        }
        let said = said(&facts, flavour, &self.wish(), &answer);
        for word in &self.expect.mentions {
            if !said.contains(word) {
                differs("mentions", word, &said);
            }
        }
        found
    }

    fn left_out(&self, build: &Build) -> Vec<String> {
        build
            .left_out
            .iter()
            .map(|out| {
                let place: usize = out
                    .uuid
                    .as_deref()
                    .and_then(|uuid| uuid.strip_prefix("GPU-"))
                    .and_then(|place| place.parse().ok())
                    .unwrap();
                self.gpus[place].clone()
            })
            .collect()
    }
}

fn index_of(build: &Build) -> String {
    match &build.index {
        None => "default".into(),
        Some(index) if index.name.starts_with("pytorch-") => "pytorch".into(),
        Some(_) => "amd".into(),
    }
}

/// All that a person is told.
fn said(facts: &Facts, flavour: Flavour, wish: &Wish, answer: &Result<Build, Problem>) -> String {
    match answer {
        Ok(build) => build
            .why
            .iter()
            .chain(&build.requirements)
            .cloned()
            .chain(build.ruled_out.iter().map(|row| row.why.clone()))
            .chain(build.left_out.iter().map(|out| out.gpu.clone()))
            .chain(
                better(facts, flavour, wish, build)
                    .into_iter()
                    .map(|row| format!("{}: {}", row.change, row.gives)),
            )
            .collect::<Vec<_>>()
            .join("\n"),
        Err(problem) => format!("{problem:?}"),
    }
}

#[test]
fn the_choice_agrees_with_the_table() {
    let table: Table = toml::from_str(include_str!("../../tests/choice/choice.toml")).unwrap();
    assert!(table.case.len() >= 80, "{}", table.case.len());
    assert!(table.case.iter().all(|case| !case.source.is_empty()));
    let differences: Vec<String> = table.case.iter().flat_map(Case::differences).collect();
    assert!(
        differences.is_empty(),
        "{} of {} cases\n{}",
        differences.len(),
        table.case.len(),
        differences.join("\n")
    );
}
