//! Tests of `space`.

use super::*;
use proptest::prelude::*;

fn all(text: &str) -> Vec<String> {
    let parameter: Parameter = text.parse().unwrap();
    let count = parameter.domain.count().unwrap();
    (0..count)
        .map(|place| parameter.domain.value(place))
        .collect()
}

#[test]
fn what_people_write() {
    for (text, values) in [
        ("depth=2,4,8", "2 4 8"),
        ("o=adam,sgd", "adam sgd"),
        ("o=adam", "adam"),
        ("lr=1e-3,3e-4", "1e-3 3e-4"),
        ("n=int:1..4", "1 2 3 4"),
        ("n=int:-2..6:3", "-2 1 4"),
        ("b=pow2:8..64", "8 16 32 64"),
        ("b=pow2:1..1", "1"),
        ("p=0.1..0.5:0.1", "0.1 0.2 0.3 0.4 0.5"),
        ("p=0.0..1.0/5", "0 0.25 0.5 0.75 1"),
        ("p=0..1/3", "0 0.5 1"),
        ("lr=log:1e-5..1e-2/4", "1e-5 0.0001 0.001 0.01"),
        ("x=fixed:a,b", "a,b"),
        ("x=list:0..1,2..3", "0..1 2..3"),
        ("path=../data", "../data"),
        ("e=", ""),
    ] {
        assert_eq!(all(text).join(" "), values, "{text}");
    }
    for text in ["lr=log:1e-5..1e-2", "p=0.1..0.9"] {
        let parameter: Parameter = text.parse().unwrap();
        assert_eq!(parameter.domain.count(), None, "{text}");
    }
}

#[test]
fn what_can_not_be_understood() {
    for text in [
        "lr",
        "=1",
        "1x=2",
        "a b=1",
        "n=1..64",
        "n=int:1",
        "n=int:5..1",
        "n=int:1..5:0",
        "n=int:1..9/3",
        "n=int:a..b",
        "b=pow2:3..8",
        "b=pow2:8..4",
        "b=pow2:0..4",
        "lr=log:0..1",
        "lr=log:-1..1",
        "lr=log:1..1",
        "lr=log:1e-5..1e-2:2",
        "p=0.9..0.1",
        "p=0.1..0.9:5",
        "p=0.1..0.9/1",
        "p=0.1..0.9:0.1/3",
        "p=log:0.1..inf",
        "d=1,1",
        "lr=log:nan..1",
        "n=int:-9223372036854775808..9223372036854775807",
    ] {
        let problem = text.parse::<Parameter>().unwrap_err();
        assert_eq!(problem.code, Code::SweepParameter, "{text}");
    }
}

#[test]
fn what_a_parameter_may_be() {
    for (text, value, holds) in [
        ("a=1,x", "x", true),
        ("a=1,x", "y", false),
        ("a=int:8..64:8", "16", true),
        ("a=int:8..64:8", "17", false),
        ("a=int:8..64:8", "72", false),
        ("a=pow2:8..64", "32", true),
        ("a=pow2:8..64", "33", false),
        ("a=pow2:8..64", "4", false),
        ("a=log:1e-5..1e-2", "3e-4", true),
        ("a=log:1e-5..1e-2", "1", false),
        ("a=log:1e-5..1e-2", "nan", false),
        ("a=0..1/5", "0.25", true),
    ] {
        let parameter: Parameter = text.parse().unwrap();
        assert_eq!(parameter.domain.holds(value), holds, "{text} {value}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z]=[a-z0-9:.,/+-]{0,16}") {
        if let Ok(parameter) = text.parse::<Parameter>() {
            prop_assert!(parameter.domain.count() != Some(0));
            let _ = (parameter.domain.at(0.0), parameter.domain.at(1.0));
        }
    }

    #[test]
    fn values_lie_within_their_bounds(low in -1e6..1e6f64, width in 1e-3..1e6f64, share in 0.0..1.0f64) {
        let high = low + width;
        let value: f64 = Domain::Real { low, high, log: false }.at(share).parse().unwrap();
        prop_assert!((low..=high).contains(&value));
        let (low, high) = (width, width * 1000.0);
        let value: f64 = Domain::Real { low, high, log: true }.at(share).parse().unwrap();
        prop_assert!((low..=high).contains(&value));
        // Every order of magnitude alike.
        let expected = low * 1000.0f64.powf(share);
        prop_assert!((value / expected - 1.0).abs() < 1e-4);
    }

    #[test]
    fn places_and_values_are_one(low in -50..50i64, count in 1..40i64, step in 1..7i64, place in 0..40u64) {
        let domain = Domain::Int { low, high: low + (count - 1) * step, step };
        let place = place % domain.count().unwrap();
        prop_assert_eq!(domain.place(&domain.value(place)), Some(place));
        let domain = Domain::Even { low: low as f64, high: low as f64 + 3.7, count: 2 + count as u32, log: false };
        let place = place % domain.count().unwrap();
        prop_assert_eq!(domain.place(&domain.value(place)), Some(place));
    }
}
