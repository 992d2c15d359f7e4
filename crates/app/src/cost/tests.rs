//! Scenarios whole: published examples, what a machine and its runs say, what is refused.

use super::{BreakEven, CostReport, CostRequest, Origin, Question, cost, since};
use crate::Context;
use deskside_testkit::Sim;
use deskside_types::{Code, Problem};

fn context() -> (Sim, Context) {
    let sim = Sim::linux();
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

fn asked(set: &[(&str, &str)]) -> CostRequest {
    CostRequest {
        set: set
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        ..CostRequest::default()
    }
}

fn of_text(text: &str) -> Result<CostReport, Problem> {
    let (sim, context) = context();
    sim.put_file("/scenario.toml", text);
    cost(
        &context,
        &CostRequest {
            scenario: Some("/scenario.toml".into()),
            ..CostRequest::default()
        },
    )
}

fn close(value: f64, published: f64, share: f64) {
    assert!(
        (value / published - 1.0).abs() <= share,
        "{value} is not within {share} of {published}"
    );
}

#[test]
fn published_examples_from_their_scenarios() {
    let report = of_text(include_str!("../../../../docs/cost/dettmers-2023.toml")).unwrap();
    close(report.figures.kwh, 591.0, 0.01);
    close(report.figures.electricity, 71.0, 0.01);
    // Published: 300, from two sides that are not on the same day. The day on which they meet is 292.96.
    close(report.figures.payback_days.unwrap(), 292.96, 1e-4);

    let report = of_text(include_str!("../../../../docs/cost/lenovo-lp2225.toml")).unwrap();
    close(report.figures.payback_busy_hours.unwrap(), 8556.0, 0.001);
    close(report.figures.payback_months.unwrap(), 11.9, 0.01);

    let report = of_text(include_str!("../../../../docs/cost/legitlads-fleet.toml")).unwrap();
    close(report.figures.own_total_nominal.unwrap(), 2_648_681.0, 1e-6);
    close(
        report.figures.rent_total_nominal.unwrap(),
        3_139_584.0,
        1e-6,
    );
    close(report.figures.saving_nominal.unwrap(), 490_903.0, 1e-5);
    close(report.figures.payback_days.unwrap() / 365.0, 3.2, 0.01);
    close(report.figures.net_present_value.unwrap(), -9440.0, 0.01);
    let Some(BreakEven::From { hours }) = report.figures.break_even_nominal else {
        panic!("{:?}", report.figures);
    };
    close(hours / 24.0, 0.59, 0.01);
    assert_eq!(report.verdict.answer, "rent");

    let text = include_str!("../../../../docs/cost/computetape-h100.toml");
    close(
        of_text(text).unwrap().figures.own_per_busy_hour.unwrap(),
        1.64,
        0.01,
    );
    let five = text.replace("years = 3", "years = 5");
    close(
        of_text(&five).unwrap().figures.own_per_busy_hour.unwrap(),
        0.98,
        0.01,
    );

    let report = of_text(include_str!("../../../../docs/cost/deepify-4090.toml")).unwrap();
    close(report.figures.electricity / 12.0, 81.0, 0.01);
    close(report.figures.payback_months.unwrap(), 16.0, 0.01);
    close(report.figures.saving_nominal.unwrap(), 9640.0, 0.001);
}

#[test]
fn defaults_and_old_prices_are_said() {
    let report = of_text("question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\n").unwrap();
    let origin = |key: &str| {
        report
            .inputs
            .iter()
            .find(|input| input.key == key)
            .unwrap_or_else(|| panic!("{key}"))
            .origin
    };
    assert_eq!(origin("machine.price"), Origin::Table);
    assert_eq!(origin("use.busy_hours_a_day"), Origin::Default);
    assert_eq!(origin("electricity.per_kwh"), Origin::Default);
    assert!(
        report
            .inputs
            .iter()
            .all(|input| input.value.is_ordered() && !input.because.is_empty())
    );
    assert!(
        report.warnings.iter().any(|text| text.contains("--tariff")),
        "{:?}",
        report.warnings
    );
    assert_eq!(report.flips.len(), 2, "{:?}", report.flips);
    assert!(report.conventions.iter().any(|text| text.contains("730")));
    assert!(!report.offers.is_empty());
    // An answer of the future rests on nothing that old.
    let (sim, context) = context();
    sim.change(|state| state.wall = "2029-01-01T00:00:00Z".parse().unwrap());
    let report = cost(
        &context,
        &CostRequest {
            question: Some(Question::Buy),
            ..asked(&[("machine.gpu", "RTX 4090"), ("machine.price", "3200")])
        },
    )
    .unwrap();
    assert_eq!(report.verdict.answer, "none");
    assert!(
        report.verdict.sentence.contains("365 days"),
        "{}",
        report.verdict.sentence
    );
}

#[test]
fn a_scenario_that_is_written_out_gives_the_same_answer() {
    for text in [
        include_str!("../../../../docs/cost/desktop-4090.toml"),
        include_str!("../../../../docs/cost/deepify-4090.toml"),
        "question = \"keep\"\n[machine]\ngpu = \"RTX 3090\"\ngpus = 2\nage_years = 2\n[electricity]\ncountry = \"US-CA\"\n",
        "question = \"job\"\n[job]\nhours = 12\nmachine_on_anyway = false\n[machine]\ngpu = \"RTX 3090\"\n[rent]\ngpu = \"H100\"\nwork = \"training\"\n",
    ] {
        let first = of_text(text).unwrap();
        let again = of_text(&first.scenario()).unwrap_or_else(|problem| {
            panic!("{problem} {:?}\n{}", problem.hints, first.scenario())
        });
        assert_eq!(first.cases, again.cases, "{}", first.scenario());
        assert_eq!(first.verdict, again.verdict);
        assert_eq!(first.own, again.own);
    }
}

#[test]
fn what_was_paid_counts_for_nothing_once_it_is_owned() {
    let keep = |price: &str| {
        of_text(&format!(
            "question = \"keep\"\n[machine]\ngpu = \"RTX 3090\"\n{price}\nsells_for = 800\n"
        ))
        .unwrap()
    };
    let (without, cheap, dear) = (keep(""), keep("price = 500"), keep("price = 50000"));
    assert_eq!(without.cases, dear.cases);
    assert_eq!(cheap.cases, dear.cases);
    assert!(dear.left_out[0].contains("machine.price") && without.left_out.is_empty());
    let job =
        of_text("question = \"job\"\n[job]\nhours = 3\n[machine]\ngpu = \"RTX 3090\"\nprice = 9\n")
            .unwrap();
    assert!(job.left_out[0].contains("machine.price"));
    assert!(job.own.iter().all(|term| term.name != "price"));
}

#[test]
fn what_is_lacking_is_named_with_what_to_write() {
    for (text, key) in [
        ("", "what is asked"),
        ("question = \"buy\"", "machine.gpu"),
        (
            "question = \"buy\"\n[machine]\ngpu = \"Voodoo 2\"",
            "machine.busy_watts",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"Voodoo 2\"\nbusy_watts = 20",
            "machine.price",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"Voodoo 2\"\nbusy_watts = 90\nprice = 20",
            "rent.per_hour",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\nbusy_watts = 20\nidle_watts = 70",
            "machine.idle_watts",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\nresale = 7\nresale_share = 0.1",
            "twice",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\n[use]\nshare = 0.1\nbusy_hours_a_day = 3",
            "twice",
        ),
        (
            "question = \"keep\"\n[machine]\ngpu = \"RTX 4090\"",
            "machine.sells_for",
        ),
        (
            "question = \"job\"\n[machine]\ngpu = \"RTX 4090\"",
            "job.hours",
        ),
        ("question = \"job\"\n[job]\nhours = 2", "rent.per_hour"),
        (
            "question = \"job\"\n[job]\nhours = 2\n[rent]\ngpu = \"H100\"",
            "rent.speed",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\n[electricity]\ncountry = \"XX\"",
            "electricity.country",
        ),
        (
            "question = \"buy\"\ncurrency = \"CHF\"\n[machine]\ngpu = \"RTX 4090\"\nprice = 3000\n",
            "CHF",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\n[rent]\nprovider = \"runpot\"",
            "rent.per_hour",
        ),
        (
            "question = \"buy\"\nassume = \"nothing\"\n[machine]\nprice = 3\n[rent]\nper_hour = 1",
            "use.busy_hours_a_day",
        ),
        (
            "question = \"buy\"\nassume = \"nothing\"\n[machine]\nprice = 3\n[rent]\nper_hour = 1\n[use]\nshare = 1",
            "electricity.per_kwh",
        ),
        (
            "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\n[use]\nbusy_hours_a_year = 8780",
            "hours",
        ),
    ] {
        let problem = of_text(text).unwrap_err();
        assert_eq!(problem.code, Code::ScenarioInvalid, "{text}");
        assert!(problem.message.contains(key), "{text}: {}", problem.message);
        assert!(!problem.hints.is_empty(), "{text}");
    }
}

#[test]
fn free_power_and_what_sells_above_its_price_break_nothing() {
    let report = of_text(
        "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\nprice = 2000\nresale = 3000\n[electricity]\nper_kwh = 0\n",
    )
    .unwrap();
    assert!(report.warnings.iter().any(|text| text.contains("free")));
    assert_eq!(report.verdict.answer, "buy");
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("null"), "{json}");
}

#[test]
fn never_is_said_when_it_is_never() {
    let report = of_text(
        "question = \"buy\"\n[machine]\ngpu = \"RTX 4090\"\nprice = 9000\n[electricity]\nper_kwh = 0.5\n[rent]\nper_hour = 0.10\n",
    )
    .unwrap();
    assert_eq!(report.figures.break_even, Some(BreakEven::Never));
    assert!(
        report.verdict.sentence.contains("never"),
        "{}",
        report.verdict.sentence
    );
    assert_eq!(report.verdict.answer, "rent");
}

/// A run folder written by hand.
fn run(sim: &Sim, id: &str, start: &str, end: &str, gpus: &str) {
    let folder = format!(
        "{}/runs/{id}",
        Context::here(sim.shared())
            .unwrap()
            .directories
            .data
            .display()
    );
    sim.put_file(
        format!("{folder}/run.toml"),
        format!(
            "version = 1\nid = \"{id}\"\nname = \"r\"\nexperiment = \"default\"\ncreated_at = \"{start}\"\nargv = [\"true\"]\nworking_directory = \"/\"\n[place]\nkind = \"here\"\n[machine]\nos = \"Ubuntu\"\ncpu = \"x\"\ngpus = [{gpus}]\n"
        ),
    );
    sim.put_file(
        format!("{folder}/state"),
        format!(
            "state = \"finished\"\nexit_code = 0\nstarted_at = \"{start}\"\nended_at = \"{end}\"\n"
        ),
    );
}

#[test]
fn busy_hours_are_measured_from_runs() {
    let (sim, context) = context();
    sim.change(|state| state.wall = "2026-11-25T00:00:00Z".parse().unwrap());
    for day in 5..25 {
        run(
            &sim,
            &format!("202611{day:02}-000000-aaaa"),
            &format!("2026-11-{day:02}T00:00:00Z"),
            &format!("2026-11-{day:02}T06:00:00Z"),
            "\"NVIDIA GeForce RTX 4090\"",
        );
    }
    let report = cost(
        &context,
        &CostRequest {
            question: Some(Question::Buy),
            ..asked(&[("machine.gpu", "RTX 4090"), ("electricity.per_kwh", "0.30")])
        },
    )
    .unwrap();
    let input = report
        .inputs
        .iter()
        .find(|input| input.key == "use.busy_hours_a_day")
        .unwrap();
    assert_eq!(input.origin, Origin::Measured);
    close(input.value.base, 6.0, 0.001);
    // What runs took: 3 days of 6 hours of an RTX 4090, nothing sampled.
    let sum = since(
        &context,
        "3d",
        None,
        &[("electricity.per_kwh".into(), "0.30".into())],
    )
    .unwrap();
    assert_eq!(sum.runs.len(), 3);
    close(sum.held_hours, 18.0, 1e-9);
    close(
        sum.watt_hours.base,
        (0.7 * 450.0 + 100.0) / 0.92 * 18.0,
        1e-9,
    );
    close(sum.money.base, sum.watt_hours.base / 1000.0 * 0.30, 1e-9);
    assert_eq!((sum.measured_share, sum.rented_runs), (0.0, 3));
    assert!(sum.rented > 0.0 && sum.runs[0].energy_from.contains("estimated"));
    assert!(since(&context, "yesterday", None, &[]).is_err());
}

#[test]
fn the_standing_scenario_is_the_persons_own() {
    let (sim, context) = context();
    let path = context.directories.config.join("cost.toml");
    sim.put_file(&path, "[electricity]\nper_kwh = 0.41\n");
    let request = CostRequest {
        question: Some(Question::Buy),
        ..asked(&[("machine.gpu", "RTX 4090")])
    };
    let report = cost(&context, &request).unwrap();
    let input = report
        .inputs
        .iter()
        .find(|input| input.key == "electricity.per_kwh")
        .unwrap();
    assert_eq!((input.value.base, input.origin), (0.41, Origin::Given));
    assert!(input.because.contains("cost.toml"), "{}", input.because);
    // A scenario of its own is whole: what stands elsewhere never slips into it.
    sim.put_file("/one.toml", "[machine]\ngpu = \"RTX 4090\"\n");
    let report = cost(
        &context,
        &CostRequest {
            question: Some(Question::Buy),
            scenario: Some("/one.toml".into()),
            set: Vec::new(),
        },
    )
    .unwrap();
    assert!(report.inputs.iter().all(|input| input.value.base != 0.41));
}

#[test]
fn sampled_power_is_measured_energy() {
    use deskside_track::segment::SegmentWriter;
    use deskside_types::metric::Point;
    let (sim, context) = context();
    sim.change(|state| state.wall = "2026-11-25T00:00:00Z".parse().unwrap());
    let id = "20261124-000000-aaaa";
    run(
        &sim,
        id,
        "2026-11-24T00:00:00Z",
        "2026-11-24T01:00:00Z",
        "\"NVIDIA GeForce RTX 4090\", \"NVIDIA GeForce RTX 4090\"",
    );
    let start: jiff::Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
    let base = start.as_millisecond();
    let (mut writer, mut bytes) = SegmentWriter::begin(1, base);
    for second in (0..=3600).step_by(10) {
        for (name, value) in [
            ("gpu/0/power_watts", 200.0),
            ("gpu/1/power_watts", 100.0),
            ("gpu/0/temperature", 70.0),
        ] {
            let point = Point {
                step: second,
                time_ms: base + second * 1000,
                value,
            };
            writer.add(name, point, &mut bytes).unwrap();
        }
    }
    sim.put_file(
        format!(
            "{}/runs/{id}/system/1.seg",
            context.directories.data.display()
        ),
        bytes,
    );
    let sum = since(
        &context,
        "2d",
        None,
        &[("electricity.per_kwh".into(), "0.30".into())],
    )
    .unwrap();
    let one = &sum.runs[0];
    assert!(one.measured && one.energy_from.contains("300 W"), "{one:?}");
    close(one.watt_hours.base, (300.0 + 100.0) / 0.92, 1e-6);
    assert_eq!(sum.measured_share, 1.0);
    // The same samples are this machine's watts at work; they say nothing of a machine that is named.
    let history = super::history::history(&context).unwrap();
    assert_eq!(history.watts, Some((300.0, 1)));
    let shown = crate::runs::show(&context, id).unwrap();
    assert_eq!(shown.cost.unwrap().watt_hours, one.watt_hours);
}

#[test]
fn what_may_be_taken_away_is_never_counted_with_where_something_else_is_known() {
    use super::rented::choose;
    use deskside_knowledge::prices::offers_of;
    for (name, tier, base) in [
        ("RTX 4090", "secure", 0.69),
        ("RTX 3090", "marketplace", 0.15),
        ("A100 80GB", "on-demand", 1.29),
    ] {
        let choice = choose(&offers_of(name)).unwrap();
        assert_eq!(
            (choice.row.tier, choice.row.usd_an_hour),
            (tier.to_string(), base),
            "{name}"
        );
        assert!(choice.usd_an_hour.is_ordered());
    }
    assert!(choose(&[]).is_none());
}

#[test]
fn the_ends_of_every_key_give_numbers_or_a_refusal() {
    use super::keys::{Holds, KEYS};
    let base = [
        ("machine.gpu", "RTX 4090"),
        ("machine.sells_for", "1500"),
        ("job.hours", "10"),
        ("electricity.per_kwh", "0.3"),
    ];
    let (_, context) = context();
    let mut answered = 0;
    for key in KEYS {
        let Holds::Number {
            positive,
            least,
            most,
        } = key.holds
        else {
            continue;
        };
        let low = if positive && least == 0.0 {
            1e-12
        } else {
            least
        };
        for end in [low, most] {
            for question in [Question::Buy, Question::Keep, Question::Job] {
                let text = format!("{end:e}");
                let mut request = asked(&base);
                request.question = Some(question);
                request.set.push((key.path.into(), text.clone()));
                match cost(&context, &request) {
                    Ok(report) => {
                        answered += 1;
                        let json = serde_json::to_string(&report).unwrap();
                        assert!(
                            !json.contains("null"),
                            "{} = {text} {question:?}: {json}",
                            key.path
                        );
                        assert!(!report.scenario().contains("NaN"));
                    }
                    Err(problem) => assert_eq!(problem.code, Code::ScenarioInvalid, "{problem}"),
                }
            }
        }
    }
    assert!(answered > 150, "{answered}");
}

#[test]
fn the_machines_own_sampler_says_when_it_was_on_and_when_it_computed() {
    use deskside_runs::sample::HistorySampler;
    let (sim, context) = context();
    sim.change(|state| state.wall = "2026-11-01T00:00:00Z".parse().unwrap());
    let mut sampler = HistorySampler::new(&context.directories);
    for hour in 0..(24 * 9) {
        // On by day, at work every second hour of it: six hours a day.
        let percent = if hour % 2 == 0 { 90 } else { 0 };
        let answer = serde_json::json!({ "devices": [{ "index": 0, "uuid": "GPU-a", "utilization": percent }] });
        sim.change(|state| drop(state.devices.insert("nvml-live".into(), Ok(answer))));
        let on = hour % 24 >= 12;
        for _ in 0..60 {
            if on {
                sampler.take(&*context.machine).unwrap();
            }
            sim.advance(std::time::Duration::from_secs(60));
        }
    }
    sampler.finish(&*context.machine).unwrap();
    run(
        &sim,
        "20261101-120000-aaaa",
        "2026-11-01T12:00:00Z",
        "2026-11-09T12:00:00Z",
        "",
    );
    let mut request = asked(&[("machine.gpu", "RTX 4090"), ("electricity.per_kwh", "0.3")]);
    request.question = Some(Question::Keep);
    request
        .set
        .push(("machine.sells_for".into(), "1500".into()));
    let report = cost(&context, &request).unwrap();
    let input = |key: &str| report.inputs.iter().find(|input| input.key == key).unwrap();
    let on = input("use.on_hours_a_day");
    assert!((on.value.base - 12.0).abs() < 1.0, "{on:?}");
    assert!(on.because.contains("sampler"), "{on:?}");
    let busy = input("use.busy_hours_a_day");
    assert!(
        (busy.value.low - 6.0).abs() < 1.0 && busy.value.base > 20.0,
        "{busy:?}"
    );
}

fn input<'r>(report: &'r CostReport, key: &str) -> &'r super::report::Input {
    report.inputs.iter().find(|one| one.key == key).unwrap()
}

/// Training is faster on a data centre's card by what `fit` says, and not by how fast prompts are read.
#[test]
fn training_on_an_a100_is_faster_than_on_a_card_for_games() {
    let (_sim, context) = context();
    let buy = |work: &str, rent: &str| {
        let mut request = asked(&[
            ("machine.gpu", "RTX 4090"),
            ("rent.gpu", rent),
            ("rent.work", work),
            ("electricity.country", "US"),
        ]);
        request.question = Some(Question::Buy);
        cost(&context, &request).unwrap()
    };
    let training = buy("training", "A100");
    let speed = input(&training, "rent.speed");
    assert!((1.3..2.0).contains(&speed.value.base), "{:?}", speed.value);
    assert!(speed.because.contains("fit"), "{}", speed.because);
    assert!(input(&buy("training", "H100 SXM"), "rent.speed").value.base > 2.2);
    assert!(
        input(&buy("prompt", "A100"), "rent.speed")
            .because
            .contains("llama.cpp")
    );
    // Price and speed are of one card: what is cheapest is on PCIe, with less bandwidth than SXM has.
    let decode = buy("decode", "H100");
    assert!(input(&decode, "rent.per_hour").because.contains("PCIe"));
    let speed = input(&decode, "rent.speed").value.base;
    assert!((1.9..2.1).contains(&speed), "{speed}");
}

/// Where a card alone would be sold, a card alone idles; and dollars are said to be without tax.
#[test]
fn keeping_a_card_is_charged_the_idle_power_of_a_card() {
    let (_sim, context) = context();
    let keep = |set: &[(&str, &str)]| {
        let mut request = asked(set);
        request.question = Some(Question::Keep);
        cost(&context, &request).unwrap()
    };
    let card = keep(&[("machine.gpu", "RTX 3090"), ("electricity.country", "US")]);
    assert_eq!(input(&card, "machine.idle_watts").value.base, 15.0);
    let whole = keep(&[
        ("machine.gpu", "RTX 3090"),
        ("electricity.country", "US"),
        ("machine.sells_for", "900"),
    ]);
    assert_eq!(input(&whole, "machine.idle_watts").value.base, 70.0);
    assert!(
        card.conventions.join("\n").contains("without sales tax"),
        "{:?}",
        card.conventions
    );
}
