//! What is heard of apt at work: its lines, the bytes they tell of, and who holds its lock.
//!
//! apt's words are those of apt 2.4 to 2.8 in the C locale: `Need to get 12.3 MB of archives.`,
//! `Get:3 http://… jammy/main amd64 name amd64 1.2 [345 kB]`,
//! `Waiting for cache lock: Could not get lock FILE. It is held by process 12 (name)`.

use deskside_machine::Progress;

/// Makes bytes of apt's lines, and one line of each wait.
#[derive(Debug, Default)]
pub struct Listener {
    total: Option<u64>,
    /// Bytes of the files before the one that is being fetched.
    done: u64,
    current: u64,
    waiting_for: Option<(String, u32)>,
}

impl Listener {
    /// Hears one, and says what there is to say.
    pub fn hear(&mut self, progress: Progress<'_>, watch: &mut dyn FnMut(Progress<'_>)) {
        let Progress::Line(line) = progress else {
            watch(progress);
            return;
        };
        if super::apt::is_locked(line) {
            self.hear_lock(line, watch);
            return;
        }
        if let Some(rest) = line.strip_prefix("Need to get ") {
            // `Need to get 1,234 kB/5,678 kB of archives.`: the first is what is not here yet.
            let amount = rest.split(" of ").next().unwrap_or_default();
            self.total = size(amount.split('/').next().unwrap_or_default());
            (self.done, self.current) = (0, 0);
        } else if line.starts_with("Get:")
            && let Some(total) = self.total
            && let Some(bytes) = line
                .rsplit_once('[')
                .and_then(|(_, tail)| size(tail.trim_end_matches(']')))
        {
            self.done += self.current;
            self.current = bytes;
            watch(Progress::Bytes {
                done: self.done.min(total),
                total: Some(total),
            });
        } else if line.starts_with("Fetched ")
            && let Some(total) = self.total.take()
        {
            watch(Progress::Bytes {
                done: total,
                total: Some(total),
            });
        }
        watch(Progress::Line(line));
    }

    /// Says who is waited for, once for each. A line that names nobody says nothing new of somebody who was named.
    pub fn hear_lock(&mut self, text: &str, watch: &mut dyn FnMut(Progress<'_>)) {
        let holder = match (holder(text), &self.waiting_for) {
            (Some(holder), Some(known)) if holder == *known => return,
            (None, Some(_)) => return,
            (Some(holder), _) => holder,
            (None, None) => ("another package manager".into(), 0),
        };
        let line = match &holder {
            (name, 0) => format!("waiting for {name}, which is working on packages"),
            (name, process) => {
                format!("waiting for {name} (process {process}), which is working on packages")
            }
        };
        watch(Progress::Waiting(&line));
        self.waiting_for = Some(holder);
    }

    /// Says it again: so that whoever listens can say that nobody waits any more.
    pub fn hear_lock_again(&mut self, text: &str, watch: &mut dyn FnMut(Progress<'_>)) {
        self.waiting_for = None;
        self.hear_lock(text, watch);
    }
}

/// Who holds a lock, by name and process, as apt and dpkg say it.
pub(crate) fn holder(text: &str) -> Option<(String, u32)> {
    let (_, rest) = text
        .split_once("held by process ")
        .or_else(|| text.split_once("another process with pid "))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let process = digits.parse().ok()?;
    let name = rest[digits.len()..]
        .strip_prefix(" (")
        .and_then(|rest| rest.split_once(')'))
        .map_or("another package manager", |(name, _)| name);
    Some((name.to_string(), process))
}

/// `12.3 MB`, `1,234 B` in bytes. apt counts in thousands.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: f64 = number.replace(',', "").parse().ok()?;
    let factor = match unit.trim() {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    let bytes = number * factor;
    (0.0..1e15).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Vec<String> {
        let mut said = Vec::new();
        let mut listener = Listener::default();
        for line in lines {
            listener.hear(Progress::Line(line), &mut |progress| {
                said.push(match progress {
                    Progress::Line(line) | Progress::Waiting(line) => line.to_string(),
                    Progress::Bytes { done, total } => format!("{done}/{}", total.unwrap_or(0)),
                });
            });
        }
        said
    }

    #[test]
    fn bytes_are_made_of_lines() {
        let said = heard(&[
            "Need to get 1,500 kB/2,000 kB of archives.",
            "Get:1 http://a x/main amd64 one amd64 1 [1,000 kB]",
            "Get:2 http://a x/main amd64 two amd64 1 [500 kB]",
            "Get:3 odd",
            "Fetched 1,500 kB in 1s (9 B/s)",
            "Setting up one (1) ...",
        ]);
        let bytes: Vec<&String> = said
            .iter()
            .filter(|line| line.ends_with("/1500000"))
            .collect();
        assert_eq!(bytes, ["0/1500000", "1000000/1500000", "1500000/1500000"]);
        assert!(said.contains(&"Setting up one (1) ...".to_string()));
    }

    #[test]
    fn a_holder_is_named_once() {
        let line = "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234 (unattended-upgr)...";
        assert_eq!(
            heard(&[
                line,
                line,
                "E: Could not get lock /x - open (11: Resource temporarily unavailable)",
                line,
                &line.replace("1234 (unattended-upgr)", "99 (apt)"),
            ]),
            [
                "waiting for unattended-upgr (process 1234), which is working on packages",
                "waiting for apt (process 99), which is working on packages"
            ]
        );
        assert_eq!(
            heard(&["E: Could not get lock /x - open (11: Resource temporarily unavailable)"]),
            ["waiting for another package manager, which is working on packages"]
        );
    }
}
