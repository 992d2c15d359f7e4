//! The interpreter and where it leads.

use super::*;

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
        ("python-version-differs", |fixture| {
            fixture
                .sim
                .put_file("/home/user/p/.python-version", "# ours\n3.11.4\n");
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
