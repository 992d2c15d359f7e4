//! Refreshing whole, on a simulated network: taken, shown, kept, taken back; refused whole; one's own price wins.

use super::read::tests::{CSV, zipped};
use super::{OwnOffer, RefreshRequest, add, list, refresh, undo};
use crate::Context;
use crate::cost::{CostRequest, Question, cost};
use deskside_testkit::Sim;
use deskside_types::Code;

const BASE: &str = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3";
const JSON: &str =
    "https://raw.githubusercontent.com/tardellirs/gpu-pricing/main/src/data/offerings.json";

fn context() -> (Sim, Context) {
    let sim = Sim::linux();
    sim.change(|state| state.wall = "2026-11-26T00:00:00Z".parse().unwrap());
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

fn rented(context: &Context) -> f64 {
    let request = CostRequest {
        question: Some(Question::Buy),
        set: vec![
            ("machine.gpu".into(), "RTX 4090".into()),
            ("electricity.country".into(), "US".into()),
        ],
        ..CostRequest::default()
    };
    let report = cost(context, &request).unwrap();
    report
        .inputs
        .iter()
        .find(|input| input.key == "rent.per_hour")
        .unwrap()
        .value
        .base
}

#[test]
fn a_refresh_is_taken_shown_counted_with_and_taken_back() {
    let (sim, context) = context();
    assert_eq!(rented(&context), 0.69);
    sim.serve(format!("{BASE}/runpod/version"), "text/plain", "20261125-7")
        .serve(format!("{BASE}/runpod/latest/catalog.zip"), "application/zip", zipped("runpod.csv", CSV))
        .serve(JSON, "application/json", r#"[{"provider_id":"lambda","gpu_model":"A10","vram_gb":24,"tier":"on-demand","price_usd_hour":1.2,"collected_at":"2026-11-01"},{"provider_id":"lambda","gpu_model":"H100 SXM","vram_gb":80,"tier":"on-demand","price_usd_hour":99,"collected_at":"2026-11-01"},{"provider_id":"lambda","gpu_model":"GH200","vram_gb":96,"tier":"on-demand","price_usd_hour":2.5,"collected_at":"2026-11-01"}]"#);
    let planned = refresh(
        &context,
        &RefreshRequest {
            plan: true,
            ..RefreshRequest::default()
        },
    )
    .unwrap();
    assert!(!planned.kept && rented(&context) == 0.69);
    let report = refresh(&context, &RefreshRequest::default()).unwrap();
    assert!(report.kept);
    let of = |provider: &str| {
        report
            .sources
            .iter()
            .find(|one| one.provider == provider && one.taken > 0)
            .unwrap()
    };
    assert_eq!(
        (of("runpod").taken, of("runpod").as_of.as_deref()),
        (3, Some("2026-11-25"))
    );
    assert_eq!(
        (of("lambda").catalogue.as_str(), of("lambda").refused),
        ("gpu-pricing", 1)
    );
    assert!(
        report
            .sources
            .iter()
            .any(|one| one.provider == "verda" && one.trouble.is_some())
    );
    assert!(report.refused[0].because.contains("outside"));
    assert!(
        report
            .changes
            .iter()
            .any(|one| one.what == "price" && one.provider == "lambda" && one.to == Some(2.5))
    );
    assert!(
        report
            .changes
            .iter()
            .any(|one| one.what == "gone" && one.provider == "runpod")
    );
    assert_eq!(rented(&context), 0.7);
    let listed = list(&context, Some("RTX 4090"), Some("runpod")).unwrap();
    assert!(
        listed
            .offers
            .iter()
            .all(|one| one.from == "gpuhunt" && one.age_days == 1)
    );
    // Others are as they were.
    assert!(
        list(&context, None, Some("modal"))
            .unwrap()
            .offers
            .iter()
            .all(|one| one.from == "built-in")
    );
    let back = undo(&context).unwrap();
    assert!(
        back.changes
            .iter()
            .any(|one| one.what == "new" && one.provider == "runpod")
    );
    assert_eq!(rented(&context), 0.69);
    undo(&context).unwrap();
    assert_eq!(rented(&context), 0.7);
}

#[test]
fn what_can_not_be_read_leaves_everything_as_it_was() {
    let (sim, context) = context();
    assert_eq!(undo(&context).unwrap_err().code, Code::OffersRefused);
    let problem = refresh(&context, &RefreshRequest::default()).unwrap_err();
    assert_eq!(problem.code, Code::OffersRefused);
    assert!(!problem.causes.is_empty() && !problem.hints.is_empty());
    sim.set_network(false);
    assert_eq!(
        refresh(&context, &RefreshRequest::default())
            .unwrap_err()
            .code,
        Code::OffersRefused
    );
    sim.set_network(true);
    sim.serve(format!("{BASE}/runpod/version"), "text/plain", "20261125-7")
        .serve(
            format!("{BASE}/runpod/latest/catalog.zip"),
            "application/zip",
            "not a zip",
        );
    assert_eq!(
        refresh(&context, &RefreshRequest::default())
            .unwrap_err()
            .code,
        Code::OffersRefused
    );
    for (from, url) in [(Some("gpuhnt"), None), (None, Some("http://127.0.0.1:1"))] {
        let request = RefreshRequest {
            from: from.map(Into::into),
            url: url.map(Into::into),
            plan: false,
        };
        assert_eq!(
            refresh(&context, &request).unwrap_err().code,
            Code::OffersRefused
        );
    }
    // A damaged file is said, and the built-in offers serve.
    sim.put_file(
        context.directories.data.join("offers/current.tsv"),
        "RTX 4090\t24\n",
    );
    let listed = list(&context, None, None).unwrap();
    assert_eq!(listed.warnings.len(), 1);
    assert_eq!(rented(&context), 0.69);
}

#[test]
fn a_price_of_ones_own_wins_and_odd_ones_are_refused() {
    let (sim, context) = context();
    let own = |price: f64, currency: &str| OwnOffer {
        provider: "a friend".into(),
        accelerator: "RTX 4090".into(),
        memory_gb: 0.0,
        tier: "on-demand".into(),
        per_hour: price,
        currency: currency.into(),
        as_of: String::new(),
    };
    for (price, currency) in [(0.0, "USD"), (-1.0, "USD"), (f64::NAN, "USD"), (0.5, "XYZ")] {
        assert_eq!(
            add(&context, own(price, currency)).unwrap_err().code,
            Code::OffersRefused
        );
    }
    let done = add(&context, own(0.5, "USD")).unwrap();
    assert!(done.file.ends_with("offers.toml"));
    assert_eq!(rented(&context), 0.5);
    add(&context, own(0.4, "EUR")).unwrap();
    let listed = list(&context, Some("4090"), None).unwrap();
    assert_eq!(
        listed.offers.iter().filter(|one| one.from == "own").count(),
        1
    );
    assert!(rented(&context) < 0.5);
    assert!(list(&context, Some("Voodoo 2"), None).is_err());
    sim.put_file(
        context.directories.config.join("offers.toml"),
        "[[offer]]\nprize = 3\n",
    );
    assert_eq!(
        add(&context, own(0.5, "USD")).unwrap_err().code,
        Code::OffersRefused
    );
    assert_eq!(rented(&context), 0.69);
}

/// "Counts from now on" is true of the second price, too, be it the dearer one; what stands beside it in the file stays.
#[test]
fn a_second_price_of_the_same_replaces_the_first() {
    let (sim, context) = context();
    let own = |provider: &str, price: f64| OwnOffer {
        provider: provider.into(),
        accelerator: "RTX 4090".into(),
        memory_gb: 24.0,
        tier: "on-demand".into(),
        per_hour: price,
        currency: "USD".into(),
        as_of: String::new(),
    };
    let file = context.directories.config.join("offers.toml");
    sim.put_file(&file, "# mine\n[[offer]] # of May\nprovider = \"a friend\"\naccelerator = \"RTX 3090\"\nmemory_gb = 24\nper_hour = 0.1\nas_of = \"2026-05-01\"\n");
    add(&context, own("uni", 0.25)).unwrap();
    let done = add(&context, own("uni", 0.40)).unwrap();
    assert!(
        done.done.contains("0.400") && done.done.contains("instead of 0.250"),
        "{}",
        done.done
    );
    assert_eq!(done.changes[0].from, Some(0.25));
    assert_eq!(rented(&context), 0.40);
    add(&context, own("another", 0.30)).unwrap();
    assert_eq!(rented(&context), 0.30);
    let text = String::from_utf8(
        deskside_machine::Reading::file(&*context.machine, &file, 1 << 16).unwrap(),
    )
    .unwrap();
    assert!(
        text.starts_with("# mine\n") && text.contains("RTX 3090") && text.contains("# of May"),
        "{text}"
    );
    assert_eq!(text.matches("[[offer]]").count(), 3, "{text}");
    // By hand, or by an earlier version: of two the newest day counts, wherever it stands.
    sim.put_file(&file, "[[offer]]\nprovider = \"uni\"\naccelerator = \"RTX 4090\"\nmemory_gb = 24\nper_hour = 0.5\nas_of = \"2026-11-01\"\n[[offer]]\nprovider = \"uni\"\naccelerator = \"RTX 4090\"\nmemory_gb = 24\nper_hour = 0.2\nas_of = \"2026-01-01\"\n");
    assert_eq!(rented(&context), 0.5);
    let late = OwnOffer {
        as_of: "2027-05-01".into(),
        ..own("uni", 0.3)
    };
    assert_eq!(add(&context, late).unwrap_err().code, Code::OffersRefused);
}
