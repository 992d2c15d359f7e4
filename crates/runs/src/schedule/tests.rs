//! The scheduler as tables.

use super::*;

const GB: u64 = 1 << 30;

fn card(name: &str, used: u64) -> Card {
    Card {
        uuid: name.into(),
        name: "NVIDIA GeForce RTX 4090".into(),
        total: 24 * GB,
        used: used * GB,
        held: Default::default(),
        others: false,
        exclusive: false,
    }
}

fn whole(gpus: u32) -> Claim {
    Claim {
        gpus,
        ..Claim::default()
    }
}

fn part(vram: u64) -> Claim {
    Claim {
        vram: vram * GB,
        share: true,
        gpus: 0,
    }
}

fn wants(number: i64, claim: Claim) -> Candidate {
    Candidate {
        number,
        ready_at: Timestamp::UNIX_EPOCH,
        window: None,
        claim,
    }
}

fn holds(number: i64, claim: Claim, cards: &[&str], is_settled: bool) -> Holder {
    Holder {
        number,
        claim,
        cards: cards.iter().map(ToString::to_string).collect(),
        is_settled,
    }
}

fn noon() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn decide(
    candidates: Vec<Candidate>,
    slots: u32,
    holders: &[Holder],
    cards: Option<&[Card]>,
) -> Plan {
    let (claiming, unclaiming): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| candidate.claim.any());
    plan(
        unclaiming,
        claiming,
        &Situation {
            now: noon(),
            zone: &TimeZone::UTC,
            slots,
            holders,
            cards,
        },
    )
}

fn shown(plan: &Plan) -> String {
    let starts = plan.starts.iter().map(|(number, cards)| {
        if cards.is_empty() {
            number.to_string()
        } else {
            format!("{number}@{}", cards.join("+"))
        }
    });
    starts.collect::<Vec<_>>().join(" ")
}

#[test]
fn who_starts_where() {
    let two = [card("a", 0), card("b", 0)];
    let none = Claim::default();
    let used = [card("a", 0), card("b", 10)];
    let others = [
        Card {
            others: true,
            ..card("a", 0)
        },
        card("b", 0),
    ];
    let exclusive = [Card {
        exclusive: true,
        ..card("a", 6)
    }];
    let twelve = [card("a", 12)];
    let knowing = [Card {
        held: [(1, 11 * GB)].into(),
        ..card("a", 11)
    }];
    type Case<'a> = (
        &'a str,
        Vec<Candidate>,
        u32,
        Vec<Holder>,
        Option<&'a [Card]>,
        &'a str,
    );
    let cases: Vec<Case<'_>> = vec![
        (
            "slots in order",
            vec![wants(1, none), wants(2, none), wants(3, none)],
            2,
            vec![],
            None,
            "1 2",
        ),
        (
            "a slot that is taken",
            vec![wants(2, none)],
            1,
            vec![holds(1, none, &[], false)],
            None,
            "",
        ),
        (
            "fewer slots than jobs that run",
            vec![wants(3, none)],
            1,
            vec![holds(1, none, &[], false), holds(2, none, &[], false)],
            None,
            "",
        ),
        ("no slot at all", vec![wants(1, none)], 0, vec![], None, ""),
        (
            "a card needs no slot",
            vec![wants(1, whole(1))],
            0,
            vec![],
            Some(&two),
            "1@a",
        ),
        (
            "cards in their order",
            vec![wants(1, whole(1)), wants(2, whole(1)), wants(3, whole(1))],
            1,
            vec![],
            Some(&two),
            "1@a 2@b",
        ),
        (
            "both cards",
            vec![wants(1, whole(2))],
            1,
            vec![],
            Some(&two),
            "1@a+b",
        ),
        (
            "a held card is passed",
            vec![wants(2, whole(1))],
            1,
            vec![holds(1, whole(1), &["a"], true)],
            Some(&two),
            "2@b",
        ),
        (
            "a card in use is passed",
            vec![wants(1, whole(1)), wants(2, whole(1))],
            1,
            vec![],
            Some(&used),
            "1@a",
        ),
        (
            "other people's process is respected",
            vec![wants(1, whole(1)), wants(2, whole(1))],
            1,
            vec![],
            Some(&others),
            "1@b",
        ),
        (
            "who waits for two holds back one for one",
            vec![wants(2, whole(2)), wants(3, whole(1)), wants(4, none)],
            1,
            vec![holds(1, whole(1), &["a"], true)],
            Some(&two),
            "4",
        ),
        (
            "cards that can't be read start nothing",
            vec![wants(1, whole(1)), wants(2, none)],
            1,
            vec![],
            None,
            "2",
        ),
        (
            "parts are packed on one card",
            vec![wants(1, part(10)), wants(2, part(10)), wants(3, part(10))],
            1,
            vec![],
            Some(&two),
            "1@a 2@a 3@b",
        ),
        (
            "a part goes on the fullest that has room",
            vec![wants(1, part(10))],
            1,
            vec![],
            Some(&used),
            "1@b",
        ),
        (
            "a claim counts before it is allocated",
            vec![wants(2, part(10))],
            1,
            vec![holds(1, part(20), &["a"], false)],
            Some(&two[..1]),
            "",
        ),
        (
            "what it holds of its claim is not counted twice",
            vec![wants(2, part(10))],
            1,
            vec![holds(1, part(12), &["a"], false)],
            Some(&knowing),
            "2@a",
        ),
        (
            "what it may still take is kept for it",
            vec![wants(2, part(10))],
            1,
            vec![holds(1, part(16), &["a"], true)],
            Some(&knowing),
            "",
        ),
        (
            "and not twice after",
            vec![wants(2, part(10))],
            1,
            vec![holds(1, part(12), &["a"], true)],
            Some(&twelve),
            "2@a",
        ),
        (
            "no part beside a whole",
            vec![wants(2, part(1))],
            1,
            vec![holds(1, whole(1), &["a"], true)],
            Some(&two[..1]),
            "",
        ),
        (
            "no whole beside a part",
            vec![wants(2, whole(1))],
            1,
            vec![holds(1, part(1), &["a"], false)],
            Some(&two[..1]),
            "",
        ),
        (
            "an exclusive card takes one only",
            vec![wants(2, part(1))],
            1,
            vec![holds(1, part(1), &["a"], true)],
            Some(&exclusive),
            "",
        ),
        (
            "two starts in the same moment never collide",
            vec![wants(1, whole(1)), wants(2, part(4)), wants(3, part(4))],
            1,
            vec![],
            Some(&two),
            "1@a 2@b 3@b",
        ),
        (
            "memory without cards means one card",
            vec![wants(
                1,
                Claim {
                    vram: 20 * GB,
                    ..none
                },
            )],
            0,
            vec![],
            Some(&two),
            "1@a",
        ),
    ];
    for (what, candidates, slots, holders, cards, expected) in cases {
        assert_eq!(
            shown(&decide(candidates, slots, &holders, cards)),
            expected,
            "{what}"
        );
    }
}

#[test]
fn who_waits_for_what() {
    let busy = [card("a", 20)];
    let plan = decide(vec![wants(1, whole(1))], 1, &[], Some(&busy));
    assert!(plan.waits_for_others, "a stranger's memory is in the way");
    let held = [holds(1, whole(1), &["a"], true)];
    let plan = decide(vec![wants(2, whole(1))], 1, &held, Some(&[card("a", 0)]));
    assert!(
        !plan.waits_for_others,
        "a job of ours is in the way, and its end is heard"
    );
    let later = Candidate {
        ready_at: "2026-11-26T22:00:00Z".parse().unwrap(),
        ..wants(1, Claim::default())
    };
    let window = Candidate {
        window: Some("09:00-18:00".parse().unwrap()),
        ..wants(2, Claim::default())
    };
    let plan = decide(
        vec![later, window, wants(3, Claim::default())],
        1,
        &[],
        None,
    );
    assert_eq!(shown(&plan), "3");
    assert_eq!(plan.wake_at.unwrap().to_string(), "2026-11-26T18:00:00Z");
}

#[test]
fn what_can_never_be() {
    let two = [card("a", 0), card("b", 0)];
    assert_eq!(impossible(&whole(2), &two), None);
    assert_eq!(impossible(&Claim::default(), &[]), None);
    for (claim, cards, words) in [
        (whole(1), &two[..0], "no card"),
        (whole(3), &two[..], "3 cards, and this machine has 2"),
        (part(25), &two[..], "the largest card has 24.0 GiB"),
    ] {
        let why = impossible(&claim, cards).unwrap();
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn hours_of_the_day() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    for (window, from, expected) in [
        (
            "09:00-18:00",
            "2026-11-26T07:59:59Z",
            "2026-11-26T07:59:59Z",
        ),
        (
            "09:00-18:00",
            "2026-11-26T08:00:00Z",
            "2026-11-26T17:00:00Z",
        ),
        (
            "09:00-18:00",
            "2026-11-26T17:00:00Z",
            "2026-11-26T17:00:00Z",
        ),
        (
            "22:00-06:00",
            "2026-11-26T21:30:00Z",
            "2026-11-27T05:00:00Z",
        ),
        (
            "22:00-06:00",
            "2026-11-27T04:30:00Z",
            "2026-11-27T05:00:00Z",
        ),
        ("22-6", "2026-11-27T12:00:00Z", "2026-11-27T12:00:00Z"),
        (
            "12:00-24:00",
            "2026-11-26T12:00:00Z",
            "2026-11-26T23:00:00Z",
        ),
        // The clocks go forward at 02:00: 02:30 is not there that day.
        (
            "01:00-02:30",
            "2026-03-29T00:30:00Z",
            "2026-03-29T01:30:00Z",
        ),
    ] {
        let window: Window = window.parse().unwrap();
        let found = window.next_outside(from.parse().unwrap(), &zone);
        assert_eq!(found.to_string(), expected, "{window} from {from}");
    }
    for wrong in [
        "",
        "9",
        "09:00",
        "09:00-09:00",
        "0-24",
        "25:00-26:00",
        "09:60-10:00",
        "a-b",
        "9-18-20",
    ] {
        assert!(wrong.parse::<Window>().is_err(), "{wrong}");
    }
}

#[test]
fn moments_and_spans_as_people_write_them() {
    let zone = TimeZone::posix("CET-1").unwrap();
    for (text, expected) in [
        ("22:00", "2026-11-26T21:00:00Z"),
        ("12:59", "2026-11-27T11:59:00Z"),
        ("+2h", "2026-11-26T14:00:00Z"),
        ("+90", "2026-11-26T12:01:30Z"),
        ("2026-12-01T06:00", "2026-12-01T05:00:00Z"),
        ("2026-12-01 06:00:30", "2026-12-01T05:00:30Z"),
        ("2026-12-01T06:00:00Z", "2026-12-01T06:00:00Z"),
    ] {
        assert_eq!(
            moment(text, noon(), &zone).unwrap().to_string(),
            expected,
            "{text}"
        );
    }
    for wrong in [
        "",
        "+",
        "noon",
        "25:00",
        "22",
        "2026-13-01T00:00",
        "+99999999999999999999h",
    ] {
        assert!(moment(wrong, noon(), &zone).is_err(), "{wrong}");
    }
    for (text, seconds) in [
        ("90", 90),
        ("90s", 90),
        ("1h30m", 5400),
        ("2d", 172_800),
        (" 1w ", 604_800),
    ] {
        assert_eq!(span(text).unwrap().as_secs(), seconds, "{text}");
    }
    for wrong in [
        "",
        "h",
        "1x",
        "-1",
        "1h30",
        "99999999999999999999",
        "999999999w",
    ] {
        assert!(span(wrong).is_err(), "{wrong}");
    }
}
