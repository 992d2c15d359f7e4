//! Times as people write them, and hours of the day in which nothing starts.

use deskside_machine::{Machine, Reading};
use deskside_types::{Code, Problem, Result};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Hours of the day, `09:00-18:00`; one that ends before it begins goes over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Minutes since midnight at which it begins.
    pub from: u16,
    /// Minutes since midnight at which it is over.
    pub to: u16,
}

const DAY: u16 = 24 * 60;

impl std::fmt::Display for Window {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [from, to] = [self.from, self.to].map(|at| format!("{:02}:{:02}", at / 60, at % 60));
        write!(formatter, "{from}-{to}")
    }
}

impl std::str::FromStr for Window {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (from, to) = text.trim().split_once('-')?;
            let window = Self {
                from: minutes(from)?,
                to: minutes(to)?,
            };
            (window.from != window.to).then_some(window)
        };
        read().ok_or_else(|| {
            Problem::new(
                Code::QueueUsage,
                format!("`{text}` are no hours of the day"),
            )
            .hint("write them like 09:00-18:00, or over midnight like 22:00-06:00; all day long is no choice")
        })
    }
}

/// `9`, `09:30`, `24:00` as minutes since midnight.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let at = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && at <= DAY).then_some(at % DAY)
}

impl Window {
    /// The first moment from this one on that is outside.
    pub fn next_outside(self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = from.to_zoned_datetime(zone.clone());
        let time = local.time();
        let at = u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0);
        let inside = if self.from < self.to {
            (self.from..self.to).contains(&at)
        } else {
            at >= self.from || at < self.to
        };
        if !inside {
            return from;
        }
        let date = if self.to > at {
            local.date()
        } else {
            local.date().tomorrow().unwrap_or(local.date())
        };
        let hour = i8::try_from(self.to / 60).unwrap_or(0);
        let minute = i8::try_from(self.to % 60).unwrap_or(0);
        let end = Time::new(hour, minute, 0, 0).map(|time| date.to_datetime(time));
        // In the hour that a change of the clocks leaves out, the next moment that exists is taken.
        end.ok()
            .and_then(|end| zone.to_ambiguous_zoned_datetime(end).compatible().ok())
            .map_or(from, |end| end.timestamp())
    }
}

/// A moment as people write it: `22:00` (the next one), `2026-11-27T06:00`, `2026-11-27 06:00`, `+2h`.
///
/// # Errors
/// [`Code::QueueUsage`].
pub fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let text = text.trim();
    let wrong = || {
        Problem::new(Code::QueueUsage, format!("`{text}` is no moment"))
            .hint("write it like 22:00, 2026-11-27T06:00, or +2h")
    };
    if let Some(later) = text.strip_prefix('+') {
        let later = SignedDuration::try_from(span(later)?).map_err(|_| wrong())?;
        return now.checked_add(later).map_err(|_| wrong());
    }
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Ok(exact);
    }
    let local = |at: jiff::civil::DateTime| {
        let at = zone.to_ambiguous_zoned_datetime(at).compatible();
        at.map(|at| at.timestamp()).map_err(|_| wrong())
    };
    if let Some(at) = minutes(text).filter(|_| text.contains(':')) {
        let hour = i8::try_from(at / 60).map_err(|_| wrong())?;
        let minute = i8::try_from(at % 60).map_err(|_| wrong())?;
        let time = Time::new(hour, minute, 0, 0).map_err(|_| wrong())?;
        let today = now.to_zoned_datetime(zone.clone()).date();
        let first = local(today.to_datetime(time))?;
        if first > now {
            return Ok(first);
        }
        return local(today.tomorrow().map_err(|_| wrong())?.to_datetime(time));
    }
    let at: jiff::civil::DateTime = text.replacen(' ', "T", 1).parse().map_err(|_| wrong())?;
    local(at)
}

/// A span as people write it: `90` (seconds), `90s`, `45m`, `1h30m`, `2d`.
///
/// # Errors
/// [`Code::QueueUsage`].
pub fn span(text: &str) -> Result<Duration> {
    let read = || {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let (mut total, mut digits) = (0_u64, String::new());
        for letter in text.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let unit = match letter {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return None,
            };
            let count: u64 = std::mem::take(&mut digits).parse().ok()?;
            total = total.checked_add(count.checked_mul(unit)?)?;
        }
        (digits.is_empty() && total > 0).then_some(Duration::from_secs(total))
    };
    // A span of more than a thousand years is a slip of the finger.
    read()
        .filter(|span| span.as_secs() < 31_557_600_000)
        .ok_or_else(|| {
            Problem::new(Code::QueueUsage, format!("`{text}` is no span of time"))
                .hint("write it like 90s, 45m, 1h30m or 2d")
        })
}

/// The person's time zone: `TZ` where it names one, else the system's; UTC where neither can be read.
pub fn zone(machine: &dyn Machine) -> TimeZone {
    let name = machine.variable("TZ").filter(|name| !name.is_empty());
    let path = match name.as_deref().map(|name| name.trim_start_matches(':')) {
        None => "/etc/localtime".to_string(),
        Some(path) if path.starts_with('/') => path.to_string(),
        Some(name) => match TimeZone::posix(name) {
            Ok(zone) => return zone,
            Err(_) => format!("/usr/share/zoneinfo/{name}"),
        },
    };
    let read = machine.file(&path, 1 << 20).ok();
    read.and_then(|bytes| TimeZone::tzif(&path, &bytes).ok())
        .unwrap_or(TimeZone::UTC)
}
