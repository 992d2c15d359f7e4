//! Environments that are broken behind uv's back.

use super::scene::{Outcome, Question, Way, ask, file, plain, project, replace, stand_in};
use super::table;
use crate::person::real_wanted;
use crate::project::Project;
use std::fs;
use std::os::unix::fs::symlink;

const BASE: &[&str] = &["six==1.16.0", "idna==3.7", "numpy==2.2.6"];

/// A whole project, broken so, and what came of it.
fn broken(id: &str, case: &str, way: Way, wreck: impl FnOnce(&Project)) -> Outcome {
    let project = project(BASE);
    wreck(&project);
    ask(&project, &Question::of(id, case, way))
}

#[test]
fn files_and_folders_of_packages() {
    if !real_wanted() {
        return;
    }
    let incomplete = "package-files-missing-metadata-intact";
    table(
        "packages",
        &[
            broken(incomplete, "files deleted", Way::Fix, |p| {
                fs::remove_file(p.site().join("six.py")).unwrap();
                fs::remove_file(p.site().join("idna/core.py")).unwrap();
            }),
            broken(incomplete, "library cut off", Way::Fix, |p| {
                let library = file(&p.site().join("numpy/_core"), "_multiarray_umath", ".so");
                fs::OpenOptions::new()
                    .write(true)
                    .open(library)
                    .unwrap()
                    .set_len(1000)
                    .unwrap();
            }),
            broken(incomplete, "metadata empty", Way::Fix, |p| {
                fs::write(p.site().join("six-1.16.0.dist-info/METADATA"), "").unwrap();
            }),
            broken(
                "environment-leftover-of-removal",
                "removal cut off",
                Way::Fix,
                |p| {
                    fs::rename(
                        p.site().join("idna-3.7.dist-info"),
                        p.site().join("~dna-3.7.dist-info"),
                    )
                    .unwrap();
                    fs::rename(p.site().join("idna"), p.site().join("~dna")).unwrap();
                },
            ),
            broken(
                "environment-distribution-twice",
                "two dist-info",
                Way::Fix,
                |p| {
                    let twin = p.site().join("six-1.15.0.dist-info");
                    fs::create_dir(&twin).unwrap();
                    for name in ["METADATA", "RECORD", "WHEEL"] {
                        fs::copy(
                            p.site().join("six-1.16.0.dist-info").join(name),
                            twin.join(name),
                        )
                        .unwrap();
                    }
                    replace(&twin.join("METADATA"), "Version: 1.16.0", "Version: 1.15.0");
                },
            ),
            broken(
                "environment-not-as-locked",
                "version behind uv's back",
                Way::Fix,
                |p| {
                    p.uv(&["pip", "install", "--quiet", "six==1.17.0"]);
                },
            ),
            broken(
                "environment-locked-package-missing",
                "uninstalled",
                Way::Fix,
                |p| {
                    p.uv(&["pip", "uninstall", "--quiet", "idna"]);
                },
            ),
            broken(
                "environment-built-for-another-python",
                "wheels of a Mac",
                Way::Fix,
                |p| {
                    let wheel = p.site().join("numpy-2.2.6.dist-info/WHEEL");
                    let text = fs::read_to_string(&wheel).unwrap();
                    let tags: String = text
                        .lines()
                        .map(|line| {
                            if line.starts_with("Tag: ") {
                                "Tag: cp311-cp311-macosx_14_0_arm64\n".into()
                            } else {
                                format!("{line}\n")
                            }
                        })
                        .collect();
                    fs::write(wheel, tags).unwrap();
                },
            ),
            broken(
                "environment-flavours-exclude-each-other",
                "both own cv2",
                Way::Fix,
                |p| {
                    // Stand-ins of the real names; the lock file names one of them.
                    let one = stand_in(
                        "opencv-python",
                        "4.10.0.84",
                        &[("cv2/__init__.py", "a = 1\n")],
                        &[],
                    );
                    let two = stand_in(
                        "opencv-python-headless",
                        "4.10.0.84",
                        &[("cv2/__init__.py", "a = 2\n")],
                        &[],
                    );
                    p.uv(&["add", "--quiet", &one]);
                    p.uv(&["pip", "install", "--quiet", "--no-deps", &two]);
                },
            ),
            broken(
                "nvidia-pip-libs-cu11-cu12-mixed",
                "cu11 into cu12",
                Way::Fix,
                |p| {
                    let twelve = stand_in(
                        "nvidia-cublas-cu12",
                        "12.4.5.8",
                        &[
                            ("nvidia/cublas/lib/libcublas.so.12", "x"),
                            ("nvidia/cublas/__init__.py", ""),
                        ],
                        &[],
                    );
                    let eleven = stand_in(
                        "nvidia-cublas-cu11",
                        "11.11.3.6",
                        &[
                            ("nvidia/cublas/lib/libcublas.so.11", "y"),
                            ("nvidia/cublas/__init__.py", ""),
                        ],
                        &[],
                    );
                    p.uv(&["add", "--quiet", &twelve]);
                    p.uv(&["pip", "install", "--quiet", "--no-deps", &eleven]);
                },
            ),
        ],
    );
}

#[test]
fn interpreters_settings_and_lock_files() {
    if !real_wanted() {
        return;
    }
    table(
        "interpreters and lock files",
        &[
            broken(
                "venv-interpreter-gone",
                "python leads nowhere",
                Way::Fix,
                |p| {
                    let python = p.venv().join("bin/python");
                    fs::remove_file(&python).unwrap();
                    symlink("/opt/no-such/bin/python3.11", python).unwrap();
                    let settings = p.venv().join("pyvenv.cfg");
                    let text = fs::read_to_string(&settings).unwrap();
                    let text: String = text
                        .lines()
                        .map(|line| {
                            if line.starts_with("home") {
                                "home = /opt/no-such/bin\n".into()
                            } else {
                                format!("{line}\n")
                            }
                        })
                        .collect();
                    fs::write(settings, text).unwrap();
                },
            ),
            {
                // A project whose folder got another name: its scripts lead to the old one.
                let project = project(&["idna==3.7", "pygments==2.18.0"]);
                let moved = project.person.work().join("moved");
                fs::create_dir(&moved).unwrap();
                for name in ["pyproject.toml", "uv.lock", ".venv"] {
                    fs::rename(project.person.work().join(name), moved.join(name)).unwrap();
                }
                let question = Question::of("environment-environment-moved", "moved", Way::Fix);
                super::scene::ask_by(&project, &question, &|mut command| {
                    command.current_dir(&moved);
                    command
                })
            },
            broken(
                "environment-settings-missing",
                "pyvenv.cfg deleted",
                Way::Person,
                |p| {
                    fs::remove_file(p.venv().join("pyvenv.cfg")).unwrap();
                },
            ),
            broken(
                "environment-lock-unreadable",
                "lock file cut off",
                Way::Fix,
                |p| {
                    let lock = p.person.work().join("uv.lock");
                    let text = fs::read(&lock).unwrap();
                    fs::write(&lock, &text[..text.len() / 2 - 7]).unwrap();
                },
            ),
            broken(
                "environment-lock-edited",
                "lock file by hand",
                Way::Fix,
                |p| {
                    replace(
                        &p.person.work().join("uv.lock"),
                        "version = \"1.16.0\"",
                        "version = \"1.15.0\"",
                    );
                },
            ),
            broken(
                "environment-lock-out-of-date",
                "lock not in step",
                Way::Fix,
                |p| {
                    replace(
                        &p.person.work().join("pyproject.toml"),
                        "six==1.16.0",
                        "six==1.17.0",
                    );
                },
            ),
            broken(
                "environment-python-version-differs",
                ".python-version",
                Way::Person,
                |p| {
                    p.person.write(".python-version", "3.9\n");
                },
            ),
            broken(
                "environment-project-file-shadows",
                "random.py",
                Way::Person,
                |p| {
                    p.person.write("random.py", "x = 1\n");
                },
            ),
            broken(
                "environment-path-file-leads-nowhere",
                "a path file",
                Way::Person,
                |p| {
                    fs::write(p.site().join("old.pth"), "/no/such/folder\n").unwrap();
                },
            ),
        ],
    );
}

#[test]
fn variables_that_lead_elsewhere() {
    if !real_wanted() {
        return;
    }
    let shadowed = |id: &str, case: &str, name: &str, prepare: &dyn Fn(&Project) -> String| {
        let mut project = project(BASE);
        let value = prepare(&project);
        project.variables.push((name.into(), value));
        ask(&project, &Question::of(id, case, Way::Person))
    };
    table(
        "variables",
        &[
            shadowed(
                "environment-python-path",
                "PYTHONPATH shadows",
                "PYTHONPATH",
                &|p| {
                    p.person.write("elsewhere/numpy/__init__.py", "");
                    p.person.work().join("elsewhere").display().to_string()
                },
            ),
            shadowed(
                "environment-python-home",
                "PYTHONHOME",
                "PYTHONHOME",
                &|_| "/opt/no-such".into(),
            ),
        ],
    );
}

#[test]
fn packages_that_do_not_go_together() {
    if !real_wanted() {
        return;
    }
    let torch = |version: &str| {
        stand_in(
            "torch",
            version,
            &[
                ("torch/__init__.py", ""),
                ("torch/version.py", "cuda = None\nhip = None\n"),
            ],
            &[],
        )
    };
    let with = |id: &str, case: &str, way: Way, packages: &[&str]| {
        let project = plain(packages);
        ask(&project, &Question::of(id, case, way))
    };
    let (old_torch, new_torch) = (torch("2.1.0"), torch("2.6.0"));
    let vision = stand_in(
        "torchvision",
        "0.19.0",
        &[("torchvision/__init__.py", "")],
        &["torch==2.4.0"],
    );
    table(
        "packages that do not go together",
        &[
            with(
                "numpy2-with-numpy1-torch",
                "an old torch, NumPy 2",
                Way::Fix,
                &["numpy==2.2.6", &old_torch],
            ),
            with(
                "torchvision-version-mismatch",
                "torchvision of another",
                Way::Planned,
                &[&new_torch, &vision],
            ),
            {
                // pandas as it was built for NumPy 1: the error is its own.
                let project = plain(&[
                    "numpy==2.2.6",
                    "pandas==2.1.4",
                    "python-dateutil",
                    "pytz",
                    "tzdata",
                    "six",
                ]);
                let question =
                    Question::of("numpy-dtype-size-changed", "pandas for NumPy 1", Way::Fix)
                        .shown_by(&[".venv/bin/python", "-c", "import pandas"]);
                ask(&project, &question)
            },
            {
                let project = plain(&[
                    "protobuf==5.29.3",
                    &stand_in(
                        "tensorboardX",
                        "2.4",
                        &[("tensorboardX/__init__.py", "")],
                        &[],
                    ),
                ]);
                ask(
                    &project,
                    &Question::of(
                        "protobuf-descriptors",
                        "tensorboardX of an older protobuf",
                        Way::Fix,
                    ),
                )
            },
            {
                let project = plain(&[
                    "protobuf==4.25.3",
                    &stand_in(
                        "generated",
                        "1.0",
                        &[(
                            "generated.py",
                            "from google.protobuf import runtime_version\n",
                        )],
                        &[],
                    ),
                ]);
                let question = Question::of(
                    "protobuf-older-than-code",
                    "code of a newer protobuf",
                    Way::Fix,
                )
                .shown_by(&[".venv/bin/python", "-c", "import generated"]);
                ask(&project, &question)
            },
        ],
    );
}
