//! The keys of a scenario: what each may hold, and what to write.

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Holds {
    /// A number, or `{ low, base, high }`.
    Number {
        /// It must be above zero.
        positive: bool,
        /// It may be no less.
        least: f64,
        /// It may be no more.
        most: f64,
    },
    /// One of these words; any text where there is none.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key {
    /// Its name with its section: `machine.price`.
    pub path: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// What to write, as an example.
    pub example: &'static str,
}

const MOST: f64 = 1e12;

const fn above_zero(path: &'static str, example: &'static str) -> Key {
    number(path, true, MOST, example)
}

/// What something is divided by, or counts whole things: within what can be meant.
const fn within(path: &'static str, least: f64, most: f64, example: &'static str) -> Key {
    Key {
        path,
        holds: Holds::Number {
            positive: true,
            least,
            most,
        },
        example,
    }
}

const fn zero_or_more(path: &'static str, example: &'static str) -> Key {
    number(path, false, MOST, example)
}

const fn up_to(path: &'static str, most: f64, example: &'static str) -> Key {
    number(path, false, most, example)
}

const fn number(path: &'static str, positive: bool, most: f64, example: &'static str) -> Key {
    Key {
        path,
        holds: Holds::Number {
            positive,
            least: 0.0,
            most,
        },
        example,
    }
}

const fn words(path: &'static str, words: &'static [&'static str], example: &'static str) -> Key {
    Key {
        path,
        holds: Holds::Words(words),
        example,
    }
}

/// All keys, in the order in which a scenario is written.
pub(super) const KEYS: &[Key] = &[
    words("question", &["buy", "keep", "job"], "\"buy\""),
    words("name", &[], "\"a PC with an RTX 4090\""),
    words("assume", &["usual", "nothing"], "\"usual\""),
    words("currency", &[], "\"USD\""),
    words("tax", &[], "\"included in all prices\""),
    within("month_hours", 672.0, 744.0, "730"),
    number(
        "use.busy_hours_a_day",
        false,
        24.0,
        "{ low = 2, base = 4, high = 8 }",
    ),
    number("use.busy_hours_a_year", false, 8784.0, "1500"),
    number("use.share", false, 1.0, "0.15"),
    number("use.on_hours_a_day", false, 24.0, "16"),
    words("machine.gpu", &[], "\"RTX 4090\""),
    within("machine.gpus", 1.0, 4096.0, "1"),
    above_zero("machine.price", "3200"),
    above_zero(
        "machine.sells_for",
        "{ low = 700, base = 850, high = 1000 }",
    ),
    within("machine.years", 0.05, 50.0, "3"),
    zero_or_more("machine.resale", "1300"),
    up_to("machine.resale_share", 10.0, "0.4"),
    words(
        "machine.resale_method",
        &["observed", "declining-balance", "straight-line"],
        "\"observed\"",
    ),
    within("machine.life_years", 0.05, 50.0, "5"),
    up_to("machine.decline_a_year", 0.99, "0.25"),
    up_to("machine.age_years", 50.0, "2"),
    above_zero("machine.busy_watts", "550"),
    zero_or_more("machine.idle_watts", "70"),
    Key {
        path: "machine.watts_at_the_wall",
        holds: Holds::Flag,
        example: "true",
    },
    within("machine.psu_efficiency", 0.1, 1.0, "0.92"),
    up_to("machine.cooling", 10.0, "0.0"),
    zero_or_more("machine.maintenance_a_year", "60"),
    zero_or_more("machine.running_a_busy_hour", "0.0"),
    up_to("money.cost_of_capital", 1.0, "0.05"),
    zero_or_more("electricity.per_kwh", "0.30"),
    words("electricity.country", &[], "\"DE\""),
    words("rent.gpu", &[], "\"RTX 4090\""),
    within("rent.gpus", 1.0, 4096.0, "1"),
    words("rent.provider", &[], "\"runpod\""),
    words("rent.tier", &[], "\"secure\""),
    above_zero("rent.per_hour", "0.69"),
    above_zero("rent.per_month", "300"),
    within("rent.speed", 0.0001, 10_000.0, "1.0"),
    words(
        "rent.work",
        &["decode", "prompt", "training"],
        "\"training\"",
    ),
    zero_or_more("rent.startup_minutes", "5"),
    within("rent.hours_a_session", 0.001, 1e6, "4"),
    up_to("rent.waste", 10.0, "0.05"),
    zero_or_more("rent.storage_gb", "100"),
    zero_or_more("rent.storage_per_gb_month", "0.07"),
    zero_or_more("rent.egress_gb_month", "20"),
    zero_or_more("rent.egress_per_gb", "0.0"),
    within("job.hours", 0.0001, 1e7, "12"),
    zero_or_more("job.wait_hours", "0"),
    zero_or_more("job.value_of_an_hour", "0"),
    zero_or_more("job.egress_gb", "5"),
    Key {
        path: "job.machine_on_anyway",
        holds: Holds::Flag,
        example: "true",
    },
];

/// The key of that path.
pub(super) fn key(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}
