//! What is known of the frameworks' releases, held against the index of whoever runs this: versions, Pythons, systems,
//! extras, and the CUDA that each default build brings. Run by `cargo xtask test` (`DESKSIDE_TEST_REAL=1`).
//!
//! Versions, Pythons and systems are read from the names of the files (our own index client). Not every index serves
//! the metadata of a wheel as a file of its own, so what a release asks for is read from uv's resolution of it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look from outside"
)]

use deskside_envs::index::{self, page::File, settings, wheel};
use deskside_envs::uv;
use deskside_knowledge::frameworks::{self, ExtraFramework};
use deskside_knowledge::version::order;
use deskside_machine::{Answer, Directories, DoorError, Effect, Held, Host, Machine, Progress};
use deskside_machine::{Child, Launch, Question};
use deskside_types::plan::Action;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// The host with a home of its own for Deskside.
struct With {
    host: Host,
    home: String,
}

impl Machine for With {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        match question {
            Question::Variable { name } if name == "DESKSIDE_HOME" => {
                Ok(Answer::Text(self.home.clone()))
            }
            _ => self.host.ask(question),
        }
    }
    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.host.act(effect, watch)
    }
    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.host.lock(path, patience)
    }
    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.host.launch(launch)
    }
}

/// uv as it is here, else the one of the index.
fn uv_program(machine: &dyn Machine) -> String {
    let directories = Directories::of(machine).unwrap();
    if let Some(tool) = uv::locate(machine, &directories) {
        return tool.path;
    }
    let facts = deskside_probe::collect(machine);
    let source = uv::source(machine, &facts, &directories).unwrap();
    for action in uv::step(&source).actions {
        match action {
            Action::Download {
                path, sha256, size, ..
            } => {
                let effect = Effect::Download {
                    url: source.url.clone(),
                    path: path.into(),
                    sha256,
                    size,
                    deadline: Duration::from_secs(300),
                };
                machine.act(&effect, &mut |_| {}).unwrap();
            }
            Action::Extract {
                archive,
                member,
                path,
                mode,
            } => {
                let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
                let mut contents = Vec::new();
                zip.by_name(&member)
                    .unwrap()
                    .read_to_end(&mut contents)
                    .unwrap();
                let effect = Effect::WriteFile {
                    path: path.into(),
                    contents,
                    mode,
                    durability: deskside_machine::Durability::Process,
                };
                machine.act(&effect, &mut |_| {}).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    source.path
}

/// The wheels of a project by version.
fn wheels(files: &[File]) -> BTreeMap<String, Vec<&File>> {
    let mut found: BTreeMap<String, Vec<&File>> = BTreeMap::new();
    for file in files {
        if let Some(name) = wheel::parse(&file.name) {
            found
                .entry(name.version.to_string())
                .or_default()
                .push(file);
        }
    }
    found
}

/// The minor versions of Python that wheels for a platform are for.
fn pythons(wheels: &[&File], is_platform: &dyn Fn(&str) -> bool) -> Vec<u32> {
    let found: BTreeSet<u32> = wheels
        .iter()
        .filter_map(|file| wheel::parse(&file.name))
        .filter(|name| is_platform(name.platforms))
        .filter_map(|name| name.pythons.strip_prefix("cp3")?.parse().ok())
        .collect();
    found.into_iter().collect()
}

fn linux(architecture: &'static str) -> impl Fn(&str) -> bool {
    move |platforms| platforms.contains("linux") && platforms.contains(architecture)
}

/// One question to the index, and its comparison with what is known.
type Comparison<'a> = Box<dyn Fn(&Differences) + Send + Sync + 'a>;

/// Differences between what is known and what is there.
#[derive(Default)]
struct Differences(Mutex<Vec<String>>);

impl Differences {
    fn equal<T: PartialEq + std::fmt::Debug>(&self, what: &str, known: T, there: T) {
        if known != there {
            self.0
                .lock()
                .unwrap()
                .push(format!("{what}: known {known:?}, the index has {there:?}"));
        }
    }
}

#[test]
fn releases_are_as_the_index_has_them() {
    if std::env::var_os("DESKSIDE_TEST_REAL").is_none() {
        deskside_testkit::skip(
            "the index is asked only by `cargo xtask test` (DESKSIDE_TEST_REAL)",
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let machine = With {
        host: Host::new(),
        home: folder.path().join("home").display().to_string(),
    };
    let settings = settings::read(&machine);
    let differences = Differences::default();
    torch_files(&machine, &settings, &differences);
    for (name, known, binaries) in [
        ("jax", frameworks::jax(), "jaxlib"),
        ("mlx", frameworks::mlx(), "mlx"),
        ("tensorflow", frameworks::tensorflow(), "tensorflow"),
    ] {
        extra_files(&machine, &settings, &differences, name, known, binaries);
    }

    let program = uv_program(&machine);
    backends_are_uvs_own(&program);
    let variables = settings.variables(&machine);
    let cache = folder.path().join("cache");
    let resolve = |requirement: &str, python: &str, platform: &str| {
        resolution(&program, &variables, &cache, requirement, python, platform)
    };
    let mut asked: Vec<Comparison> = Vec::new();
    for release in &frameworks::torch().releases {
        for (architecture, known) in [
            ("x86_64", Some(&release.default_cuda)),
            ("aarch64", release.default_cuda_aarch64.as_ref()),
        ] {
            let python = between(&release.python_min, release.newest_python(architecture));
            let requirement = format!("torch=={}", release.versions.last().unwrap());
            asked.push(Box::new(move |differences| {
                let platform = format!("{architecture}-manylinux_2_40");
                let there = cuda_of(&resolve(&requirement, &python, &platform));
                differences.equal(
                    &format!("CUDA of {requirement} on {architecture}"),
                    known.cloned(),
                    there,
                );
            }));
        }
    }
    for (name, known, packages) in [
        (
            "jax",
            frameworks::jax(),
            &["jax-cuda13-plugin", "jax-cuda12-plugin"],
        ),
        ("mlx", frameworks::mlx(), &["mlx-cuda-13", "mlx-cuda-12"]),
    ] {
        for release in &known.releases {
            if !release.linux.iter().any(|own| own == "x86_64") {
                continue;
            }
            for (extra, package) in ["cuda13", "cuda12"].into_iter().zip(packages) {
                let python = between(&release.python_min, &release.python_max);
                let requirement = format!("{name}[{extra}]=={}", release.versions.last().unwrap());
                asked.push(Box::new(move |differences| {
                    let there = resolve(&requirement, &python, "x86_64-manylinux_2_40");
                    differences.equal(
                        &requirement,
                        release.extras.iter().any(|own| own == extra),
                        there.contains(&format!("{package}==")),
                    );
                }));
            }
        }
    }
    for release in &frameworks::tensorflow().releases {
        let python = between(&release.python_min, &release.python_max);
        let requirement = format!("tensorflow[and-cuda]=={}", release.versions.last().unwrap());
        asked.push(Box::new(move |differences| {
            let there = resolve(&requirement, &python, "x86_64-manylinux_2_40");
            differences.equal(
                &requirement,
                release.extras.iter().any(|own| own == "cuda12"),
                there.contains("nvidia-cuda-runtime-cu12=="),
            );
            assert!(!there.contains("nvidia-cuda-runtime-cu13=="), "{there}");
        }));
    }
    // What is said to go together resolves together.
    for companion in &frameworks::companions().all {
        for pair in &companion.pairs {
            let release = frameworks::torch().release(&pair.framework).unwrap();
            // Companions' wheels end with the Python that torch has on every system.
            let python = between(&release.python_min, release.newest_python_macos());
            let both = format!(
                "torch=={}.*\n{}{}",
                pair.framework, companion.name, pair.companion
            );
            asked.push(Box::new(move |differences| {
                let there = resolve(&both, &python, "x86_64-manylinux_2_40");
                differences.equal(
                    &both.replace('\n', " "),
                    true,
                    there.contains("torch==") && there.contains(&format!("{}==", companion.name)),
                );
            }));
        }
    }
    assert!(asked.len() > 80, "{}", asked.len());
    // Resolving waits for the network most of the time.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(ask) =
                    asked.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    ask(&differences);
                }
            });
        }
    });
    let found = differences.0.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Every build that uv is told by name is one that this uv knows.
fn backends_are_uvs_own(program: &str) {
    let help = Command::new(program)
        .args(["pip", "install", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<&str> = help
        .split([' ', ',', '[', ']', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    let uv = &frameworks::indexes().uv;
    for backend in uv
        .cuda_backends
        .iter()
        .map(|cuda| format!("cu{}", cuda.replace('.', "")))
        .chain(uv.rocm_backends.iter().map(|rocm| format!("rocm{rocm}")))
        .chain(
            frameworks::uv_auto()
                .cuda
                .iter()
                .map(|row| row.backend.clone()),
        )
        .chain([
            "cpu".into(),
            "auto".into(),
            "--torch-backend".into(),
            "--index".into(),
        ])
    {
        assert!(known.contains(backend.as_str()), "uv knows no {backend}");
    }
}

/// A Python between two that is neither the oldest nor the newest where it can be chosen.
fn between(oldest: &str, newest: &str) -> String {
    ["3.12", "3.11", "3.10"]
        .into_iter()
        .find(|python| {
            order(python, oldest) != std::cmp::Ordering::Less
                && order(python, newest) != std::cmp::Ordering::Greater
        })
        .unwrap_or(newest)
        .to_string()
}

/// uv's resolution of a requirement: one `name==version` a line; empty where there is none.
fn resolution(
    program: &str,
    variables: &BTreeMap<String, Option<String>>,
    cache: &Path,
    requirement: &str,
    python: &str,
    platform: &str,
) -> String {
    let mut command = Command::new(program);
    command
        .args([
            "pip",
            "compile",
            "-",
            "--no-header",
            "--no-annotate",
            "--quiet",
        ])
        .args(["--python-version", python, "--python-platform", platform])
        .env("UV_PYTHON_DOWNLOADS", "never")
        .env("UV_CACHE_DIR", cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(requirement.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || said.contains("No solution found"),
        "{requirement}: {said}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The CUDA version that a resolution brings: `13.2` of `cuda-toolkit==13.2.2`; none for a build for processors.
fn cuda_of(resolution: &str) -> Option<String> {
    [
        "cuda-toolkit==",
        "nvidia-cuda-runtime-cu12==",
        "nvidia-cuda-runtime-cu11==",
    ]
    .into_iter()
    .find_map(|start| resolution.lines().find_map(|line| line.strip_prefix(start)))
    .map(|version| version.split('.').take(2).collect::<Vec<_>>().join("."))
}

/// PyTorch's versions, and the Pythons of its wheels.
fn torch_files(machine: &dyn Machine, settings: &settings::Settings, differences: &Differences) {
    let files = index::files_of(machine, settings, "torch").unwrap();
    let there = wheels(&files);
    for release in &frameworks::torch().releases {
        for version in &release.versions {
            differences.equal(
                &format!("torch {version} is there"),
                true,
                there.contains_key(version),
            );
        }
        let Some(newest) = there.get(release.versions.last().unwrap()) else {
            continue;
        };
        let range = |found: &[u32]| {
            found
                .first()
                .zip(found.last())
                .map(|(first, last)| (format!("3.{first}"), format!("3.{last}")))
        };
        let known = |last: &str| Some((release.python_min.clone(), last.to_string()));
        for (what, last, found) in [
            (
                "Linux x86_64",
                release.newest_python("x86_64"),
                pythons(newest, &linux("x86_64")),
            ),
            (
                "Linux aarch64",
                release.newest_python("aarch64"),
                pythons(newest, &linux("aarch64")),
            ),
            (
                "macOS",
                release.newest_python_macos(),
                pythons(newest, &|platforms| platforms.contains("macosx")),
            ),
        ] {
            differences.equal(
                &format!("Pythons of torch {} on {what}", release.version),
                known(last),
                range(&found),
            );
        }
        let oldest_mac = newest
            .iter()
            .filter_map(|file| wheel::parse(&file.name))
            .filter(|name| name.platforms.contains("arm64"))
            .filter_map(|name| {
                name.platforms
                    .strip_prefix("macosx_")?
                    .split('_')
                    .next()?
                    .parse()
                    .ok()
            })
            .min()
            .map(|major: u32| format!("{major}.0"));
        differences.equal(
            &format!("macOS of torch {}", release.version),
            Some(release.macos_min.clone()),
            oldest_mac,
        );
    }
    let intel = there
        .iter()
        .filter(|(_, files)| {
            files
                .iter()
                .any(|file| file.name.contains("macosx") && file.name.contains("x86_64"))
        })
        .map(|(version, _)| version)
        .max_by(|left, right| order(left, right))
        .unwrap();
    assert!(
        intel.starts_with(&format!("{}.", frameworks::torch().intel_mac)),
        "the last release for Intel Macs is {intel}"
    );
}

/// Versions, Pythons and systems of a framework whose builds are extras.
fn extra_files(
    machine: &dyn Machine,
    settings: &settings::Settings,
    differences: &Differences,
    name: &str,
    known: &ExtraFramework,
    binaries: &str,
) {
    let own = index::files_of(machine, settings, name).unwrap();
    let own = wheels(&own);
    let files = index::files_of(machine, settings, binaries).unwrap();
    let there = wheels(&files);
    for release in &known.releases {
        for version in &release.versions {
            differences.equal(
                &format!("{name} {version} is there"),
                true,
                own.contains_key(version),
            );
        }
        let with_wheels: Vec<&Vec<&File>> = release
            .versions
            .iter()
            .filter_map(|version| there.get(version))
            .collect();
        let Some(newest) = with_wheels.last() else {
            continue;
        };
        let everywhere = |_: &str| true;
        let first = with_wheels
            .iter()
            .filter_map(|wheels| pythons(wheels, &everywhere).first().copied())
            .min();
        let last = pythons(newest, &everywhere).last().copied();
        differences.equal(
            &format!("Pythons of {name} {}", release.versions.join(", ")),
            Some((release.python_min.clone(), release.python_max.clone())),
            first
                .zip(last)
                .map(|(first, last)| (format!("3.{first}"), format!("3.{last}"))),
        );
        for architecture in ["x86_64", "aarch64"] {
            differences.equal(
                &format!("{name} {} on Linux {architecture}", release.version),
                release.linux.iter().any(|own| own == architecture),
                with_wheels
                    .iter()
                    .any(|wheels| !pythons(wheels, &linux(architecture)).is_empty()),
            );
        }
        for (architecture, word) in [("aarch64", "arm64"), ("x86_64", "x86_64")] {
            differences.equal(
                &format!("{name} {} on macOS {architecture}", release.version),
                release.macos.iter().any(|own| own == architecture),
                with_wheels
                    .iter()
                    .flat_map(|wheels| wheels.iter())
                    .any(|file| file.name.contains("macosx") && file.name.contains(word)),
            );
        }
    }
}
