//! The inputs, by name: as numbers for one case, as ranges for all.

use deskside_types::range::Range;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Buy the machine, or rent for the same use. What it costs to buy counts whole.
    Buy,
    /// The machine is there: keep it, or sell it and rent. What was paid is gone either way and counts for nothing.
    Keep,
    /// One job: on the machine that is there, or on a rented one. Only what the job adds counts.
    Job,
}

/// What an input is counted in, and how far it may plausibly go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct About {
    /// Its key in a scenario.
    pub key: &'static str,
    /// Its unit; `money` stands for the currency.
    pub unit: &'static str,
    /// The least that is looked at when the verdict's turn is sought.
    pub least: f64,
    /// The most, as a multiple of its base, or as a number where the base is zero.
    pub most: f64,
    /// A step of it that a person would call noticeable.
    pub scale: f64,
    /// It is a share or hours of a day: `most` is a number and no multiple.
    pub bounded: bool,
}

macro_rules! inputs {
    ($($(#[$doc:meta])+ $name:ident $variant:ident ($key:literal, $unit:literal, $least:literal, $most:literal, $scale:literal, $bounded:literal);)+) => {
        /// Every input under its name.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Values<T> {
            $($(#[$doc])+ pub $name: T,)+
        }

        /// The name of an input.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $($(#[$doc])+ $variant,)+
        }

        impl Field {
            /// All.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What is known about it.
            pub fn about(self) -> About {
                match self {
                    $(Self::$variant => About { key: $key, unit: $unit, least: $least, most: $most, scale: $scale, bounded: $bounded },)+
                }
            }
        }

        impl<T: Copy> Values<T> {
            /// All the same.
            pub fn all(value: T) -> Self {
                Self { $($name: value,)+ }
            }

            /// One by its name.
            pub fn get(&self, field: Field) -> T {
                match field { $(Field::$variant => self.$name,)+ }
            }

            /// Sets one by its name.
            pub fn set(&mut self, field: Field, value: T) {
                match field { $(Field::$variant => self.$name = value,)+ }
            }

            /// The same inputs, each changed.
            pub fn map<U>(&self, change: impl Fn(T) -> U) -> Values<U> {
                Values { $($name: change(self.$name),)+ }
            }
        }
    };
}

inputs! {
    /// What the machine costs; for what is owned, what it would sell for today.
    price Price ("machine.price", "money", 1.0, 5.0, 100.0, false);
    /// Years it is used.
    years Years ("machine.years", "years", 0.5, 10.0, 1.0, true);
    /// What it sells for at the end, as money.
    resale Resale ("machine.resale", "money", 0.0, 3.0, 100.0, false);
    /// What it sells for at the end, as a share of `price`; added to `resale`.
    resale_share ResaleShare ("machine.resale_share", "of its price", 0.0, 1.2, 0.1, true);
    /// What money costs or earns elsewhere, a year.
    capital Capital ("money.cost_of_capital", "a year", 0.0, 0.3, 0.03, true);
    /// Watts inside the case while it works.
    busy_watts BusyWatts ("machine.busy_watts", "W", 10.0, 4.0, 50.0, false);
    /// Watts inside the case while it is on and idle.
    idle_watts IdleWatts ("machine.idle_watts", "W", 0.0, 4.0, 30.0, false);
    /// Watts inside over watts at the wall.
    efficiency Efficiency ("machine.psu_efficiency", "of the watts at the wall", 0.5, 1.0, 0.05, true);
    /// Power for cooling, as a share of the machine's.
    cooling Cooling ("machine.cooling", "of its power", 0.0, 1.0, 0.1, true);
    /// A kWh.
    tariff Tariff ("electricity.per_kwh", "money a kWh", 0.0, 4.0, 0.05, false);
    /// Hours a day it works.
    busy_hours BusyHours ("use.busy_hours_a_day", "h a day", 0.0, 24.0, 1.0, true);
    /// Hours a day it is on.
    on_hours OnHours ("use.on_hours_a_day", "h a day", 0.0, 24.0, 4.0, true);
    /// Repairs, spares, insurance a year, whether it works or not.
    maintenance Maintenance ("machine.maintenance_a_year", "money a year", 0.0, 5.0, 50.0, false);
    /// What an hour of work costs beside electricity.
    running Running ("machine.running_a_busy_hour", "money an hour", 0.0, 5.0, 0.05, false);
    /// The rented machine, an hour.
    rent_hour RentHour ("rent.per_hour", "money an hour", 0.01, 5.0, 0.1, false);
    /// What is paid each month instead of or beside hours.
    rent_month RentMonth ("rent.per_month", "money a month", 0.0, 5.0, 20.0, false);
    /// How many times as fast as the owned machine the rented one does this work.
    speed Speed ("rent.speed", "times as fast", 0.1, 5.0, 0.2, false);
    /// Minutes from renting to ready, paid each session.
    startup_minutes StartupMinutes ("rent.startup_minutes", "min", 0.0, 10.0, 5.0, false);
    /// Hours of work between two starts.
    session_hours SessionHours ("rent.hours_a_session", "h", 0.25, 10.0, 2.0, false);
    /// Hours that are paid and not worked, as a share of those that are.
    waste Waste ("rent.waste", "of the hours", 0.0, 2.0, 0.1, true);
    /// GB kept all month.
    storage_gb StorageGb ("rent.storage_gb", "GB", 0.0, 20.0, 100.0, false);
    /// A GB kept for a month.
    storage_price StoragePrice ("rent.storage_per_gb_month", "money a GB and month", 0.0, 5.0, 0.05, false);
    /// GB taken out each month.
    egress_gb EgressGb ("rent.egress_gb_month", "GB a month", 0.0, 20.0, 100.0, false);
    /// A GB taken out.
    egress_price EgressPrice ("rent.egress_per_gb", "money a GB", 0.0, 5.0, 0.05, false);
    /// Hours the job takes on the owned machine.
    job_hours JobHours ("job.hours", "h", 0.01, 100.0, 1.0, false);
    /// Hours until the owned machine is free for it.
    wait_hours WaitHours ("job.wait_hours", "h", 0.0, 100.0, 2.0, false);
    /// What an hour sooner is worth.
    hour_value HourValue ("job.value_of_an_hour", "money an hour", 0.0, 100.0, 1.0, false);
    /// Hours of a month; a year is twelve of them, a day 24.
    month_hours MonthHours ("month_hours", "h", 1.0, 1.0, 10.0, false);
}

/// The inputs of one case.
pub type Case = Values<f64>;
/// The inputs with their ranges.
pub type Ranges = Values<Range>;

impl Case {
    /// Days of a year by the month's convention: 365 of 730 hours, 360 of 720.
    pub fn days_a_year(&self) -> f64 {
        self.month_hours * 12.0 / 24.0
    }

    /// What it sells for at the end.
    pub fn resale_money(&self) -> f64 {
        self.resale + self.resale_share * self.price
    }

    /// What renting costs more than owning: a year for a machine, in all for a job.
    pub fn advantage(&self, question: Question) -> f64 {
        match question {
            Question::Buy | Question::Keep => self.advantage_at(self.busy_hours),
            Question::Job => super::job::rented(self) - super::job::here(self),
        }
    }

    /// What renting costs more than owning in a year of `hours` a day.
    pub fn advantage_at(&self, hours: f64) -> f64 {
        super::rent::a_year(self, hours) - super::own::a_year(self, hours)
    }
}

impl Field {
    /// Whether it plays a part in a question.
    pub fn matters_for(self, question: Question) -> bool {
        let job = matches!(self, Self::JobHours | Self::WaitHours | Self::HourValue);
        let machine = matches!(
            self,
            Self::Price
                | Self::Years
                | Self::Resale
                | Self::ResaleShare
                | Self::Capital
                | Self::BusyHours
                | Self::OnHours
                | Self::Maintenance
                | Self::RentMonth
                | Self::SessionHours
        );
        match question {
            Question::Job => !machine,
            Question::Buy | Question::Keep => !job,
        }
    }

    /// Its unit, as the question has it; `money` stands for the currency.
    pub fn unit(self, question: Question) -> &'static str {
        match (self, question) {
            (Self::EgressGb, Question::Job) => "GB",
            _ => self.about().unit,
        }
    }

    /// Its key, as the question calls it.
    pub fn key(self, question: Question) -> &'static str {
        match (self, question) {
            (Self::Price, Question::Keep) => "machine.sells_for",
            (Self::EgressGb, Question::Job) => "job.egress_gb",
            _ => self.about().key,
        }
    }
}
