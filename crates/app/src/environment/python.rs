//! Which Python a project gets: the environment's own where it serves, else the one that is chosen for the machine.

use super::change;
use super::project::Project;
use deskside_envs::build;
use deskside_envs::build::specifier::{admits, series_of};
use deskside_envs::environment::venv::{self, State};
use deskside_envs::manifest::Manifest;
use deskside_machine::Reading;
use deskside_types::{Code, Problem, Result};

/// A Python for a project.
pub(super) struct Interpreter {
    /// As uv takes it: a minor version or a path.
    pub request: String,
    /// Its minor version.
    pub series: String,
    /// uv downloads it.
    pub fetches: bool,
}

impl Project<'_> {
    /// The Python for the project.
    pub fn python(
        &self,
        manifest: &Manifest,
        wish: Option<&str>,
        why: &mut Vec<String>,
    ) -> Result<Interpreter> {
        let known = &deskside_knowledge::frameworks::indexes().python;
        let pinned = self.pinned_python();
        let bounds = [wish.or(pinned.as_deref()), manifest.requires_python()]
            .into_iter()
            .flatten()
            .map(|text| {
                // A bare version is that series.
                if text.starts_with(|letter: char| letter.is_ascii_digit()) {
                    format!("=={text}.*")
                } else {
                    text.to_string()
                }
            })
            .collect::<Vec<_>>()
            .join(",");
        // An environment that serves keeps its Python.
        if let State::Whole(venv) = venv::look(&*self.context.machine, &self.place.environment)? {
            let series = series_of(venv.version.as_deref().unwrap_or_default());
            if admits(&bounds, &series) {
                return Ok(Interpreter {
                    request: series.clone(),
                    series,
                    fetches: false,
                });
            }
        }
        let choice = build::python::choose(&self.facts, "3.7", &known.newest, Some(&bounds))
            .map_err(|reason| {
                let problem = Problem::new(Code::Unsatisfiable, "no Python fits the project");
                match (wish, &pinned) {
                    (Some(wish), _) => problem
                        .because(format!(
                            "Python {} is asked for, and uv brings 3.7 to {}",
                            wish.trim_start_matches("==").trim_end_matches(".*"),
                            known.newest
                        ))
                        .hint("name another one: deskside env init --python 3.12"),
                    (None, Some(pinned)) => problem
                        .because(reason)
                        .hint(format!("change {pinned} in .python-version")),
                    (None, None) => problem
                        .because(reason)
                        .hint("change requires-python in pyproject.toml"),
                }
            })?;
        let fetches = !choice.installed;
        why.push(choice.why);
        // Where one with another Python is, the request must say which series: a path says nothing to compare with.
        let there = change::environment_is_there(&*self.context.machine, &self.place)?;
        let request = match there {
            true => choice.series.clone(),
            false => choice.request,
        };
        Ok(Interpreter {
            request,
            series: choice.series,
            fetches,
        })
    }

    /// The Python of `.python-version`, as uv reads it; none where it names no version.
    fn pinned_python(&self) -> Option<String> {
        let path = self.place.project.join(".python-version");
        let text = self.context.machine.text(path).ok()?;
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let version = line.strip_prefix("cpython-").unwrap_or(line);
        version
            .starts_with(|letter: char| letter.is_ascii_digit())
            .then(|| series_of(version))
    }
}
