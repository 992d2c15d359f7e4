//! Listing, filtering, finding and removing runs.

use super::*;

#[test]
fn listing_follows_the_folders() {
    let home = Home::new();
    assert_eq!(home.store().list(&Filter::default()).unwrap().total, 0);
    assert!(
        !home.directories.data.exists(),
        "listing nothing makes nothing"
    );
    home.make("20260101-000000-aaaa", |_| {}, finished());
    let live = home.make(
        "20260102-000000-bbbb",
        |run| run.name = "other".into(),
        RunState::Running {
            process: home.me(),
            supervisor: None,
        },
    );
    std::fs::create_dir_all(home.directories.runs().join("20260103-000000-half")).unwrap();
    let all = ["20260102-000000-bbbb", "20260101-000000-aaaa"];
    for _ in 0..2 {
        let listing = home.store().list(&Filter::default()).unwrap();
        assert_eq!(listing.warnings, Vec::<String>::new());
        assert_eq!(
            listing
                .runs
                .iter()
                .map(|run| run.id.0.as_str())
                .collect::<Vec<_>>(),
            all
        );
    }
    let (mut writer, mut bytes) = SegmentWriter::begin(1, 0);
    writer
        .add(
            "loss",
            Point {
                step: 0,
                time_ms: 1,
                value: 0.5,
            },
            &mut bytes,
        )
        .unwrap();
    std::fs::create_dir_all(live.metrics()).unwrap();
    std::fs::write(live.metrics().join("1.seg"), &bytes).unwrap();
    assert_eq!(
        home.store().list(&Filter::default()).unwrap().runs[0].summary["loss"],
        SummaryValue::Number(0.5)
    );
    let boot = home.host.boot_id();
    write_state(
        &home.host,
        &live,
        &StateRecord {
            state: RunState::Running {
                process: dead(&boot),
                supervisor: None,
            },
            started_at: None,
            ended_at: None,
        },
        Durability::Process,
    )
    .unwrap();
    assert_eq!(
        home.store().list(&Filter::default()).unwrap().runs[0]
            .state
            .state
            .word(),
        "exit-unknown"
    );
    home.store().remove(live.id()).unwrap();
    assert_eq!(home.ids(&Filter::default()), ["20260101-000000-aaaa"]);
    std::fs::remove_dir_all(home.directories.runs().join("20260101-000000-aaaa")).unwrap();
    assert!(home.ids(&Filter::default()).is_empty());
}

#[test]
fn a_run_that_goes_on_is_not_removed() {
    let home = Home::new();
    let folder = home.make(
        "20260102-000000-bbbb",
        |_| {},
        RunState::Running {
            process: home.me(),
            supervisor: None,
        },
    );
    assert!(home.store().remove(folder.id()).is_err());
    assert!(folder.record().exists());
}

#[test]
fn filters_and_orders() {
    let home = Home::new();
    for (id, name, experiment, lr, loss, state) in [
        (
            "20260101-000000-aaaa",
            "b%d",
            "digits",
            "0.1",
            Some(0.5),
            finished(),
        ),
        (
            "20260102-000000-bbbb",
            "A",
            "digits",
            "1e-4",
            Some(f64::NAN),
            RunState::Interrupted,
        ),
        ("20260103-000000-cccc", "c", "words", "10", None, finished()),
        (
            "20260104-000000-dddd",
            "d",
            "words",
            "2",
            Some(0.25),
            RunState::Failed { reason: "x".into() },
        ),
    ] {
        let folder = home.make(
            id,
            |run| {
                run.name = name.into();
                run.experiment = experiment.into();
                run.params = BTreeMap::from([("lr".into(), lr.into())]);
                run.tags = BTreeMap::from([("host".into(), format!("tag-{name}"))]);
            },
            state,
        );
        if let Some(loss) = loss {
            let text = if f64::is_nan(loss) {
                "\"NaN\"".to_string()
            } else {
                loss.to_string()
            };
            std::fs::write(folder.summary(), format!("{{\"loss\": {text}}}")).unwrap();
        }
    }
    let order = |by: OrderBy, descending: bool| Filter {
        order: Order { by, descending },
        ..Filter::default()
    };
    let text = |text: &str| Filter {
        text: Some(text.into()),
        ..Filter::default()
    };
    let all = Filter::default();
    for (what, filter, expected) in [
        ("all", all.clone(), "dcba"),
        (
            "experiment",
            Filter {
                experiment: Some("digits".into()),
                ..all.clone()
            },
            "ba",
        ),
        (
            "states",
            Filter {
                states: vec!["failed".into(), "interrupted".into()],
                ..all.clone()
            },
            "db",
        ),
        (
            "limit",
            Filter {
                limit: Some(3),
                ..all.clone()
            },
            "dcb",
        ),
        (
            "ids",
            Filter {
                ids: Some(vec![RunId("20260103-000000-cccc".into())]),
                ..all.clone()
            },
            "c",
        ),
        ("name", order(OrderBy::Name, false), "bacd"),
        (
            "param as number",
            order(OrderBy::Param("lr".into()), false),
            "badc",
        ),
        (
            "param, greatest first",
            order(OrderBy::Param("lr".into()), true),
            "cdab",
        ),
        (
            "metric, runs without it last",
            order(OrderBy::Summary("loss".into()), false),
            "dacb",
        ),
        (
            "metric, greatest first",
            order(OrderBy::Summary("loss".into()), true),
            "adcb",
        ),
        ("words", text("train.py WORDS"), "dc"),
        ("percent is a letter", text("b%d"), "a"),
        ("param", text("lr=1e"), "b"),
        ("tag", text("host=tag-c"), "c"),
        ("none", text("nothing like this'; DROP TABLE runs"), ""),
    ] {
        let letters: String = home
            .ids(&filter)
            .iter()
            .map(|id| id.chars().last().unwrap())
            .collect();
        assert_eq!(letters, expected, "{what}");
    }
    let limited = home
        .store()
        .list(&Filter {
            limit: Some(1),
            ..all
        })
        .unwrap();
    assert_eq!((limited.runs.len(), limited.total), (1, 4));
}

#[test]
fn find_takes_what_people_type() {
    let home = Home::new();
    assert_eq!(
        home.store().find("latest").unwrap_err().code,
        Code::RunUnknown
    );
    home.make(
        "20260101-000000-aaaa",
        |run| run.name = "first".into(),
        finished(),
    );
    home.make("20260102-000000-bbbb", |_| {}, finished());
    for (text, id) in [
        ("aaaa", "20260101-000000-aaaa"),
        ("first", "20260101-000000-aaaa"),
        ("-", "20260102-000000-bbbb"),
        ("20260102", "20260102-000000-bbbb"),
    ] {
        assert_eq!(home.store().find(text).unwrap().0, id);
    }
    for hostile in ["../../etc", "", "/", "%"] {
        assert_eq!(
            home.store().find(hostile).unwrap_err().code,
            Code::RunUnknown
        );
    }
}
