//! What holds for any inputs: monotone in price, tariff and rent; a break-even breaks even; nothing is NaN.

use super::break_even::{BreakEven, break_even, payback_years, present_value};
use super::compare::{base, compare};
use super::sensitivity::flips;
use super::{Case, Question, Ranges, Values};
use deskside_types::range::Range;
use proptest::prelude::*;

prop_compose! {
    fn cases()(
        price in 100.0..50_000.0_f64, years in 0.5..8.0_f64, resale_share in 0.0..1.2_f64, capital in 0.0..0.25_f64,
        busy_watts in 20.0..3000.0_f64, idle in 0.0..1.0_f64, efficiency in 0.6..1.0_f64, tariff in 0.0..0.6_f64,
        busy_hours in 0.0..24.0_f64, on_hours in 0.0..24.0_f64, rent_hour in 0.05..10.0_f64, speed in 0.2..8.0_f64,
        (waste, storage_gb, rent_month, hour_value, job_hours) in
            (0.0..1.0_f64, 0.0..2000.0_f64, prop_oneof![Just(0.0), 0.0..500.0_f64], 0.0..20.0_f64, 0.1..500.0_f64),
    ) -> Case {
        Case {
            price, years, resale: 0.0, resale_share, capital, busy_watts, idle_watts: busy_watts * idle, efficiency, cooling: 0.1,
            tariff, busy_hours, on_hours, maintenance: 50.0, running: 0.0, rent_hour, rent_month, speed, startup_minutes: 5.0,
            session_hours: 4.0, waste, storage_gb, storage_price: 0.1, egress_gb: 10.0, egress_price: 0.05, job_hours,
            wait_hours: 0.0, hour_value, month_hours: 730.0,
        }
    }
}

const QUESTIONS: [Question; 3] = [Question::Buy, Question::Keep, Question::Job];

proptest! {
    #[test]
    fn dearer_power_and_hardware_never_favour_owning(case in cases(), more in 1.0..5.0_f64) {
        for question in QUESTIONS {
            let before = case.advantage(question);
            let margin = 1e-9 * (1.0 + before.abs());
            let tariff = Case { tariff: case.tariff * more, ..case };
            prop_assert!(tariff.advantage(question) <= before + margin);
            let rent = Case { rent_hour: case.rent_hour * more, ..case };
            prop_assert!(rent.advantage(question) >= before - margin);
            let price = Case { price: case.price * more, ..case };
            if case.resale_share <= 1.0 {
                prop_assert!(price.advantage(question) <= before + margin);
            }
            let slow = Case { speed: case.speed / more, ..case };
            prop_assert!(slow.advantage(question) >= before - margin);
        }
    }

    #[test]
    fn both_cost_more_with_more_hours(case in cases(), more in 0.0..5.0_f64) {
        let longer = case.busy_hours + more;
        prop_assert!(super::rent::a_year(&case, longer) >= super::rent::a_year(&case, case.busy_hours) - 1e-9);
        // Busy watts are never below idle ones.
        prop_assert!(super::own::a_year(&case, longer) >= super::own::a_year(&case, case.busy_hours) - 1e-6);
    }

    #[test]
    fn a_break_even_breaks_even(case in cases()) {
        let scale = 1e-7 * (1.0 + super::own::a_year(&case, 24.0).abs() + super::rent::a_year(&case, 24.0));
        let wins = |hours: f64| case.advantage_at(hours) > 0.0;
        let equal = |hours: f64| case.advantage_at(hours).abs() <= scale;
        match break_even(&case) {
            BreakEven::Always => prop_assert!((0..=48).all(|half| wins(f64::from(half) / 2.0))),
            BreakEven::Never => prop_assert!((0..=48).all(|half| !wins(f64::from(half) / 2.0) || equal(f64::from(half) / 2.0))),
            BreakEven::From { hours } => {
                prop_assert!(equal(hours) && (0.0..=24.0).contains(&hours));
                prop_assert!(wins((hours + 0.01).min(24.0)) || hours > 23.9);
            }
            BreakEven::UpTo { hours } => prop_assert!(equal(hours) && wins(0.0)),
            BreakEven::Between { from, to } => prop_assert!(equal(from) && equal(to) && from <= to),
        }
    }

    #[test]
    fn terms_add_up_and_nothing_is_nan(case in cases()) {
        let own: f64 = super::own::terms(&case, Question::Buy).iter().map(|term| term.money).sum();
        prop_assert!((own - super::own::a_year(&case, case.busy_hours) / 12.0).abs() < 1e-6 * (1.0 + own.abs()));
        let rent: f64 = super::rent::terms(&case).iter().map(|term| term.money).sum();
        prop_assert!((rent - super::rent::a_year(&case, case.busy_hours) / 12.0).abs() < 1e-6 * (1.0 + rent.abs()));
        prop_assert!(present_value(&case).is_finite());
        prop_assert!(payback_years(&case).is_none_or(f64::is_finite));
    }

    #[test]
    fn the_cases_enclose_what_is_counted_with(case in cases(), wide in 1.0..2.0_f64) {
        let mut ranges: Ranges = case.map(Range::exactly);
        for (field, low, high) in [
            (super::Field::Price, 1.0 / wide, wide), (super::Field::Tariff, 1.0 / wide, wide), (super::Field::RentHour, 1.0 / wide, wide),
        ] {
            let value = case.get(field);
            ranges.set(field, Range { low: value * low, base: value, high: value * high });
        }
        for question in QUESTIONS {
            let compared = compare(&ranges, question);
            let gain = |side: &super::Side| side.rent - side.own;
            let margin = 1e-6 * (1.0 + gain(&compared.base).abs());
            prop_assert!(gain(&compared.low) >= gain(&compared.base) - margin || case.resale_share > 1.0);
            prop_assert!(gain(&compared.high) <= gain(&compared.base) + margin || case.resale_share > 1.0);
            prop_assert_eq!(base(&ranges), case);
        }
    }

    #[test]
    fn a_flip_flips(case in cases()) {
        for question in QUESTIONS {
            let wins = case.advantage(question) > 0.0;
            for flip in flips(&case, question) {
                let mut turned = case;
                turned.set(flip.field, flip.to);
                prop_assert_ne!(turned.advantage(question) > 0.0, wins, "{:?}", flip);
                prop_assert!(flip.distance.is_finite());
            }
        }
    }

    #[test]
    fn what_was_paid_counts_for_nothing_in_a_job(case in cases(), price in 1.0..1e6_f64) {
        let other = Case { price, resale_share: 0.0, capital: 0.2, ..case };
        prop_assert_eq!(case.advantage(Question::Job), other.advantage(Question::Job));
    }
}

#[test]
fn values_are_found_by_their_names() {
    let mut values = Values::all(0.0);
    for (at, field) in super::Field::ALL.iter().enumerate() {
        values.set(*field, at as f64);
    }
    for (at, field) in super::Field::ALL.iter().enumerate() {
        assert_eq!(values.get(*field), at as f64);
    }
}
