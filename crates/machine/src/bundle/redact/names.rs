//! The user's name, the machine's name, the home folder.

use super::scan::{before, is_word, replace, replace_word};
use std::path::Path;

/// Names that say nothing about a person, and words that a machine's own files are full of:
/// replacing them would hide nothing and break what reads the bundle.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "amd",
    "apple",
    "apt",
    "auto",
    "azureuser",
    "bin",
    "boot",
    "centos",
    "colab",
    "conda",
    "config",
    "cpu",
    "cuda",
    "daemon",
    "data",
    "debian",
    "default",
    "desktop",
    "dev",
    "docker",
    "ec2-user",
    "etc",
    "fedora",
    "file",
    "files",
    "games",
    "git",
    "gpu",
    "guest",
    "home",
    "host",
    "info",
    "intel",
    "jovyan",
    "kernel",
    "lambda",
    "lib",
    "linux",
    "local",
    "localhost",
    "mac",
    "machine",
    "mail",
    "main",
    "man",
    "max",
    "min",
    "ml",
    "mlx",
    "model",
    "models",
    "name",
    "news",
    "nobody",
    "none",
    "null",
    "nvidia",
    "opc",
    "opt",
    "pc",
    "pop",
    "pop-os",
    "proc",
    "proxy",
    "python",
    "rocm",
    "root",
    "run",
    "server",
    "share",
    "shared",
    "someone",
    "srv",
    "ssh",
    "staff",
    "state",
    "sys",
    "sysadmin",
    "system",
    "systemd",
    "temp",
    "test",
    "tmp",
    "torch",
    "train",
    "ubuntu",
    "uuid",
    "user",
    "username",
    "users",
    "usr",
    "uv",
    "var",
    "version",
    "video",
    "wheel",
    "workspace",
    "workstation",
];

/// What to look for.
#[derive(Debug, Clone)]
pub(super) struct Names {
    users: Vec<String>,
    hosts: Vec<String>,
    home: Option<String>,
}

/// Worth hiding: neither common nor so short that it stands in other words' places.
fn is_telling(name: &&str) -> bool {
    name.chars().count() > 2
        && !name.bytes().all(|byte| byte.is_ascii_digit())
        && !COMMON.contains(&name.to_lowercase().as_str())
}

impl Names {
    pub(super) fn new(user: Option<&str>, host: Option<&str>, home: Option<&Path>) -> Self {
        let user = user
            .map(str::trim)
            .filter(is_telling)
            .map(ToString::to_string);
        let host = host.map(str::trim).unwrap_or_default();
        // The longest first: a domain's machine is more than the machine.
        let short = host.split('.').next().unwrap_or_default();
        let mut hosts: Vec<String> = [host, short]
            .into_iter()
            .filter(is_telling)
            .map(ToString::to_string)
            .collect();
        hosts.dedup();
        let home = home
            .and_then(Path::to_str)
            .map(|home| home.trim_end_matches('/'));
        let home = home.filter(|home| {
            home.starts_with('/')
                && *home != "/root"
                && *home != "/var/root"
                && *home != "/home/user"
        });
        Self {
            users: user.into_iter().collect(),
            hosts,
            home: home.map(ToString::to_string),
        }
    }

    /// One more name of the same person.
    pub(super) fn add_user(&mut self, name: &str) {
        let name = name.trim();
        if is_telling(&name) && !self.users.iter().any(|known| known == name) {
            self.users.push(name.to_string());
            // The longest first: `ann-lee` is more than `ann`.
            self.users.sort_by_key(|name| std::cmp::Reverse(name.len()));
        }
    }

    /// The home folder becomes `/home/user`.
    pub(super) fn home(&self, text: &str) -> String {
        let Some(home) = self.home.as_deref().filter(|home| text.contains(home)) else {
            return text.to_string();
        };
        let bytes = text.as_bytes();
        replace(text, |at| {
            let end = at + home.len();
            let goes_on = |byte: u8| {
                is_word(byte)
                    || byte == b'-'
                    || (byte == b'.' && bytes.get(end + 1).copied().is_some_and(is_word))
            };
            let fits = bytes[at..].starts_with(home.as_bytes())
                && !before(bytes, at)
                    .is_some_and(|byte| is_word(byte) || byte == b'.' || byte == b'-')
                && !bytes.get(end).copied().is_some_and(goes_on);
            fits.then(|| (end, "/home/user".to_string()))
        })
    }

    /// The machine's and the user's name become `machine` and `user`.
    pub(super) fn replace(&self, text: &str) -> String {
        let mut text = text.to_string();
        for host in &self.hosts {
            text = replace_word(&text, host, "machine");
        }
        for user in &self.users {
            text = replace_word(&text, user, "user");
        }
        text
    }

    /// `/etc/passwd` (passwd(5)): other people's accounts and everybody's full name.
    pub(super) fn accounts(&self, text: &str) -> String {
        lines(text, |line| {
            let mut fields: Vec<String> = line.split(':').map(ToString::to_string).collect();
            let is_person = |fields: &[String]| {
                fields[2]
                    .parse::<u32>()
                    .is_ok_and(|uid| (1000..60_000).contains(&uid))
            };
            if fields.len() != 7 || !is_person(&fields) {
                return line.to_string();
            }
            fields[4].clear();
            if !self.is_known(&fields[0]) {
                fields[0] = format!("user{}", fields[2]);
                fields[5] = format!("/home/{}", fields[0]);
            }
            fields.join(":")
        })
    }

    /// `/etc/group` (group(5)): other people's names.
    pub(super) fn groups(&self, text: &str) -> String {
        lines(text, |line| {
            let mut fields: Vec<String> = line.split(':').map(ToString::to_string).collect();
            if fields.len() != 4 {
                return line.to_string();
            }
            if fields[2]
                .parse::<u32>()
                .is_ok_and(|gid| (1000..60_000).contains(&gid))
                && !self.is_known(&fields[0])
            {
                fields[0] = format!("group{}", fields[2]);
            }
            let members: Vec<&str> = fields[3]
                .split(',')
                .map(|name| {
                    if name.is_empty() || self.is_known(name) {
                        name
                    } else {
                        "someone"
                    }
                })
                .collect();
            fields[3] = members.join(",");
            fields.join(":")
        })
    }

    fn is_known(&self, name: &str) -> bool {
        self.users.iter().any(|user| user == name) || !is_telling(&name)
    }
}

fn lines(text: &str, change: impl Fn(&str) -> String) -> String {
    text.split('\n').map(change).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_common_names_are_left_alone() {
        for name in ["root", "ubuntu", "user", "dev", "ab", "max", "1234"] {
            let names = Names::new(Some(name), Some("localhost"), None);
            let text = format!("/dev/{name} {name} on localhost");
            assert_eq!(names.replace(&text), text);
        }
        // The home of a common name is still hidden where it tells something.
        let names = Names::new(Some("dev"), None, Some(Path::new("/data/people/dev")));
        assert_eq!(
            names.home("/data/people/dev/x /dev/null"),
            "/home/user/x /dev/null"
        );
    }

    #[test]
    fn a_person_may_have_several_names() {
        let mut names = Names::new(Some("ann"), None, None);
        names.add_user("ann-lee");
        names.add_user("root");
        assert_eq!(
            names.replace("ann-lee, ann and root"),
            "user, user and root"
        );
    }

    #[test]
    fn homes_end_at_a_step() {
        let names = Names::new(Some("ann"), None, Some(Path::new("/Users/ann/")));
        for (text, shown) in [
            ("/Users/ann", "/home/user"),
            ("/Users/ann/x:/Users/ann.", "/home/user/x:/home/user."),
            (
                "/Users/anna /Users/ann-2 /Users/ann.old",
                "/Users/anna /Users/ann-2 /Users/ann.old",
            ),
            ("/mnt/Users/ann", "/mnt/home/user"),
        ] {
            assert_eq!(
                names.home(text),
                if text.starts_with("/mnt") {
                    text
                } else {
                    shown
                }
            );
        }
    }

    #[test]
    fn a_domain_name_goes_whole() {
        let names = Names::new(Some("ann"), Some("lab7.corp.example"), None);
        assert_eq!(
            names.replace("lab7.corp.example lab7 lab70"),
            "machine machine lab70"
        );
    }

    #[test]
    fn accounts_of_others_have_no_names() {
        let names = Names::new(Some("alice"), None, None);
        let passwd = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000:Alice A,,,:/home/alice:/bin/bash\nbob:x:1001:1001:Bob:/home/bob:/bin/sh\n";
        let shown = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nuser1001:x:1001:1001::/home/user1001:/bin/sh\n";
        assert_eq!(names.accounts(passwd), shown);
        assert_eq!(
            names.groups("video:x:44:alice,bob\nbob:x:1001:\n"),
            "video:x:44:alice,someone\ngroup1001:x:1001:\n"
        );
    }
}
