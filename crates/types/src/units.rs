//! Numbers as a person reads them: bytes in powers of 1024 with their unit, durations, percentages.

use std::time::Duration;

/// Bytes in binary units: `24.0 GiB`, `512 B`. GB and GiB are never mixed: every size on the screen is binary.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A count with its thing: `1 snapshot`, `2 snapshots`, `no snapshots`.
pub fn count(count: usize, thing: &str) -> String {
    match count {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// A duration in its two largest units: `850 ms`, `12.3 s`, `4m 05s`, `1h 04m`, `3d 02h`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    if span.as_millis() < 1000 {
        format!("{} ms", span.as_millis())
    } else if span.as_secs_f64() < 59.95 {
        format!("{:.1} s", span.as_secs_f64())
    } else if seconds < 3600 {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    } else if seconds < 86_400 {
        format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60)
    } else {
        format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3600)
    }
}

/// A measured number in at most five significant digits, without an exponent where it can be avoided.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if (-4.0..7.0).contains(&magnitude) {
        let places = (4.0 - magnitude).clamp(0.0, 8.0) as usize;
        let text = format!("{value:.places$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        } else {
            text
        }
    } else {
        format!("{value:.4e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_with_their_things() {
        for (number, text) in [(0, "no wheels"), (1, "1 wheel"), (2, "2 wheels")] {
            assert_eq!(count(number, "wheel"), text);
        }
    }

    #[test]
    fn sizes_carry_binary_units() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (25_757_220_864, "24.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_show_two_units() {
        for (milliseconds, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (12_340, "12.3 s"),
            (59_990, "0m 59s"),
            (245_000, "4m 05s"),
            (3_840_000, "1h 04m"),
            (266_400_000, "3d 02h"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn numbers_keep_five_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.958333, "0.95833"),
            (123456.0, "123456"),
            (3e-4, "0.0003"),
            (1.5e-9, "1.5000e-9"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
