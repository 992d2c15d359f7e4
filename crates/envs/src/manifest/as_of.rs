//! A day in the past, for packages as they were then.

use deskside_knowledge::python_releases;
use deskside_types::{Code, Problem};
use jiff::civil::Date;

/// How long a Python had been out before most packages had wheels for it.
const SETTLED_DAYS: i32 = 180;

/// Packages as they were at the end of a day or month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// The last day that counts.
    pub day: Date,
    /// uv's `exclude-newer`: what was uploaded at this moment or later is passed over. RFC 3339 in UTC.
    pub moment: String,
    /// The Python of that time: a minor version.
    pub python: String,
}

/// Reads `2023`, `2023-05` or `2023-05-17`.
///
/// # Errors
/// [`Code::RequirementInvalid`] when it is no date, or lies in the future.
pub fn parse(text: &str, today: Date) -> Result<AsOf, Problem> {
    let wrong = |why: &str| {
        Problem::new(
            Code::RequirementInvalid,
            format!("`{text}` is no date that packages can be had of"),
        )
        .because(why.to_string())
        .hint("write a month or a day: --as-of 2023-05, --as-of 2023-05-17")
    };
    let parts: Vec<&str> = text.trim().split('-').collect();
    let number = |part: &str| part.parse::<i16>().ok();
    let day = match parts.as_slice() {
        [year] if year.len() == 4 => number(year).and_then(|year| Date::new(year, 12, 31).ok()),
        [year, month] => number(year)
            .zip(month.parse::<i8>().ok())
            .and_then(|(year, month)| Date::new(year, month, 1).ok())
            .map(Date::last_of_month),
        [year, month, day] => number(year)
            .zip(month.parse::<i8>().ok().zip(day.parse::<i8>().ok()))
            .and_then(|(year, (month, day))| Date::new(year, month, day).ok()),
        _ => None,
    };
    let day = day.ok_or_else(|| wrong("it is not understood"))?;
    if day > today {
        return Err(wrong("it lies in the future"));
    }
    let python = python_releases::all()
        .iter()
        .rfind(|release| {
            release
                .day()
                .and_then(|out| out.checked_add(jiff::Span::new().days(SETTLED_DAYS)).ok())
                .is_some_and(|settled| settled <= day)
        })
        .ok_or_else(|| wrong("no Python that uv can still bring had been out for half a year"))?;
    let next = day.tomorrow().map_err(|_| wrong("it is out of range"))?;
    Ok(AsOf {
        day,
        moment: format!("{next}T00:00:00Z"),
        python: python.version.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_read() {
        let today = Date::new(2026, 11, 25).unwrap();
        for (text, moment, python) in [
            ("2023-05", "2023-06-01T00:00:00Z", "3.11"),
            ("2023-05-17", "2023-05-18T00:00:00Z", "3.11"),
            ("2023-01", "2023-02-01T00:00:00Z", "3.10"),
            ("2020", "2021-01-01T00:00:00Z", "3.8"),
            ("2024-12", "2025-01-01T00:00:00Z", "3.12"),
        ] {
            let as_of = parse(text, today).unwrap();
            assert_eq!(
                (as_of.moment.as_str(), as_of.python.as_str()),
                (moment, python),
                "{text}"
            );
        }
        for bad in [
            "",
            "yesterday",
            "2023-13",
            "2023-02-30",
            "2030-01",
            "1999",
            "2023-5-1-1",
            "23-05",
        ] {
            assert_eq!(
                parse(bad, today).unwrap_err().code,
                Code::RequirementInvalid,
                "{bad}"
            );
        }
    }
}
