//! What it costs: the answer in text and JSON, scenarios written out and read back, what runs took, what is refused.

use crate::person::Person;

#[test]
fn cost_answers_three_questions_and_refuses() {
    let person = Person::new();
    let said = person.says(&["cost", "buy", "--gpu", "RTX 4090", "--tariff", "0.30"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    for word in [
        "owning",
        "renting",
        "busy hours",
        "turns at",
        "assumed",
        "730 hours",
        "offers",
    ] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    assert!(said.talk.contains("old"), "{}", said.talk);
    let said = person.says(&[
        "--json",
        "cost",
        "keep",
        "--gpu",
        "RTX 3090",
        "--sells-for",
        "700..1000",
    ]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["schema"], "deskside.cost");
    assert_eq!(report["question"], "keep");
    assert_eq!(report["flips"].as_array().unwrap().len(), 2);
    let said = person.says(&["cost", "job", "--gpu", "RTX 3090", "--job-hours", "12"]);
    assert!(said.out.contains("what it adds here"), "{}", said.out);
    for (arguments, word) in [
        (&["cost", "buy"][..], "machine.gpu"),
        (
            &["cost", "buy", "--gpu", "RTX 4090", "--price", "0"],
            "machine.price",
        ),
        (
            &["cost", "buy", "--gpu", "RTX 4090", "--price", "-3"],
            "machine.price",
        ),
        (
            &["cost", "buy", "--gpu", "RTX 4090", "--rent", "NaN"],
            "rent.per_hour",
        ),
        (
            &["cost", "buy", "--gpu", "RTX 4090", "--tariff", "cheap"],
            "electricity.per_kwh",
        ),
        (&["cost", "job", "--gpu", "RTX 4090"], "job.hours"),
        (&["cost", "--since", "tomorrow"], "--since"),
        (&["cost", "buy", "--since", "3d"], "--since"),
    ] {
        let said = person.says(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.talk);
        assert!(said.talk.contains(word), "{arguments:?}: {}", said.talk);
    }
    assert_eq!(person.says(&["cost", "--scenario", "nowhere.toml"]).code, 1);
}

#[test]
fn a_scenario_is_kept_and_run_again() {
    let person = Person::new();
    let said = person.says(&[
        "cost",
        "buy",
        "--gpu",
        "RTX 5090",
        "--country",
        "us-ca",
        "--emit",
        "toml",
    ]);
    assert_eq!(said.code, 0, "{}", said.talk);
    let path = person.write("mine.toml", &said.out);
    let path = path.to_str().unwrap();
    let first = person.says(&[
        "--json",
        "cost",
        "buy",
        "--gpu",
        "RTX 5090",
        "--country",
        "us-ca",
    ]);
    let again = person.says(&["--json", "cost", "--scenario", path]);
    let value =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["cases"].clone();
    assert_eq!(value(&first.out), value(&again.out));
    person.write("odd.toml", "[electricity]\ntarif = 1\n");
    let said = person.says(&["cost", "buy", "--scenario", "odd.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.talk.contains("electricity.per_kwh"), "{}", said.talk);
}

#[test]
fn runs_say_what_they_took() {
    let person = Person::new();
    assert_eq!(person.says(&["run", "--", "sleep", "0.2"]).code, 0);
    let said = person.says(&["show", "latest"]);
    assert!(said.out.contains("Wh (estimated)"), "{}", said.out);
    let said = person.says(&["--json", "cost", "--since", "1d"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["schema"], "deskside.cost-since");
    assert_eq!(report["runs"].as_array().unwrap().len(), 1);
    assert!(report["watt_hours"]["base"].as_f64().unwrap() > 0.0);
}
