use super::*;
use serde_json::json;

fn facts() -> Value {
    json!({
        "system": { "os": { "id": "ubuntu", "version": "22.04" }, "wsl": null, "secure_boot": { "unknown": "permission denied" } },
        "memory": { "total_bytes": 64_000_000_000_u64 },
        "gpus": [
            { "vendor": "nvidia", "compute_capability": "6.1", "name": "NVIDIA GeForce GTX 1080 Ti" },
            { "vendor": "nvidia", "compute_capability": "8.9", "name": { "unknown": "GPU is lost" } },
        ],
        "drivers": { "nvidia": { "user_space": "570.133.20" } },
        "none": [],
        "hidden": { "unknown": "not asked" },
    })
}

fn truth(text: &str) -> Truth {
    let table: toml::Table = toml::from_str(text).unwrap();
    Predicate::from_value(&serde_json::to_value(table).unwrap())
        .unwrap()
        .evaluate(&facts())
}

#[test]
fn each_operator_holds_fails_or_is_unknown() {
    let unknown = |fact: &str, reason: &str| {
        Truth::Unknown(vec![Unseen {
            fact: fact.into(),
            reason: reason.into(),
        }])
    };
    for (text, outcome) in [
        (
            r#"fact = "system.os.id"
"=" = "ubuntu""#,
            Truth::True,
        ),
        (
            r#"fact = "system.os.id"
in = ["debian", "pop"]"#,
            Truth::False,
        ),
        (
            r#"fact = "system.wsl"
exists = true"#,
            Truth::False,
        ),
        (
            r#"fact = "system.wsl"
exists = false"#,
            Truth::True,
        ),
        (
            r#"fact = "system.wsl"
"=" = 2"#,
            Truth::False,
        ),
        (
            r#"fact = "no.such.fact"
exists = true"#,
            Truth::False,
        ),
        (
            r#"fact = "system.secure_boot"
"=" = "on""#,
            unknown("system.secure_boot", "permission denied"),
        ),
        (
            r#"fact = "system.secure_boot"
exists = false"#,
            unknown("system.secure_boot", "permission denied"),
        ),
        (
            r#"fact = "memory.total_bytes"
">=" = 32_000_000_000"#,
            Truth::True,
        ),
        (
            r#"fact = "memory.total_bytes"
"<" = 32_000_000_000"#,
            Truth::False,
        ),
        (
            r#"fact = "memory.total_bytes"
"<" = "text""#,
            Truth::False,
        ),
        (
            r#"fact = "drivers.nvidia.user_space"
version_in = ">=535,<580""#,
            Truth::True,
        ),
        (
            r#"fact = "gpus[*].compute_capability"
"<" = "7.5""#,
            Truth::True,
        ),
        (
            r#"fact = "gpus[1].compute_capability"
"<" = "7.5""#,
            Truth::False,
        ),
        (
            r#"fact = "gpus[7].compute_capability"
exists = true"#,
            Truth::False,
        ),
        (
            r#"fact = "gpus[*].name"
matches = "GTX 10[5-8]0""#,
            Truth::True,
        ),
        (
            r#"fact = "gpus[*].name"
unseen = "lost""#,
            Truth::True,
        ),
        (
            r#"fact = "gpus[*].name"
unseen = "denied""#,
            Truth::False,
        ),
        (
            r#"fact = "system.os.id"
unseen = ".""#,
            Truth::False,
        ),
        (
            r#"fact = "gpus[*].name"
matches = "RTX""#,
            unknown("gpus[1].name", "GPU is lost"),
        ),
        (
            r#"fact = "none[*].x"
exists = true"#,
            Truth::False,
        ),
        (
            r#"fact = "none[*].x"
exists = false"#,
            Truth::True,
        ),
        (
            r#"fact = "hidden[*].x"
exists = true"#,
            unknown("hidden", "not asked"),
        ),
        (
            r#"fact = "gpus[*]"
where = { all = [{ fact = "vendor", "=" = "nvidia" }, { fact = "compute_capability", ">=" = "9.0" }] }"#,
            Truth::False,
        ),
        (
            r#"fact = "gpus[*]"
where = { all = [{ fact = "name", matches = "4090" }, { fact = "compute_capability", "=" = "8.9" }] }"#,
            unknown("gpus[1].name", "GPU is lost"),
        ),
        (
            r#"fact = "drivers.nvidia.user_space"
">=" = "535"
"<" = "570""#,
            Truth::False,
        ),
    ] {
        assert_eq!(truth(text), outcome, "{text}");
    }
}

#[test]
fn unknown_parts_matter_only_when_nothing_else_decides() {
    let (yes, no, unseen) = (
        r#"{fact="system.os.id", exists=true}"#,
        r#"{fact="system.wsl", exists=true}"#,
        r#"{fact="hidden", exists=true}"#,
    );
    let list = |word: &str, parts: &[&str]| format!("{word} = [{}]", parts.join(","));
    for (text, holds, fails) in [
        (list("all", &[]), true, false),
        (list("any", &[]), false, true),
        (list("all", &[yes, unseen]), false, false),
        (list("all", &[unseen, no]), false, true),
        (list("any", &[unseen, yes]), true, false),
        (list("any", &[no, unseen]), false, false),
        (format!("not = {no}"), true, false),
        (format!("not = {unseen}"), false, false),
    ] {
        let outcome = truth(&text);
        assert_eq!((outcome.holds(), outcome.fails()), (holds, fails), "{text}");
    }
}

#[test]
fn what_was_looked_at_can_be_shown() {
    let text = r#"{"all":[{"fact":"gpus[*]","where":{"fact":"name","matches":"x"}},{"not":{"fact":"system.wsl","exists":true}}]}"#;
    let predicate: Predicate = serde_json::from_str(text).unwrap();
    assert_eq!(predicate.facts(), ["gpus[*]", "gpus[*].name", "system.wsl"]);
    let lines: Vec<String> = predicate
        .observations(&facts())
        .into_iter()
        .map(|one| format!("{} = {}", one.fact, one.value))
        .collect();
    assert_eq!(
        lines,
        [
            "gpus[0].name = NVIDIA GeForce GTX 1080 Ti",
            "gpus[1].name = unknown: GPU is lost",
            "system.wsl = absent"
        ]
    );
}

#[test]
fn what_cannot_be_understood_is_said() {
    let mut deep = json!({ "fact": "x", "exists": true });
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    for (value, words) in [
        (json!([]), "a predicate is a table"),
        (json!({}), "exactly one of"),
        (json!({ "all": [], "any": [] }), "exactly one of"),
        (json!({ "al": [] }), "`al` is no predicate"),
        (json!({ "all": {} }), "take a list"),
        (json!({ "fact": "a" }), "no operator"),
        (
            json!({ "fact": "a", "equals": 1 }),
            "`equals` is no operator",
        ),
        (
            json!({ "fact": "a", "exists": "yes" }),
            "`exists` can't take",
        ),
        (json!({ "fact": "a..b", "exists": true }), "is no path"),
        (json!({ "fact": "a[", "exists": true }), "is no path"),
        (json!({ "fact": "a[x]", "exists": true }), "is no path"),
        (json!({ "fact": 7, "exists": true }), "is no path"),
        (json!({ "fact": "a", "matches": "(" }), "is no pattern"),
        (
            json!({ "fact": "a", "version_in": "580" }),
            "is no version range",
        ),
        (deep, "16 deep"),
    ] {
        let error = Predicate::from_value(&value).unwrap_err().to_string();
        assert!(error.contains(words), "{value}: {error}");
    }
}
