//! Whole answers: what is never recommended, that every cell has its reason, what is refused.

use super::{ChooseReport, ChooseRequest, Wish, WorkWish, choose};
use crate::Context;
use deskside_testkit::Sim;
use deskside_types::{Code, Problem};

fn context() -> (Sim, Context) {
    let sim = Sim::linux();
    sim.change(|state| state.wall = "2026-11-26T00:00:00Z".parse().unwrap());
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

fn wish(models: &[&str], methods: &[&str]) -> Wish {
    Wish {
        models: models.iter().map(ToString::to_string).collect(),
        methods: methods.iter().map(ToString::to_string).collect(),
        hours_a_week: Some(10.0),
        country: Some("US".into()),
        ..Wish::default()
    }
}

fn of(wish: Wish) -> Result<ChooseReport, Problem> {
    let (_sim, context) = context();
    choose(
        &context,
        &ChooseRequest {
            wish,
            ..ChooseRequest::default()
        },
    )
}

#[test]
fn every_cell_has_its_reason_and_what_is_recommended_qualifies() {
    for (models, methods) in [
        (&["Llama-3.1-8B"][..], &["inference", "qlora"][..]),
        (&["124M"], &["scratch"]),
        (&["bert-base-uncased"], &["full"]),
        (&["8B", "1B"], &["lora"]),
    ] {
        let report = of(wish(models, methods)).unwrap();
        assert!(report.platforms.len() > 15);
        for one in &report.platforms {
            for cell in [
                &one.fits,
                &one.speed,
                &one.month,
                &one.hours_a_week,
                &one.driver,
                &one.best_for,
                &one.drawback,
                &one.noise,
                &one.portable,
                &one.code,
            ] {
                assert!(
                    !cell.value.is_empty() && !cell.because.is_empty(),
                    "{}: {cell:?}",
                    one.id
                );
            }
            assert_eq!(one.qualifies, one.against.is_empty());
            if let Some(money) = one.money_a_month {
                assert!(
                    money.is_ordered() && money.base > 0.0,
                    "{}: {money:?}",
                    one.id
                );
            }
            for work in &one.works {
                assert!(
                    work.needed_low_bytes <= work.needed_bytes
                        && work.needed_bytes <= work.needed_high_bytes
                );
            }
        }
        let chosen = report
            .platforms
            .iter()
            .find(|one| Some(&one.id) == report.choice.platform.as_ref())
            .unwrap();
        assert!(chosen.qualifies && chosen.fits.value == "fits" && chosen.code.value == "runs");
        assert_eq!(report.choice.flips.len(), 2, "{:?}", report.choice);
        assert_eq!(report.platforms[0].id, chosen.id);
    }
}

#[test]
fn code_keeps_platforms_out_with_its_reason_and_source() {
    let (sim, context) = context();
    sim.put_file(
        "/p/train.py",
        "import flash_attn\nimport bitsandbytes as bnb\n",
    );
    let mut wish = wish(&["8B"], &["qlora"]);
    wish.project = Some("/p".into());
    let report = choose(
        &context,
        &ChooseRequest {
            wish,
            ..ChooseRequest::default()
        },
    )
    .unwrap();
    assert_eq!(report.asked.code.len(), 2);
    for one in &report.platforms {
        if one.driver.value == "MLX" {
            assert!(!one.qualifies && one.code.value == "no", "{}", one.id);
            let flash = one
                .software
                .iter()
                .find(|one| one.software == "flash-attn")
                .unwrap();
            assert!(
                flash.because.contains("CUDA")
                    && flash.source.contains("README")
                    && flash.instead.is_some()
            );
        }
        // A T4 has compute capability 7.5.
        if one.accelerator.contains("T4") {
            assert_eq!(one.code.value, "no");
        }
    }
    let chosen = report.choice.platform.unwrap();
    assert!(
        report
            .platforms
            .iter()
            .any(|one| one.id == chosen && one.driver.value != "MLX")
    );
}

#[test]
fn nothing_that_fits_says_the_nearest() {
    let report = of(wish(&["5000B"], &["full"])).unwrap();
    assert!(report.choice.platform.is_none() && report.choice.nearest.is_some());
    assert!(
        report.choice.sentence.contains("Nearest is"),
        "{}",
        report.choice.sentence
    );
    let mut broke = wish(&["8B"], &["inference"]);
    broke.budget = Some(0.0);
    broke.budget_a_month = Some(1.0);
    let report = of(broke).unwrap();
    let chosen = report.choice.platform.as_deref();
    assert!(chosen.is_none() || chosen == Some("here"), "{chosen:?}");
}

#[test]
fn wishes_keep_out_and_prices_of_ones_own_win() {
    let mut quiet = wish(&["8B"], &["inference"]);
    quiet.quiet = true;
    let report = of(quiet).unwrap();
    assert!(
        report
            .platforms
            .iter()
            .all(|one| !one.qualifies || !matches!(one.noise.value.as_str(), "loud" | "audible"))
    );
    let mut cheap = wish(&["8B"], &["inference"]);
    cheap.prices.insert("rtx-4090".into(), 300.0);
    let report = of(cheap).unwrap();
    let one = report
        .platforms
        .iter()
        .find(|one| one.id == "rtx-4090")
        .unwrap();
    assert_eq!(one.capital.unwrap().base, 300.0);
    let mut short = wish(&["8B"], &["inference"]);
    short.budget = Some(1000.0);
    let report = of(short).unwrap();
    assert!(
        report
            .platforms
            .iter()
            .all(|one| !one.qualifies || one.capital.is_none_or(|price| price.base <= 1000.0))
    );
}

#[test]
fn an_old_catalogue_gives_no_verdict() {
    let (sim, context) = context();
    sim.change(|state| state.wall = "2028-06-01T00:00:00Z".parse().unwrap());
    let report = choose(
        &context,
        &ChooseRequest {
            wish: wish(&["8B"], &["inference"]),
            ..ChooseRequest::default()
        },
    )
    .unwrap();
    assert!(report.choice.platform.is_none());
    assert!(
        report.choice.sentence.starts_with("No verdict"),
        "{}",
        report.choice.sentence
    );
    assert!(!report.platforms.is_empty());
}

#[test]
fn what_is_odd_is_refused_with_what_to_write() {
    let odd = |change: fn(&mut Wish)| {
        let mut wish = wish(&["8B"], &["inference"]);
        change(&mut wish);
        of(wish).map(|report| report.choice).unwrap_err()
    };
    for (problem, code) in [
        (odd(|wish| wish.models.clear()), Code::ChoiceUnclear),
        (
            odd(|wish| wish.methods = vec!["qlroa".into()]),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.hours_a_week = Some(200.0)),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.hours_a_week = Some(f64::NAN)),
            Code::ChoiceUnclear,
        ),
        (odd(|wish| wish.budget = Some(-1.0)), Code::ChoiceUnclear),
        (
            odd(|wish| wish.code = vec!["flash-atn".into()]),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.prices = [("rtx-409".to_string(), 5.0)].into()),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.prices = [("rtx-4090".to_string(), 0.0)].into()),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.models = vec!["no-such-model-at-all".into()]),
            Code::ModelUnknown,
        ),
        (
            odd(|wish| wish.models = vec!["8B".into(); 30]),
            Code::ChoiceUnclear,
        ),
        (
            odd(|wish| wish.hours_on = Some("Voodoo 2".into())),
            Code::Usage,
        ),
        (
            odd(|wish| wish.country = Some("XX".into())),
            Code::ScenarioInvalid,
        ),
    ] {
        assert_eq!(problem.code, code, "{}", problem.message);
    }
}

#[test]
fn a_scenario_is_read_and_options_win() {
    let (sim, context) = context();
    sim.put_file(
        "/w/mine.toml",
        "hours_a_week = 12\nquiet = true\n[[work]]\nmodel = \"8B\"\nmethod = \"qlora\"\nhours_a_week = 9\n[[work]]\nmodel = \"1B\"\n[prices]\nrtx-5090 = 2500\n",
    );
    let request = ChooseRequest {
        scenario: Some("/w/mine.toml".into()),
        only: Some("rtx-5090".into()),
        ..ChooseRequest::default()
    };
    let report = choose(&context, &request).unwrap();
    assert_eq!(report.platforms.len(), 1);
    assert_eq!(
        report
            .asked
            .works
            .iter()
            .map(|work| work.hours_a_week)
            .collect::<Vec<_>>(),
        [9.0, 3.0]
    );
    assert!(report.asked.quiet && report.platforms[0].capital.unwrap().base == 2500.0);
    let mut request = request;
    request.wish.models = vec!["7B".into()];
    let report = choose(&context, &request).unwrap();
    assert_eq!(report.asked.works.len(), 1);
    sim.put_file("/w/odd.toml", "modells = [\"8B\"]\n");
    request.scenario = Some("/w/odd.toml".into());
    assert_eq!(
        choose(&context, &request).unwrap_err().code,
        Code::ChoiceUnclear
    );
    request.scenario = None;
    request.only = Some("rtx-509".into());
    assert_eq!(
        choose(&context, &request).unwrap_err().code,
        Code::ChoiceUnclear
    );
    let work = WorkWish {
        model: "8B".into(),
        hours_a_week: Some(-1.0),
        ..WorkWish::default()
    };
    request = ChooseRequest {
        wish: Wish {
            work: vec![work],
            ..Wish::default()
        },
        ..ChooseRequest::default()
    };
    assert_eq!(
        choose(&context, &request).unwrap_err().code,
        Code::ChoiceUnclear
    );
}
