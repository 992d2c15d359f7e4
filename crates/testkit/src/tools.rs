//! Small simulated programs of root's for [`Sim`]: usermod, gpasswd, update-alternatives, systemctl, modprobe,
//! update-initramfs, update-grub, fallocate, mkswap, swapon, swapoff. What they change are the machine's own files.

use crate::sim::{Sim, SimState, output};
use deskside_machine::Output;
use serde_json::{Value, json};

/// Alternatives by name: `{"automatic": …, "value": …, "choices": […]}`.
const ALTERNATIVES: &str = "/var/lib/dpkg/alternatives/simulated";

/// Puts them on a machine on which systemd runs and GRUB boots.
pub fn put(sim: &Sim) {
    sim.put_directory("/run/systemd/system")
        .put_file("/proc/swaps", "Filename Type Size Used Priority\n")
        .put_file("/etc/default/grub", "GRUB_DEFAULT=0\n");
    for program in ["update-grub", "update-initramfs"] {
        sim.put_program(format!("/usr/sbin/{program}"), "");
    }
    sim.on_command(
        |argv| {
            [
                "usermod",
                "gpasswd",
                "update-alternatives",
                "systemctl",
                "modprobe",
                "update-initramfs",
                "update-grub",
                "fallocate",
                "mkswap",
                "swapon",
                "swapoff",
            ]
            .contains(&argv[0].as_str())
        },
        |state, command| {
            let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
            Ok(call(state, &words))
        },
    );
}

/// Adds alternatives, led by the first choice as a person chose it.
pub fn put_alternatives(sim: &Sim, name: &str, choices: &[&str]) {
    sim.change(|state| {
        let mut all = alternatives(state);
        all[name] = json!({ "automatic": false, "value": choices[0], "choices": choices });
        state.put_file(ALTERNATIVES, all.to_string());
    });
}

/// Adds a service that is neither enabled nor running.
pub fn put_service(sim: &Sim, name: &str) {
    sim.put_file(format!("/usr/lib/systemd/system/{name}"), "[Unit]\n");
}

fn text(state: &SimState, path: &str) -> String {
    String::from_utf8_lossy(state.contents(path).unwrap_or_default()).into_owned()
}

fn alternatives(state: &SimState) -> Value {
    serde_json::from_str(&text(state, ALTERNATIVES)).unwrap_or_else(|_| json!({}))
}

fn call(state: &mut SimState, words: &[&str]) -> Output {
    let done = || output(0, "", "");
    match words {
        ["usermod", "-a", "-G", group, account] => membership(state, group, account, true),
        ["gpasswd", "-d", account, group] => membership(state, group, account, false),
        ["update-alternatives", rest @ ..] => choose(state, rest),
        ["systemctl", rest @ ..] => systemctl(state, rest),
        ["modprobe", rest @ ..] => modprobe(state, rest),
        // What they make is made of the files they read, so that a change that they were not called after shows.
        ["update-initramfs", "-u"] => gather(state, "/etc/modprobe.d", "/boot/initrd.img"),
        ["update-grub"] => gather(state, "/etc/default", "/boot/grub/grub.cfg"),
        ["fallocate", "-l", bytes, path] => {
            // As long as it can be told apart by its size; the simulated disk holds its contents in memory.
            let length = bytes.parse().unwrap_or(0usize).min(1 << 20);
            let mode = state.get(path).map_or(0o644, |node| node.mode);
            state.put_file(path, vec![0; length]).set_mode(path, mode);
            done()
        }
        ["mkswap", path] => {
            let mut contents = state.contents(path).unwrap_or_default().to_vec();
            let mode = state.get(path).map_or(0o644, |node| node.mode);
            let mark = b"SWAPSPACE2";
            if contents.len() < mark.len() {
                return output(
                    1,
                    "",
                    "mkswap: error: swap area needs to be at least 40 KiB\n",
                );
            }
            contents[..mark.len()].copy_from_slice(mark);
            state.put_file(path, contents).set_mode(path, mode);
            done()
        }
        ["swapon", path] => {
            if !state
                .contents(path)
                .is_some_and(|contents| contents.starts_with(b"SWAPSPACE2"))
            {
                return output(
                    255,
                    "",
                    format!("swapon: {path}: read swap header failed\n"),
                );
            }
            let table = text(state, "/proc/swaps");
            if table.lines().any(|line| line.starts_with(path)) {
                return output(
                    255,
                    "",
                    format!("swapon: {path}: swapon failed: Device or resource busy\n"),
                );
            }
            state.put_file("/proc/swaps", format!("{table}{path} file 1 0 -2\n"));
            done()
        }
        ["swapoff", path] => {
            let table = text(state, "/proc/swaps");
            let rest: String = table
                .split_inclusive('\n')
                .filter(|line| !line.starts_with(path))
                .collect();
            state.put_file("/proc/swaps", rest);
            done()
        }
        other => output(1, "", format!("no such use: {}\n", other.join(" "))),
    }
}

fn gather(state: &mut SimState, folder: &str, target: &str) -> Output {
    let mut all = String::new();
    for path in state.paths_below(folder) {
        if let Some(contents) = state.contents(&path) {
            all.push_str(&String::from_utf8_lossy(contents));
        }
    }
    state.put_file(target, all);
    output(0, "", "")
}

fn membership(state: &mut SimState, group: &str, account: &str, member: bool) -> Output {
    let mut known = false;
    let table: Vec<String> = text(state, "/etc/group")
        .lines()
        .map(|line| {
            let Some((head, members)) = line.rsplit_once(':') else {
                return line.into();
            };
            if head.split(':').next() != Some(group) {
                return line.into();
            }
            known = true;
            let mut members: Vec<&str> = members
                .split(',')
                .filter(|one| !one.is_empty() && *one != account)
                .collect();
            if member {
                members.push(account);
            }
            format!("{head}:{}", members.join(","))
        })
        .collect();
    if !known {
        return output(6, "", format!("usermod: group '{group}' does not exist\n"));
    }
    state.put_file("/etc/group", table.join("\n") + "\n");
    output(0, "", "")
}

fn choose(state: &mut SimState, words: &[&str]) -> Output {
    let mut all = alternatives(state);
    let name = words.get(1).copied().unwrap_or_default();
    if all[name].is_null() {
        return output(
            2,
            "",
            format!("update-alternatives: error: no alternatives for {name}\n"),
        );
    }
    let one = &mut all[name];
    match words {
        ["--query", name] => {
            let status = if one["automatic"] == true {
                "auto"
            } else {
                "manual"
            };
            let value = one["value"].as_str().unwrap_or("none");
            let mut said = format!(
                "Name: {name}\nLink: /usr/bin/{name}\nStatus: {status}\nBest: {value}\nValue: {value}\n"
            );
            for choice in one["choices"].as_array().into_iter().flatten() {
                said.push_str(&format!(
                    "\nAlternative: {}\nPriority: 1\n",
                    choice.as_str().unwrap_or_default()
                ));
            }
            return output(0, said, "");
        }
        ["--set", _, path] => {
            one["value"] = json!(path);
            one["automatic"] = json!(false);
        }
        ["--auto", _] => {
            one["value"] = one["choices"][0].clone();
            one["automatic"] = json!(true);
        }
        _ => return output(2, "", "update-alternatives: error: unknown option\n"),
    }
    state.put_file(ALTERNATIVES, all.to_string());
    output(0, "", "")
}

fn systemctl(state: &mut SimState, words: &[&str]) -> Output {
    let Some(name) = words.last() else {
        return output(1, "", "");
    };
    let enabled = format!("/etc/systemd/system/multi-user.target.wants/{name}");
    let running = format!("/run/simulated/{name}");
    if state
        .get(format!("/usr/lib/systemd/system/{name}"))
        .is_none()
    {
        return output(1, "not-found\n", "");
    }
    let now = words.contains(&"--now");
    let answer = |yes: bool, word: &str, other: &str| {
        output(
            i32::from(!yes),
            format!("{}\n", if yes { word } else { other }),
            "",
        )
    };
    match words[0] {
        "is-enabled" => return answer(state.get(&enabled).is_some(), "enabled", "disabled"),
        "is-active" => return answer(state.get(&running).is_some(), "active", "inactive"),
        "enable" => {
            state.put_link(&enabled, format!("/usr/lib/systemd/system/{name}"));
        }
        "disable" => {
            state.remove(&enabled);
        }
        "start" | "stop" => {}
        _ => return output(1, "", "Unknown command verb.\n"),
    }
    match (words[0], now) {
        ("enable", true) | ("start", _) => {
            state.put_file(&running, "");
        }
        ("disable", true) | ("stop", _) => {
            state.remove(&running);
        }
        _ => {}
    }
    output(0, "", "")
}

fn modprobe(state: &mut SimState, words: &[&str]) -> Output {
    let table = text(state, "/proc/modules");
    let (name, wanted) = match words {
        ["-r", name] => (*name, false),
        [name] => (*name, true),
        _ => return output(1, "", "modprobe: ERROR: unknown option\n"),
    };
    let name = name.replace('-', "_");
    let rest: String = table
        .split_inclusive('\n')
        .filter(|line| line.split(' ').next() != Some(name.as_str()))
        .collect();
    let table = if wanted {
        format!("{rest}{name} 16384 0 - Live 0x0000000000000000\n")
    } else {
        rest
    };
    state.put_file("/proc/modules", table);
    output(0, "", "")
}
