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

fn one<'r>(report: &'r ChooseReport, id: &str) -> &'r super::PlatformReport {
    report
        .platforms
        .iter()
        .find(|one| one.id == id)
        .unwrap_or_else(|| panic!("{id} is not there"))
}

fn recorded(machine: &str, wish: Wish) -> ChooseReport {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/machines")
        .join(machine);
    let (sim, _) = context();
    choose(
        &Context::recorded(&folder, sim.shared()).unwrap(),
        &ChooseRequest {
            wish,
            ..ChooseRequest::default()
        },
    )
    .unwrap()
}

/// Each stack is compared in the engine that is usual there, and the answer says which.
#[test]
fn engines_are_the_usual_ones_of_each_stack() {
    let report = of(wish(&["8B"], &["inference"])).unwrap();
    let said = report.assumptions.join("\n");
    assert!(
        said.contains("vLLM on NVIDIA, llama.cpp on AMD, MLX on Macs"),
        "{said}"
    );
    // Bound by bandwidth, a 4090 with about twice a Mac's is about twice as fast, and not slower.
    let rate = |id: &str| one(&report, id).works[0].tokens_per_second.unwrap();
    assert!(
        rate("rtx-4090") > 1.5 * rate("mac-studio-m4-max-128"),
        "{} {}",
        rate("rtx-4090"),
        rate("mac-studio-m4-max-128")
    );
    let named = of(Wish {
        framework: Some("llama.cpp".into()),
        ..wish(&["8B"], &["inference"])
    })
    .unwrap();
    assert!(!named.assumptions.join("\n").contains("the engine"));
}

/// A format or a framework that is asked for is held against what runs where, as code of the person's is.
#[test]
fn what_is_asked_for_has_to_run_there() {
    let code = |framework: Option<&str>, format: Option<&str>, id: &str| {
        let report = of(Wish {
            framework: framework.map(Into::into),
            format: format.map(Into::into),
            ..wish(&["8B"], &["inference"])
        })
        .unwrap();
        let chosen = report.choice.platform.clone();
        if let Some(chosen) = chosen {
            assert_ne!(one(&report, &chosen).code.value, "no");
        }
        one(&report, id).code.value.clone()
    };
    for (framework, format, id, runs) in [
        (None, Some("mlx-q4-g64"), "rx-9070-xt", "no"),
        (None, Some("mlx-q4-g64"), "rtx-3090-used", "partly"),
        (None, Some("mlx-q4-g64"), "mac-studio-m4-max-36", "runs"),
        (Some("mlx"), None, "rtx-3090-used", "partly"),
        (Some("vllm"), None, "mac-studio-m4-max-36", "partly"),
        (Some("vllm"), None, "rtx-3090-used", "runs"),
        (None, Some("gptq-int4"), "mac-studio-m4-max-36", "no"),
        (None, Some("gptq-int4"), "rtx-3090-used", "runs"),
        (None, Some("fp8"), "mac-studio-m4-max-128", "no"),
        (None, Some("Q4_K_M"), "mac-studio-m4-max-36", "runs"),
    ] {
        assert_eq!(
            code(framework, format, id),
            runs,
            "{framework:?} {format:?} {id}"
        );
    }
    // What a method stands for: QLoRA is bitsandbytes on CUDA, and MLX's own quantisation on a Mac.
    let report = of(wish(&["8B"], &["qlora"])).unwrap();
    assert_eq!(one(&report, "mac-studio-m4-max-36").code.value, "runs");
    let named = of(Wish {
        format: Some("nf4".into()),
        ..wish(&["8B"], &["qlora"])
    })
    .unwrap();
    assert_eq!(one(&named, "mac-studio-m4-max-36").code.value, "partly");
}

/// Without links of their own several cards exchange weights by PCIe, which takes longer than the arithmetic.
#[test]
fn several_cards_on_pcie_are_no_sum_of_their_speeds() {
    let report = of(wish(&["8B"], &["full"])).unwrap();
    let runpod = one(&report, "runpod");
    assert!(
        !runpod.accelerator.contains("PCIe") && !runpod.accelerator.starts_with("4 x RTX"),
        "{}",
        runpod.accelerator
    );
    let fit = |name: &str, gpus: u32| {
        let (_sim, context) = context();
        let mut request = crate::fit::FitRequest::of("8B");
        request.on = Some(name.into());
        request.gpus = Some(gpus);
        request.train = Some(crate::fit::TrainRequest {
            method: "lora".into(),
            ..crate::fit::TrainRequest::default()
        });
        let report = crate::fit::fit(&context, &request).unwrap();
        report.advice.places[0].training_tokens_per_second
    };
    let (four, linked) = (fit("RTX 4090", 4).unwrap(), fit("H100 SXM", 4).unwrap());
    // 24 GB a step at 20 GB/s for 4 x 1024 tokens.
    assert!((2500.0..4500.0).contains(&four), "{four}");
    assert!(linked > 4.0 * four, "{linked}");
}

/// bf16 on a T4 is fp16, at what 70 W reach: no quicker than a card of its own prompt speed, and not sure to work.
#[test]
fn cards_without_bf16_are_doubted_and_slow() {
    let rate = |name: &str| {
        let (_sim, context) = context();
        let mut request = crate::fit::FitRequest::of("Qwen2.5-1.5B");
        request.on = Some(name.into());
        request.train = Some(crate::fit::TrainRequest {
            method: "lora".into(),
            ..crate::fit::TrainRequest::default()
        });
        let place = crate::fit::fit(&context, &request).unwrap().advice.places[0].clone();
        (
            place.training_tokens_per_second.unwrap(),
            place.speed_factor,
        )
    };
    let (t4, l4, rtx_3090, a100) = (rate("T4"), rate("L4"), rate("RTX 3090"), rate("A100 SXM"));
    assert!(
        t4.0 < rate("RTX 3060").0 * 1.1 && l4.0 < rtx_3090.0 && rate("V100").0 < 1.3 * rtx_3090.0
    );
    assert!(t4.1 == 2.0 && a100.1 == 1.4, "{t4:?} {a100:?}");
    let report = of(wish(&["gpt2"], &["full"])).unwrap();
    let chosen = report.choice.platform.clone().unwrap();
    assert!(!one(&report, &chosen).accelerator.contains("T4"));
    for platform in &report.platforms {
        if platform.accelerator.contains("T4") {
            assert_eq!(platform.code.value, "partly");
        }
    }
}

/// The machine that is owned is charged what the work adds, and not its hours of standing idle.
#[test]
fn the_machine_at_hand_costs_what_the_work_adds() {
    let report = recorded("ubuntu-22.04-rtx-4090", wish(&["gpt2"], &["full"]));
    let here = one(&report, "here");
    assert_eq!(
        report.choice.platform.as_deref(),
        Some("here"),
        "{}",
        report.choice.sentence
    );
    // Ten hours a week at about 500 W beyond idle, and 0.18 USD a kWh.
    let money = here.money_a_month.unwrap();
    assert!((2.0..6.0).contains(&money.base), "{money:?}");
    assert!(
        here.terms.iter().all(|term| !term.name.contains("idle")),
        "{:?}",
        here.terms
    );
    assert!(here.month.because.contains("cost keep"));
    // One that is rented is not paid already.
    for (machine, least) in [("lambda-h100", 100.0), ("runpod-h100", 80.0)] {
        let report = recorded(machine, wish(&["gpt2"], &["full"]));
        let here = one(&report, "here");
        let money = here.money_a_month.unwrap();
        assert!(money.base > least, "{machine}: {money:?}");
        assert!(!here.best_for.value.contains("paid already"));
    }
}

#[test]
fn nobody_knows_whether_this_machine_is_quiet() {
    let mut silent = wish(&["Llama-3.1-8B"], &["qlora"]);
    (silent.quiet, silent.portable) = (true, true);
    let report = recorded("ubuntu-22.04-rtx-4090", silent);
    assert_ne!(report.choice.platform.as_deref(), Some("here"));
}

#[test]
fn a_price_of_ones_own_from_anywhere_is_a_platform() {
    let (sim, context) = context();
    sim.put_file(
        context.directories.config.join("offers.toml"),
        "[[offer]]\nprovider = \"my uni\"\naccelerator = \"RTX 4090\"\nmemory_gb = 24\nper_hour = 0.05\nas_of = \"2026-11-20\"\n",
    );
    let request = ChooseRequest {
        wish: wish(&["8B"], &["inference"]),
        ..ChooseRequest::default()
    };
    let report = choose(&context, &request).unwrap();
    assert_eq!(
        report.choice.platform.as_deref(),
        Some("own-offers"),
        "{}",
        report.choice.sentence
    );
    assert!(one(&report, "own-offers").name.starts_with("my uni"));
    assert!(
        of(request.wish)
            .unwrap()
            .platforms
            .iter()
            .all(|one| one.id != "own-offers")
    );
}

#[test]
fn conventions_tell_taxes_and_whose_prices_are_of_when() {
    let report = of(wish(&["8B"], &["inference"])).unwrap();
    let said = report.conventions.join("\n");
    for word in [
        "730 hours",
        "sales tax",
        "Google Colab 2026-03-10",
        "Runpod 2026-05-24",
        "hardware 2025-",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn what_is_not_taken_is_said_and_what_is_not_known_refused() {
    let mut asked = wish(&["8B"], &["inference", "full"]);
    asked.format = Some("nf4".into());
    let said = of(asked).unwrap().assumptions.join("\n");
    assert!(said.contains("nf4 is not taken for full"), "{said}");
    for spoil in [
        (|wish: &mut Wish| wish.framework = Some("bogus".into())) as fn(&mut Wish),
        |wish| wish.format = Some("bogus".into()),
        |wish| wish.prices = [("here".to_string(), 4.0)].into(),
        |wish| {
            wish.models.clear();
            wish.hours_a_week = Some(4.0);
            wish.work = vec![WorkWish {
                model: "8B".into(),
                hours_a_week: Some(100.0),
                ..WorkWish::default()
            }];
        },
    ] {
        let mut asked = wish(&["8B"], &["lora"]);
        spoil(&mut asked);
        assert_eq!(of(asked).unwrap_err().code, Code::ChoiceUnclear);
    }
}

/// Of a model that makes images only the weights are counted: nothing surely fits, and nothing is said of tokens.
#[test]
fn a_lower_bound_never_surely_fits() {
    let (_sim, context) = context();
    let mut request = crate::fit::FitRequest::of("FLUX.1-dev");
    request.on = Some("RTX 5090".into());
    let report = crate::fit::fit(&context, &request).unwrap();
    assert!(
        report.advice.estimate.lower_bound && !report.work.contains("token"),
        "{}",
        report.work
    );
    assert_eq!(report.advice.places[0].verdict, crate::fit::Verdict::Tight);
    assert_eq!(report.advice.places[0].decode_tokens_per_second, None);
    let mut request = crate::fit::FitRequest::of("gpt2");
    request.on = Some("RTX 5090".into());
    request.context = Some(100_000);
    let said = crate::fit::fit(&context, &request)
        .unwrap()
        .assumptions
        .join("\n");
    assert!(said.contains("beyond the longest context"), "{said}");
}
