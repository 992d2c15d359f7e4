use super::*;
use crate::build::tests_support::{facts, mac, nvidia};
use crate::check::program::tests::{elf64, macho_of};
use deskside_testkit::Sim;
use deskside_types::Known;

const SITE: &str = "/home/user/p/.venv/lib/python3.12/site-packages";

/// A machine with a synthetic environment of Python 3.12: nothing in it is real but its form.
struct Fixture {
    sim: Sim,
    facts: Facts,
    extras: Vec<String>,
}

impl Fixture {
    fn new() -> Self {
        let sim = Sim::linux();
        let python = elf64(62, "/lib64/ld-linux-x86-64.so.2");
        sim.put_file("/lib64/ld-linux-x86-64.so.2", "loader")
            .put_program("/usr/bin/python3.12", python)
            .put_file("/usr/lib/python3.12/os.py", "")
            .put_file("/usr/lib/python3.12/random.py", "")
            .put_link("/home/user/p/.venv/bin/python", "/usr/bin/python3.12")
            .put_file(
                "/home/user/p/.venv/pyvenv.cfg",
                "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.4\ninclude-system-site-packages = false\n",
            )
            .put_directory(SITE);
        Self {
            sim,
            facts: facts(),
            extras: Vec::new(),
        }
    }

    fn file(&self, path: &str, contents: impl Into<Vec<u8>>) -> &Self {
        self.sim.put_file(format!("{SITE}/{path}"), contents);
        self
    }

    /// A distribution with one module of its name, and further files.
    fn with(&self, name: &str, version: &str, requires: &[&str], files: &[(&str, &str)]) -> &Self {
        let module = format!("{}.py", name.replace('-', "_"));
        let text = format!("NAME = '{name}'\n");
        let mut all: Vec<(&str, &str)> = vec![(&module, &text)];
        all.extend(files);
        if files.iter().any(|(path, _)| path.starts_with("only:")) {
            all.remove(0);
        }
        let info = format!("{}-{version}.dist-info", name.replace('-', "_"));
        let requires: String = requires
            .iter()
            .map(|one| format!("Requires-Dist: {one}\n"))
            .collect();
        let metadata =
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\nText\n");
        let mut record = String::new();
        for (path, contents) in all {
            let path = path.trim_start_matches("only:");
            self.file(path, contents);
            record.push_str(&format!(
                "{path},sha256={},{}\n",
                digest(contents),
                contents.len()
            ));
        }
        record.push_str(&format!(
            "{info}/METADATA,sha256={},{}\n{info}/RECORD,,\n",
            digest(&metadata),
            metadata.len()
        ));
        self.file(&format!("{info}/METADATA"), metadata)
            .file(&format!("{info}/RECORD"), record)
            .file(&format!("{info}/INSTALLER"), "uv")
            .file(&format!("{info}/WHEEL"), "Tag: py3-none-any\n")
    }

    fn look(&self, depth: Depth) -> Check {
        let place = Place {
            environment: Path::new("/home/user/p/.venv"),
            project: Path::new("/home/user/p"),
            extras: &self.extras,
        };
        check(&self.sim, &place, &self.facts, depth)
    }

    fn gone(&self, path: impl AsRef<Path>) {
        self.sim.change(|state| {
            state.remove(path);
        });
    }

    /// The identities of the root causes.
    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .look(Depth::Sizes)
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .collect();
        ids.sort();
        ids
    }

    #[track_caller]
    fn only(&self, id: &str) -> Finding {
        let findings = self.look(Depth::Sizes).findings;
        let [one] = findings.as_slice() else {
            panic!("expected {id} alone: {findings:#?}");
        };
        assert_eq!(one.id, id, "{one:#?}");
        assert!(
            !one.cause.is_empty() && !one.meaning.is_empty() && !one.mend.is_empty(),
            "{one:#?}"
        );
        one.clone()
    }
}

fn digest(text: &str) -> String {
    use sha2::Digest;
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = sha2::Sha256::digest(text.as_bytes())
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    bits.chunks(6)
        .map(|six| {
            let number = (0..6).fold(0, |sum, place| {
                sum << 1 | six.get(place).copied().unwrap_or(0)
            });
            char::from(LETTERS[usize::from(number)])
        })
        .collect()
}

#[test]
fn a_whole_environment_has_no_finding() {
    let fixture = Fixture::new();
    fixture
        .with("numpy", "2.1.0", &[], &[("numpy_core/__init__.py", "")])
        .with(
            "pandas",
            "2.2.3",
            &[
                "numpy>=1.26; python_version >= '3.12'",
                "numpy<2; python_version < '3.9'",
                "pytest; extra == 'test'",
                "pywin32; sys_platform == 'win32'",
            ],
            &[],
        )
        .file("_virtualenv.py", "x")
        .file("_virtualenv.pth", "import _virtualenv")
        .file("__pycache__/six.cpython-312.pyc", "x");
    fixture
        .sim
        .put_file("/home/user/p/train.py", "")
        .put_file("/home/user/p/tests/__init__.py", "");
    let checked = fixture.look(Depth::Hashes);
    assert_eq!(checked.findings, []);
    assert_eq!(checked.not_looked_at, Vec::<String>::new());
    assert_eq!(
        (
            checked.looked_at.distributions,
            checked.looked_at.requirements
        ),
        (2, 1)
    );
    assert!(checked.looked_at.hashed >= 5);
}

#[test]
fn the_interpreter_family() {
    type Break = fn(&mut Fixture);
    let cases: &[(&str, Break)] = &[
        ("interpreter-gone", |fixture| {
            fixture.sim.put_link(
                "/home/user/p/.venv/bin/python",
                "/opt/homebrew/Cellar/python@3.12/3.12.4/bin/python3.12",
            );
        }),
        ("interpreter-gone", |fixture| {
            fixture.gone("/home/user/p/.venv/bin/python")
        }),
        ("settings-missing", |fixture| {
            fixture.gone("/home/user/p/.venv/pyvenv.cfg")
        }),
        ("settings-damaged", |fixture| {
            fixture
                .sim
                .put_file("/home/user/p/.venv/pyvenv.cfg", "version = 3.12.4\n");
        }),
        ("interpreter-home-gone", |fixture| {
            fixture.sim.put_file(
                "/home/user/p/.venv/pyvenv.cfg",
                "home = /opt/gone/bin\nversion = 3.12.4\n",
            );
        }),
        ("python-upgraded", |fixture| {
            fixture
                .sim
                .put_program(
                    "/usr/bin/python3.13",
                    elf64(62, "/lib64/ld-linux-x86-64.so.2"),
                )
                .put_file("/usr/lib/python3.13/os.py", "");
            fixture
                .sim
                .put_link("/home/user/p/.venv/bin/python", "/usr/bin/python3.13");
        }),
        ("interpreter-for-another-processor", |fixture| {
            fixture.sim.put_program(
                "/usr/bin/python3.12",
                elf64(183, "/lib/ld-linux-aarch64.so.1"),
            );
        }),
        ("interpreter-for-another-system", |fixture| {
            fixture
                .sim
                .put_program("/usr/bin/python3.12", elf64(62, "/lib/ld-musl-x86_64.so.1"));
        }),
        ("interpreter-for-another-system", |fixture| {
            fixture
                .sim
                .put_program("/usr/bin/python3.12", macho_of(&[0x0100_000c]));
        }),
        ("interpreter-damaged", |fixture| {
            fixture.sim.put_program("/usr/bin/python3.12", "");
        }),
        ("interpreter-unusable", |fixture| {
            fixture.sim.set_mode("/usr/bin/python3.12", 0o644);
        }),
        ("environment-moved", |fixture| {
            fixture.sim.put_program(
                "/home/user/p/.venv/bin/f2py",
                "#!/home/user/old/.venv/bin/python3\nimport x\n",
            );
        }),
        ("environment-moved", |fixture| {
            fixture.sim.put_program(
                "/home/user/p/.venv/bin/f2py",
                "#!/bin/sh\n'''exec' '/home/user/old/.venv/bin/python' \"$0\" \"$@\"\n' '''\n",
            );
        }),
    ];
    for (id, spoil) in cases {
        let mut fixture = Fixture::new();
        fixture.with("six", "1.17.0", &[], &[]);
        spoil(&mut fixture);
        fixture.only(id);
    }
    // An Intel Python on Apple silicon; a universal one is fine.
    for (processors, ids) in [
        (vec![0x0100_0007], vec!["interpreter-translated"]),
        (vec![0x0100_0007, 0x0100_000c], vec![]),
    ] {
        let mut fixture = Fixture::new();
        fixture.facts = mac("arm64", "15.1");
        fixture
            .sim
            .put_program("/usr/bin/python3.12", macho_of(&processors));
        assert_eq!(fixture.ids(), ids);
    }
}

#[test]
fn the_distributions_family() {
    type Break = fn(&Fixture);
    let cases: &[(&str, Break)] = &[
        ("distribution-twice", |fixture| {
            fixture.with("six", "1.16.0", &[], &[]);
        }),
        ("distribution-half-made", |fixture| {
            fixture.gone(format!("{SITE}/six-1.17.0.dist-info/METADATA"))
        }),
        ("distribution-half-made", |fixture| {
            fixture.gone(format!("{SITE}/six-1.17.0.dist-info/RECORD"))
        }),
        ("distribution-half-made", |fixture| {
            fixture.file("six-1.17.0.dist-info/METADATA", "");
        }),
        ("leftover-of-removal", |fixture| {
            fixture
                .file("~ix-1.16.0.dist-info/METADATA", "")
                .file("~ix/x.py", "");
        }),
        ("requirement-missing", |fixture| {
            fixture.with("needy", "1.0", &["absent>=2"], &[]);
        }),
        ("requirement-version", |fixture| {
            fixture.with("needy", "1.0", &["six<1"], &[]);
        }),
        ("files-of-nobody", |fixture| {
            fixture.with("needy", "1.0", &["gone>=2"], &[]);
            fixture.file("gone.py", "x");
        }),
        ("files-of-two", |fixture| {
            fixture.with("left", "1.0", &[], &[("shared/core.py", "left = 1\n")]);
            fixture.with("right", "1.0", &[], &[("shared/core.py", "right = 12\n")]);
        }),
        ("flavours-exclude-each-other", |fixture| {
            fixture.with(
                "opencv-python",
                "4.10.0",
                &[],
                &[("cv2/__init__.py", "a = 1\n")],
            );
            fixture.with(
                "opencv-python-headless",
                "4.11.0",
                &[],
                &[("cv2/__init__.py", "b = 12\n")],
            );
        }),
        ("editable-gone", |fixture| {
            fixture.with(
                "mine",
                "0.1",
                &[],
                &[("only:__editable__.mine-0.1.pth", "/home/user/gone/src\n")],
            );
            fixture.file(
                "mine-0.1.dist-info/direct_url.json",
                r#"{"url":"file:///home/user/gone","dir_info":{"editable":true}}"#,
            );
        }),
        ("path-file-leads-nowhere", |fixture| {
            fixture.file("paths.pth", "/nowhere/at/all\n");
        }),
        ("path-file-of-nobody", |fixture| {
            fixture.file("evil.pth", "import os; os.system('x')\n");
        }),
        ("path-file-imports-nothing", |fixture| {
            fixture.file("odd.pth", "import not_there\n");
        }),
        ("built-for-another-python", |fixture| {
            fixture.file(
                "six-1.17.0.dist-info/WHEEL",
                "Tag: cp311-cp311-manylinux_2_28_x86_64\n",
            );
        }),
        ("needs-another-python", |fixture| {
            let text =
                "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\nRequires-Python: >=3.13\n\n";
            fixture.file("six-1.17.0.dist-info/METADATA", text);
            fixture.file("six-1.17.0.dist-info/RECORD", "six.py,,\n");
        }),
    ];
    for (id, spoil) in cases {
        let fixture = Fixture::new();
        fixture.with("six", "1.17.0", &[], &[]);
        spoil(&fixture);
        fixture.only(id);
    }
}

#[test]
fn what_follows_is_told_below_its_cause() {
    let fixture = Fixture::new();
    fixture
        .with("needy", "1.0", &["numpy>=2"], &[])
        .with("numpy", "1.26.4", &[], &[]);
    fixture.sim.put_file(
        "/home/user/p/pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0\"\ndependencies = [\"needy\"]\n",
    );
    fixture.sim.put_file(
        "/home/user/p/uv.lock",
        "version = 1\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"needy\" }]\n[package.metadata]\nrequires-dist = [{ name = \"needy\" }]\n\n[[package]]\nname = \"needy\"\nversion = \"1.0\"\nsource = { registry = \"x\" }\ndependencies = [{ name = \"numpy\" }]\n\n[[package]]\nname = \"numpy\"\nversion = \"2.1.0\"\nsource = { registry = \"x\" }\n",
    );
    let root = fixture.only("not-as-locked");
    assert_eq!(root.consequences.len(), 1, "{root:#?}");
    assert!(root.consequences[0].contains("needy"));
    assert!(root.mend.contains(&"deskside env sync".to_string()));
    fixture.sim.change(|state| {
        for part in [
            "numpy-1.26.4.dist-info/METADATA",
            "numpy-1.26.4.dist-info/RECORD",
            "numpy-1.26.4.dist-info/INSTALLER",
            "numpy-1.26.4.dist-info/WHEEL",
            "numpy-1.26.4.dist-info",
            "numpy.py",
        ] {
            state.remove(format!("{SITE}/{part}"));
        }
    });
    let root = fixture.only("locked-package-missing");
    assert_eq!(root.severity, Severity::Broken);
}

#[test]
fn the_files_family() {
    let fixture = Fixture::new();
    fixture.with(
        "tool",
        "1.0",
        &[],
        &[
            ("tool_core/a.py", "print(1)\n"),
            ("tool_core/b.so", "\x7fELFxxxx"),
        ],
    );
    assert_eq!(fixture.ids(), Vec::<String>::new());
    let whole = fixture.sim.snapshot();
    fixture.gone(format!("{SITE}/tool_core/a.py"));
    assert_eq!(fixture.only("files-missing").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/b.so", "\x7fELF");
    assert_eq!(fixture.only("library-damaged").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/a.py", "");
    assert_eq!(fixture.only("files-damaged").severity, Severity::Broken);
    fixture.sim.restore(whole.clone());
    fixture.file("tool_core/a.py", "print(1)\nprint(2)\n");
    assert_eq!(fixture.only("files-changed").severity, Severity::Suspicious);
    fixture.sim.restore(whole.clone());
    // Of the same size and changed later: its contents are compared.
    fixture.sim.advance(Duration::from_secs(60));
    fixture.file("tool_core/a.py", "print(2)\n");
    assert_eq!(fixture.only("files-changed").id, "files-changed");
    fixture.sim.restore(whole);
    // Of the same size, and no later time says so: only --hashes sees it.
    fixture.file("tool_core/b.so", "\x7fELFyyyy");
    assert_eq!(fixture.ids(), Vec::<String>::new());
    assert_eq!(
        fixture.look(Depth::Hashes).findings[0].id,
        "library-damaged"
    );
}

#[test]
fn the_cuda_and_numpy_families() {
    let torch = |fixture: &Fixture, version: &str, cuda: &str| {
        let text = format!(
            "__version__ = '{version}'\ncuda: Optional[str] = {cuda}\nhip: Optional[str] = None\n"
        );
        fixture.with(
            "torch",
            version.split('+').next().unwrap(),
            &[],
            &[
                ("only:torch/version.py", &text),
                ("torch/__init__.py", "x = 1\n"),
            ],
        );
    };
    let fixture = Fixture::new();
    fixture.with("nvidia-cudnn-cu12", "9.1.0", &[], &[]).with(
        "nvidia-cudnn-cu11",
        "8.9.0",
        &[],
        &[],
    );
    assert!(fixture.only("cuda-mixed").cause.contains("11 and 12"));
    let fixture = Fixture::new();
    fixture
        .with("nvidia-cuda-runtime", "13.0.2", &[], &[])
        .with("nvidia-cublas-cu12", "12.8.0", &[], &[]);
    assert!(fixture.only("cuda-mixed").cause.contains("12 and 13"));
    let fixture = Fixture::new();
    fixture
        .with("nvidia-cuda-runtime", "13.0.2", &[], &[])
        .with("nvidia-cudnn-cu13", "9.9.0", &[], &[])
        .with("nvidia-cufft", "12.0.0", &[], &[])
        .with("nvidia-ml-py", "13.580.0", &[], &[]);
    assert_eq!(fixture.ids(), Vec::<String>::new());

    for (capability, driver, version, cuda, id) in [
        (
            "8.6",
            "535.183.01",
            "2.11.0+cu130",
            "'13.0'",
            "driver-too-old",
        ),
        ("8.6", "580.95.05", "2.11.0+cu130", "'13.0'", ""),
        ("8.6", "580.95.05", "2.11.0+cpu", "None", "gpu-unused"),
        (
            "7.0",
            "580.95.05",
            "2.11.0+cu130",
            "'13.0'",
            "no-code-for-this-gpu",
        ),
    ] {
        let mut fixture = Fixture::new();
        fixture.facts = nvidia(&[capability], Some(driver));
        torch(&fixture, version, cuda);
        let expected: Vec<&str> = Some(id).filter(|id| !id.is_empty()).into_iter().collect();
        assert_eq!(fixture.ids(), expected, "{capability} {driver} {version}");
    }
    let fixture = Fixture::new();
    torch(&fixture, "2.5.1+cu124", "'12.4'");
    fixture.with("torchvision", "0.21.0", &["torch==2.6.0"], &[]);
    let pair = fixture.only("torch-pair");
    assert_eq!(pair.consequences.len(), 1, "{pair:#?}");
    let fixture = Fixture::new();
    fixture
        .with("jaxlib", "0.8.0", &[], &[])
        .with("jax-cuda12-plugin", "0.7.0", &[], &[]);
    fixture.only("jax-plugin-version");
    let fixture = Fixture::new();
    torch(&fixture, "2.12.0+cu130", "'13.0'");
    fixture
        .with("tensorflow", "2.20.0", &[], &[])
        .with("nvidia-cublas-cu12", "12.8.0", &[], &[]);
    fixture.only("frameworks-of-two-cudas");

    let fixture = Fixture::new();
    fixture
        .with("numpy", "2.1.3", &[], &[])
        .with("pandas", "2.0.3", &["numpy>=1.21"], &[]);
    fixture.only("numpy-interface");
    // What nobody listed is told by its compiled files.
    for (inside, ids) in [
        ("numpy.core._multiarray_umath", vec!["numpy-interface"]),
        (
            "numpy._core._multiarray_umath numpy.core._multiarray_umath",
            vec![],
        ),
    ] {
        let fixture = Fixture::new();
        fixture.with("numpy", "2.1.3", &[], &[]).with(
            "oldie",
            "1.0",
            &["numpy>=1.21"],
            &[("oldie_core.so", inside)],
        );
        assert_eq!(fixture.ids(), ids);
    }
}

#[test]
fn the_shadowing_family() {
    type Break = fn(&Fixture);
    let cases: &[(&str, Break)] = &[
        ("python-path", |fixture| {
            fixture
                .sim
                .put_file("/home/user/other/six.py", "")
                .set_variable("PYTHONPATH", "/home/user/other");
        }),
        ("python-path", |fixture| {
            fixture
                .sim
                .put_directory("/opt/ros/lib/python3.8/site-packages")
                .set_variable("PYTHONPATH", "/opt/ros/lib/python3.8/site-packages");
        }),
        ("python-home", |fixture| {
            fixture.sim.set_variable("PYTHONHOME", "/usr");
        }),
        ("another-environment-active", |fixture| {
            fixture
                .sim
                .set_variable("VIRTUAL_ENV", "/home/user/q/.venv");
        }),
        ("conda-active", |fixture| {
            fixture
                .sim
                .put_program("/opt/conda/bin/python", "x")
                .set_variable("CONDA_PREFIX", "/opt/conda")
                .set_variable("PATH", "/opt/conda/bin:/usr/bin");
        }),
        ("project-file-shadows", |fixture| {
            fixture.sim.put_file("/home/user/p/six.py", "");
        }),
        ("project-file-shadows", |fixture| {
            fixture.sim.put_file("/home/user/p/random.py", "");
        }),
        ("project-file-shadows", |fixture| {
            fixture.sim.put_file("/home/user/p/six/__init__.py", "");
        }),
        ("library-path", |fixture| {
            fixture.with(
                "nvidia-cudnn-cu12",
                "9.1.0",
                &[],
                &[("nvidia/cudnn/lib/libcudnn.so.9", "the wheel's own")],
            );
            fixture
                .sim
                .put_file("/usr/local/cuda/lib64/libcudnn.so.9", "another")
                .set_variable("LD_LIBRARY_PATH", "/usr/local/cuda/lib64");
        }),
        ("user-site", |fixture| {
            fixture
                .sim
                .put_file("/home/user/.local/lib/python3.12/site-packages/six.py", "");
            fixture.sim.put_file(
                "/home/user/p/.venv/pyvenv.cfg",
                "home = /usr/bin\nversion_info = 3.12.4\ninclude-system-site-packages = true\n",
            );
        }),
    ];
    for (id, spoil) in cases {
        let fixture = Fixture::new();
        fixture.with("six", "1.17.0", &[], &[]);
        spoil(&fixture);
        fixture.only(id);
    }
    // What only looks like it.
    let controls: &[Break] = &[
        |fixture| {
            fixture
                .sim
                .put_file("/home/user/other/own_code.py", "")
                .set_variable("PYTHONPATH", "/home/user/other:/not/there");
        },
        |fixture| {
            fixture
                .sim
                .set_variable("VIRTUAL_ENV", "/home/user/p/.venv");
        },
        |fixture| {
            fixture.sim.put_file("/home/user/p/six/data.txt", "");
        },
        |fixture| {
            fixture
                .sim
                .put_file("/home/user/p/setup.py", "")
                .put_file("/home/user/p/test.py", "");
        },
        |fixture| {
            fixture
                .sim
                .put_file("/home/user/.local/lib/python3.12/site-packages/six.py", "");
        },
        |fixture| {
            fixture
                .sim
                .put_file("/usr/local/cuda/lib64/libcudnn.so.9", "x")
                .set_variable("LD_LIBRARY_PATH", "/usr/local/cuda/lib64");
        },
    ];
    for (place, control) in controls.iter().enumerate() {
        let fixture = Fixture::new();
        fixture.with("six", "1.17.0", &[], &[]);
        control(&fixture);
        assert_eq!(fixture.ids(), Vec::<String>::new(), "control {place}");
    }
}

#[test]
fn a_lock_file_of_another_pyproject_is_seen() {
    let project = |dependencies: &str| {
        format!(
            "[project]\nname = \"p\"\nversion = \"0\"\nrequires-python = \">=3.11\"\ndependencies = [{dependencies}]\n[dependency-groups]\ndev = [\"pytest\"]\n"
        )
    };
    let lock = "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = { virtual = \".\" }\n[package.metadata]\nrequires-dist = [\n{ name = \"six\", marker = \"python_full_version >= '3.12'\", specifier = \">=1\" },\n{ name = \"numpy\", extras = [\"x\"], specifier = \"==2.0.*\" },\n]\n[package.metadata.requires-dev]\ndev = [{ name = \"pytest\" }]\n";
    for (dependencies, fresh) in [
        (
            "\"six>=1 ; python_version >= '3.12'\", \"NumPy[x] == 2.0.*\"",
            true,
        ),
        (
            "\"six >= 1.0; python_version>='3.12'\", \"numpy[x]==2.0.*\"",
            true,
        ),
        ("\"six>=1\", \"numpy[x]==2.0.*\"", false),
        (
            "\"six>=2; python_version >= '3.12'\", \"numpy[x]==2.0.*\"",
            false,
        ),
        (
            "\"six>=1; python_version >= '3.12'\", \"numpy==2.0.*\"",
            false,
        ),
        ("\"six>=1; python_version >= '3.12'\"", false),
    ] {
        let sim = Sim::linux();
        sim.put_file("/home/user/p/pyproject.toml", project(dependencies))
            .put_file("/home/user/p/uv.lock", lock);
        let place = Place {
            environment: Path::new("/home/user/p/.venv"),
            project: Path::new("/home/user/p"),
            extras: &[],
        };
        let scene = Scene::read(&sim, &place);
        assert_eq!(
            stale::findings(&scene).is_empty(),
            fresh,
            "{dependencies}: {:#?}",
            stale::findings(&scene)
        );
    }
}

#[test]
fn bad_input_is_no_panic_and_no_guess() {
    let fixture = Fixture::new();
    fixture.with("six", "1.17.0", &["((("], &[]);
    fixture
        .file("odd.dist-info/METADATA", vec![0xff; 100])
        .file("odd.dist-info/RECORD", vec![0xfe; 100])
        .file("-.dist-info/METADATA", "Name\n")
        .file("~", "")
        .file("~~.dist-info/x", "")
        .file("x.pth", vec![0xff, 0, 10, 0xff]);
    fixture
        .sim
        .put_file("/home/user/p/pyproject.toml", "[[[")
        .put_file("/home/user/p/uv.lock", "[[[");
    let checked = fixture.look(Depth::Hashes);
    assert!(
        checked
            .findings
            .iter()
            .any(|finding| finding.id == "lock-unreadable")
    );
    assert!(
        checked
            .not_looked_at
            .iter()
            .any(|sentence| sentence.contains("(((")),
        "{:?}",
        checked.not_looked_at
    );
    let mut fixture = Fixture::new();
    fixture.facts.system.architecture = Known::unknown("not read");
    fixture.facts.gpus = Known::unknown("not read");
    fixture.with("six", "1.17.0", &[], &[]);
    assert_eq!(fixture.ids(), Vec::<String>::new());
}
