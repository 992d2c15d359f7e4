//! What comes before the environment on the import path.

use super::*;

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
