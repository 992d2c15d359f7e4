//! Frames as text, and what keys do.

use super::state::Over;
use super::{Key, State, Wanted, press, read, view};
use deskside_app::queue::{JobRow, RunningRow};
use deskside_app::runs::Curve;
use deskside_app::top::{Chosen, TopGpu, TopReport};

fn job(number: i64, name: &str, state: &str) -> JobRow {
    JobRow {
        number,
        id: format!("20261125-15010{}-aaaa", number % 10),
        name: name.into(),
        state: state.into(),
        priority: 0,
        reason: (number == 13).then(|| "for 1 job".into()),
        attempts: 0,
        run: None,
        pid: None,
        gpus: 1,
        vram_bytes: None,
        cards: Vec::new(),
        submitted_at: jiff::Timestamp::UNIX_EPOCH,
        started_at: None,
        ended_at: None,
        exit: None,
        command: "python eval.py --checkpoint latest".into(),
    }
}

fn running(number: Option<i64>, run: &str, name: &str) -> RunningRow {
    RunningRow {
        number,
        run: run.into(),
        name: name.into(),
        state: "running".into(),
        duration_ms: Some(3_840_000),
        cards: Vec::new(),
        reason: None,
        command: "python train.py --lr 3e-4 --batch-size 64 --epochs 90".into(),
    }
}

fn gpu(place: u32, utilization: f64) -> TopGpu {
    TopGpu {
        place,
        uuid: format!("GPU-{place}"),
        name: "NVIDIA GeForce RTX 4090".into(),
        utilization: Some(utilization),
        memory_used: Some(13 << 30),
        memory_total: Some(24 << 30),
        power_watts: Some(312.4),
        power_limit: Some(450.0),
        temperature: Some(71.0),
        throttled: if place == 0 {
            vec!["power limit".into()]
        } else {
            Vec::new()
        },
        runs: if place == 0 {
            vec!["train".into()]
        } else {
            Vec::new()
        },
        others: 0,
        ..TopGpu::default()
    }
}

fn report(gpus: u32) -> TopReport {
    TopReport {
        at: jiff::Timestamp::UNIX_EPOCH,
        host: Some("desk".into()),
        cpu_percent: Some(34.0),
        memory_used: Some(20 << 30),
        memory_total: Some(64 << 30),
        received: Some(1_200_000.0),
        sent: Some(40_000.0),
        watts: Some(65.0),
        gpus: (0..gpus)
            .map(|place| gpu(place, 90.0 / f64::from(place + 1)))
            .collect(),
        running: vec![
            running(Some(12), "20261125-150102-k7mq", "train"),
            running(
                None,
                "20261125-150103-k7mq",
                "notebook \u{65e5}\u{672c}\u{8a9e}",
            ),
        ],
        waiting: vec![
            job(13, "eval", "waiting"),
            job(14, "sweep-a-with-a-name-that-is-too-long", "held"),
            job(15, "sweep-b", "waiting"),
        ],
        waiting_total: 40,
        chosen: Some(Chosen {
            run: "20261125-150102-k7mq".into(),
            log: (0..100)
                .map(|step| {
                    format!(
                        "\u{1b}[32mstep {step}\u{1b}[0m\tloss {:.3}",
                        5.0 / f64::from(step + 1)
                    )
                })
                .collect(),
            curves: vec![Curve {
                name: "train/loss".into(),
                count: 100,
                first: 5.0,
                last: 0.05,
                values: (0..96).map(|step| 5.0 / f64::from(step + 1)).collect(),
            }],
            measured: None,
        }),
        warnings: Vec::new(),
    }
}

fn state(gpus: u32, unicode: bool) -> State {
    let mut state = State::new(unicode);
    state.clock = "14:02:11".into();
    for step in 0..200_u32 {
        let mut one = report(gpus);
        for gpu in &mut one.gpus {
            gpu.utilization = Some(50.0 + 45.0 * (f64::from(step + gpu.place * 20) / 9.0).sin());
        }
        one.cpu_percent = Some(20.0 + f64::from(step % 30));
        state.take(one);
    }
    state.take(report(gpus));
    state
}

#[test]
fn a_terminal_of_eighty_by_twenty_four() {
    insta::assert_snapshot!("small", view(&state(2, true), 80, 24).text());
    insta::assert_snapshot!("small_ascii", view(&state(2, false), 80, 24).text());
}

#[test]
fn a_large_terminal_and_many_cards() {
    insta::assert_snapshot!("large", view(&state(1, true), 140, 40).text());
    insta::assert_snapshot!("eight", view(&state(8, true), 100, 30).text());
}

#[test]
fn a_run_that_is_opened_the_help_and_a_question() {
    let mut state = state(1, true);
    assert_eq!(press(&mut state, Key::Enter), Wanted::Nothing);
    insta::assert_snapshot!("opened", view(&state, 100, 32).text());
    press(&mut state, Key::Escape);
    press(&mut state, Key::Letter('?'));
    insta::assert_snapshot!("help", view(&state, 80, 24).text());
    press(&mut state, Key::Letter('x'));
    press(&mut state, Key::Letter('s'));
    assert!(view(&state, 80, 24).text().ends_with("stop 12 train? y/N"));
    assert_eq!(press(&mut state, Key::Letter('n')), Wanted::Nothing);
    press(&mut state, Key::Letter('s'));
    assert_eq!(
        press(&mut state, Key::Letter('y')),
        Wanted::Stop("12".into())
    );
    assert_eq!(state.over, Over::None);
}

#[test]
fn nothing_at_all_and_too_small() {
    let mut empty = State::default();
    assert_eq!(view(&empty, 80, 24).text(), "looking at the machine …");
    empty.take(TopReport {
        gpus: Vec::new(),
        running: Vec::new(),
        waiting: Vec::new(),
        waiting_total: 0,
        chosen: None,
        ..report(0)
    });
    insta::assert_snapshot!("empty", view(&empty, 80, 24).text());
    for key in [
        Key::Enter,
        Key::Up,
        Key::Down,
        Key::End,
        Key::Letter('s'),
        Key::Letter('h'),
        Key::Letter('+'),
    ] {
        assert_eq!(press(&mut empty, key), Wanted::Nothing, "{key:?}");
    }
    for (width, height) in [(0, 0), (1, 1), (50, 12), (51, 13), (300, 90), (79, 3)] {
        for gpus in [0, 1, 9] {
            let _ = view(&state(gpus, true), width, height);
        }
    }
    assert!(
        view(&state(1, true), 40, 10)
            .text()
            .contains("needs 50 columns")
    );
}

#[test]
fn keys_move_hold_and_order() {
    let mut state = state(1, true);
    for (key, wanted) in [
        (Key::Letter('h'), Wanted::Nothing),
        (Key::Down, Wanted::Nothing),
        (Key::Down, Wanted::Nothing),
        (Key::Letter('h'), Wanted::Hold("13".into())),
        (Key::Letter('+'), Wanted::Nothing),
        (Key::Letter('-'), Wanted::Behind("13".into(), "14".into())),
        (Key::Down, Wanted::Nothing),
        (Key::Letter('h'), Wanted::Release("14".into())),
        (Key::Letter('+'), Wanted::Before("14".into(), "13".into())),
        (Key::End, Wanted::Nothing),
        (Key::Letter('-'), Wanted::Nothing),
        (Key::Home, Wanted::Nothing),
        (Key::Letter('q'), Wanted::Quit),
    ] {
        assert_eq!(press(&mut state, key), wanted, "{key:?}");
    }
}

#[test]
fn the_choice_stays_with_its_job() {
    let mut state = state(1, true);
    state.chosen = 3;
    let mut next = report(1);
    next.running.remove(1);
    state.take(next);
    assert_eq!(state.row().unwrap().job, "14");
    let mut next = report(1);
    next.waiting.clear();
    state.take(next);
    assert_eq!(
        state.row().unwrap().job,
        "20261125-150103-k7mq",
        "the last that is left"
    );
}

#[test]
fn keys_come_as_terminals_send_them() {
    let keys = read(b"q\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1b[H\r?\x1b");
    let expected = [
        Key::Letter('q'),
        Key::Up,
        Key::Down,
        Key::PageUp,
        Key::Home,
        Key::Enter,
        Key::Letter('?'),
        Key::Escape,
    ];
    assert_eq!(keys, expected);
    for broken in [&b"\x1b["[..], b"\x1b[1;", b"\xff\xfe\x00", "é".as_bytes()] {
        let _ = read(broken);
    }
}

#[test]
fn only_rows_that_changed_are_sent() {
    let (mut one, size) = (state(1, true), (80, 24));
    let first = view(&one, size.0, size.1);
    let whole = first.since(None, true);
    assert!(whole.starts_with("\x1b[2J") && whole.contains("\x1b[7m"));
    assert_eq!(first.since(Some(&first), true), "");
    one.clock = "14:02:12".into();
    let second = view(&one, size.0, size.1);
    let sent = second.since(Some(&first), false);
    assert!(
        sent.starts_with("\x1b[1;1H") && sent.matches("\x1b[K").count() == 1,
        "{sent:?}"
    );
    assert!(!sent.contains("\x1b[2m"), "no colour: {sent:?}");
}
