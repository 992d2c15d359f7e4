//! The engine over breakages and scenes made for it.

use super::*;
use crate::{Document, EXIT, OUTPUT};
use deskside_types::Facts;

fn known(text: &str) -> &'static [Breakage] {
    #[derive(serde::Deserialize)]
    struct File {
        breakage: Vec<Breakage>,
    }
    let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    Box::leak(file.breakage.into_boxed_slice())
}

/// A breakage with the least that one has.
fn one(id: &str, proof: &str, rest: &str) -> String {
    format!(
        "[[breakage]]\nid = \"{id}\"\ntitle = \"{id}\"\narea = \"driver\"\nseverity = \"error\"\ncause = \"c\"\nsources = [\"s\"]\nproof = {proof}\n{rest}\n"
    )
}

fn seen(item: &str) -> String {
    format!("{{ seen = \"{item}\", line = 'bad' }}")
}

fn scene() -> Scene {
    let facts: Facts = serde_json::from_str(include_str!("facts.json")).unwrap();
    Scene::new(&facts)
}

fn with(items: &[(&str, Result<&str, &str>)]) -> Scene {
    let mut scene = scene();
    for (item, text) in items {
        let document = match text {
            Ok(text) => Document::text("file", *text),
            Err(reason) => Document::unseen("file", *reason),
        };
        scene.put(item, [document]);
    }
    scene
}

fn asked(mut scene: Scene, output: &str) -> Scene {
    scene.put(OUTPUT, [Document::text("cmd", output)]);
    scene.ask();
    scene
}

fn ids(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis
        .findings
        .iter()
        .map(|one| one.id.as_str())
        .collect()
}

#[test]
fn a_proof_that_holds_is_a_finding_with_its_line_and_one_that_fails_is_none() {
    let known = known(&one("a", &seen("x"), ""));
    let found = diagnose_by(known, &with(&[("x", Ok("good\nthis is bad\n"))]));
    assert_eq!(ids(&found), ["a"]);
    assert_eq!(found.findings[0].confidence, Confidence::Proven);
    assert_eq!(found.findings[0].evidence[0].text, "this is bad");
    assert_eq!(
        ids(&diagnose_by(known, &with(&[("x", Ok("good"))]))),
        Vec::<&str>::new()
    );
    // Not there is a no; not looked at is none.
    let mut absent = scene();
    absent.put("x", None);
    let absent = diagnose_by(known, &absent);
    assert!(absent.findings.is_empty() && absent.not_seen.is_empty());
    let unlooked = diagnose_by(known, &scene());
    assert!(unlooked.findings.is_empty() && !unlooked.not_seen.is_empty());
}

#[test]
fn what_could_not_be_seen_is_possible_only_where_its_symptom_was_met() {
    let known = known(&one("a", &seen("x"), "symptoms = ['it hurts']"));
    let denied = with(&[("x", Err("permission denied"))]);
    assert_eq!(ids(&diagnose_by(known, &denied)), Vec::<&str>::new());
    let found = diagnose_by(known, &asked(denied, "oh\nit hurts\n"));
    assert!(found.findings.is_empty());
    let suspect = &found.unexplained.unwrap().possible[0];
    assert_eq!(
        (suspect.id.as_str(), suspect.not_seen[0].reason.as_str()),
        ("a", "permission denied")
    );
}

#[test]
fn a_known_error_without_a_cause_that_is_there_is_unknown_and_says_what_it_is_not() {
    let known = known(
        &[
            one("a", &seen("x"), "symptoms = ['it hurts']"),
            one(
                "b",
                &seen("y"),
                "symptoms = ['it hurts']\nrules_out = []"
                    .replace("rules_out", "rules-out")
                    .as_str(),
            ),
        ]
        .concat(),
    );
    let healthy = with(&[("x", Ok("good")), ("y", Ok("good"))]);
    let found = diagnose_by(known, &asked(healthy, "it hurts"));
    assert!(found.findings.is_empty());
    let unexplained = found.unexplained.unwrap();
    assert_eq!(unexplained.lines.len(), 1);
    assert_eq!(unexplained.ruled_out.len(), 2);
    assert!(unexplained.ruled_out.iter().all(|out| out.surely));
    let other = diagnose_by(
        known,
        &asked(with(&[("x", Ok("")), ("y", Ok(""))]), "something else"),
    );
    assert!(other.unexplained.is_none() && other.findings.is_empty());
}

#[test]
fn consequences_stand_below_their_root_through_what_lies_between() {
    let known = known(
        &[
            one("root", &seen("x"), "explains = ['between']"),
            one("between", &seen("nowhere"), "explains = ['leaf']"),
            one("leaf", &seen("y"), "symptoms = ['leaf hurts']"),
        ]
        .concat(),
    );
    let both = with(&[("x", Ok("bad")), ("y", Ok("bad"))]);
    let found = diagnose_by(known, &both);
    assert_eq!(ids(&found), ["root"]);
    assert_eq!(found.findings[0].consequences[0].id, "leaf");
    // Asked about the leaf, the root is the answer.
    let found = diagnose_by(known, &asked(both, "leaf hurts"));
    assert!(ids(&found) == ["root"] && found.findings[0].related);
    // Without the root the leaf stands for itself.
    let leaf = with(&[("x", Ok("")), ("y", Ok("bad"))]);
    assert_eq!(ids(&diagnose_by(known, &leaf)), ["leaf"]);
}

#[test]
fn two_that_explain_each_other_are_one_root_and_nobody_is_lost() {
    let known = known(
        &[
            one("a", &seen("x"), "explains = ['b']"),
            one("b", &seen("y"), "explains = ['a']\norder = 1"),
        ]
        .concat(),
    );
    let found = diagnose_by(known, &with(&[("x", Ok("bad")), ("y", Ok("bad"))]));
    assert_eq!(ids(&found), ["b"]);
    assert_eq!(found.findings[0].consequences[0].id, "a");
}

#[test]
fn many_problems_stand_in_the_order_to_mend_them_and_what_was_asked_first() {
    let disk = one("disk", &seen("x"), "").replace("area = \"driver\"", "area = \"system\"");
    let env = one("env", &seen("x"), "symptoms = ['env hurts']")
        .replace("area = \"driver\"", "area = \"environment\"");
    let warning = one("warning", &seen("x"), "order = 1")
        .replace("severity = \"error\"", "severity = \"warning\"");
    let known = known(&[one("driver", &seen("x"), ""), warning, env, disk].concat());
    let bad = || with(&[("x", Ok("bad"))]);
    assert_eq!(
        ids(&diagnose_by(known, &bad())),
        ["disk", "driver", "env", "warning"]
    );
    let found = diagnose_by(known, &asked(bad(), "env hurts"));
    assert_eq!(ids(&found), ["env", "disk", "driver", "warning"]);
    assert!(found.findings[0].related && !found.findings[1].related);
}

#[test]
fn what_rules_out_decides_and_where_it_could_not_be_seen_the_cause_is_only_likely() {
    let rule = "rules-out = [{ when = { seen = 'y', line = 'other' }, why = 'it is the other' }]";
    let known = known(&one("a", &seen("x"), rule));
    let of = |y: Result<&str, &str>| diagnose_by(known, &with(&[("x", Ok("bad")), ("y", y)]));
    assert_eq!(of(Ok("")).findings[0].confidence, Confidence::Proven);
    assert!(of(Ok("other")).findings.is_empty());
    let doubtful = of(Err("permission denied"));
    assert_eq!(doubtful.findings[0].confidence, Confidence::Likely);
    assert_eq!(doubtful.findings[0].not_seen.len(), 1);
}

#[test]
fn something_broken_without_a_cause_gives_way_to_any_cause_in_its_layer() {
    let known = known(
        &[
            one("silent", &seen("x"), "certainty = 'cause-unknown'"),
            one("cause", &seen("y"), ""),
        ]
        .concat(),
    );
    let alone = diagnose_by(known, &with(&[("x", Ok("bad")), ("y", Ok(""))]));
    assert_eq!(ids(&alone), ["silent"]);
    assert_eq!(alone.findings[0].confidence, Confidence::CauseUnknown);
    let both = diagnose_by(known, &with(&[("x", Ok("bad")), ("y", Ok("bad"))]));
    assert_eq!(ids(&both), ["cause"]);
    assert_eq!(both.findings[0].consequences[0].id, "silent");
}

#[test]
fn values_fill_texts_and_the_first_way_that_is_right_is_offered() {
    let rest = r#"
values = { pid = { seen = "x", line = 'bad (\d+)' }, missing = { seen = "x", line = 'never (\d+)' } }
fix = [
  { title = "first", when = { seen = "exit", line = 'signal=9' }, by-hand = "w" },
  { title = "second {{missing}}", auto = true, step = [{ id = "s", title = "t", why = "w", actions = [{ kind = "remove", path = "{{missing}}" }] }] },
  { title = "third {{pid}}", auto = true, step = [{ id = "s", title = "end {{pid}}", why = "w", actions = [{ kind = "signal", pid = "{{#pid}}", start_time = 1, signal = 15 }] }] },
]
"#;
    let text = one("a", &seen("x"), rest).replace(
        "title = \"a\"",
        "title = \"process {{pid}} for {{missing|nothing}}\"",
    );
    let known = known(&text);
    let bad = || with(&[("x", Ok("bad 12"))]);
    let found = diagnose_by(known, &bad());
    assert_eq!(found.findings[0].title, "process 12 for nothing");
    let fix = found.findings[0].fix.clone().unwrap();
    // A recipe that lacks a value is passed over: nothing is guessed.
    assert_eq!(fix.title, "third 12");
    assert!(fix.by_itself);
    assert_eq!(fix.steps[0].title, "end 12");
    let mut killed = bad();
    killed.put(EXIT, [Document::text("cmd", "code=137 signal=9")]);
    let fix = diagnose_by(known, &killed).findings[0].fix.clone().unwrap();
    assert!(fix.title == "first" && !fix.by_itself);
}

#[test]
fn a_finding_is_milder_and_less_sure_where_it_says_so() {
    let rest = "milder = [{ when = { is = \"nvidia-gpu-answers\" }, severity = \"notice\" }, { when = { not = { is = \"asked\" } }, severity = \"warning\" }]\nlikely-when = { seen = \"y\", line = 'doubt' }\n[[breakage.fix]]\ntitle = \"t\"\nauto = true\n[[breakage.fix.step]]\nid = \"s\"\ntitle = \"s\"\nwhy = \"w\"\nactions = [{ kind = \"reboot\" }]\n";
    let known = known(&one("a", &seen("x"), rest));
    let look = |scene: Scene| {
        let found = diagnose_by(known, &scene).findings.remove(0);
        let by_itself = found.fix.is_some_and(|fix| fix.by_itself);
        (found.severity, found.confidence, by_itself)
    };
    let sure = [("x", Ok("bad")), ("y", Ok(""))];
    let (warning, proven) = (Severity::Warning, Confidence::Proven);
    assert_eq!(look(with(&sure)), (warning, proven, true));
    assert_eq!(
        look(asked(with(&sure), "it hurts")),
        (Severity::Error, proven, true)
    );
    // What would make it doubtful holds, or could not be seen.
    for y in [Ok("doubt"), Err("permission denied")] {
        let doubtful = with(&[("x", Ok("bad")), ("y", y)]);
        assert_eq!(look(doubtful), (warning, Confidence::Likely, false));
    }
}

#[test]
fn what_was_said_before_the_error_that_ended_the_program_is_likely_at_the_most() {
    let traced = |error: &str| {
        format!("Traceback (most recent call last):\n  File \"a.py\", line 1\n{error}\n")
    };
    let known = known(&format!(
        "{}{}{}",
        one(
            "text",
            "{ seen = \"output\", line = 'it hurts' }",
            "symptoms = ['it hurts']"
        ),
        one(
            "fact",
            &seen("x"),
            "symptoms = ['it hurts']\n[[breakage.fix]]\ntitle = \"t\"\nauto = true\ncommands = [\"c\"]"
        ),
        one(
            "cause",
            &seen("y"),
            "explains = [\"late\"]\nsymptoms = ['it hurts']"
        ) + &one("late", &seen("z"), "symptoms = ['too late']"),
    ));
    let scene = || with(&[("x", Ok("bad")), ("y", Ok("bad")), ("z", Ok("bad"))]);
    let sure = |output: &str| {
        let found = diagnose_by(known, &asked(scene(), output));
        found
            .findings
            .iter()
            .map(|one| {
                (
                    one.id.clone(),
                    one.confidence == Confidence::Proven && one.accounts(),
                )
            })
            .collect::<Vec<_>>()
    };
    let owned = |list: &[(&str, bool)]| {
        list.iter()
            .map(|(id, sure)| ((*id).to_string(), *sure))
            .collect::<Vec<_>>()
    };
    // A remark, and then another error: what explains that one stands first, the rest is likely.
    assert_eq!(
        sure(&format!("it hurts\n{}", traced("RuntimeError: too late"))),
        owned(&[("cause", true), ("fact", false), ("text", false)])
    );
    let found = diagnose_by(
        known,
        &asked(
            scene(),
            &format!("it hurts\n{}", traced("RuntimeError: too late")),
        ),
    );
    let fact = &found.findings[1];
    assert!(
        fact.aside
            .as_ref()
            .unwrap()
            .ends_with("RuntimeError: too late")
    );
    assert!(!fact.fix.as_ref().unwrap().by_itself);
    // The error itself, with or without a traceback; and a text that has no error at its end.
    for output in [
        traced("RuntimeError: it hurts"),
        "warning\nRuntimeError: it hurts\n".into(),
        "it hurts\nmake: *** stopped\n".into(),
        format!("it hurts\n{}", traced("subprocess.CalledProcessError: x")),
    ] {
        assert!(sure(&output).iter().all(|(_, sure)| *sure), "{output}");
    }
    // How the command ended is no remark.
    let known = self::known(&one(
        "exit",
        "{ seen = \"exit\", line = 'signal=7' }",
        "symptoms = ['it hurts']",
    ));
    let mut scene = asked(scene(), &format!("it hurts\n{}", traced("RuntimeError: x")));
    scene.put(EXIT, [Document::text("cmd", "code=135 signal=7")]);
    assert_eq!(
        diagnose_by(known, &scene).findings[0].confidence,
        Confidence::Proven
    );
}

#[test]
fn a_proof_that_leaves_other_causes_here_is_likely() {
    let known = known(&one(
        "a",
        &seen("x"),
        "likely-when = { seen = \"y\", line = 'bad' }",
    ));
    let sure = |y: Result<&str, &str>| {
        diagnose_by(known, &with(&[("x", Ok("bad")), ("y", y)])).findings[0].confidence
    };
    assert_eq!(sure(Ok("good")), Confidence::Proven);
    assert_eq!(sure(Ok("bad")), Confidence::Likely);
    assert_eq!(sure(Err("denied")), Confidence::Likely);
}

#[test]
fn no_title_speaks_of_what_was_not_seen() {
    let nothing = Value::Object(serde_json::Map::new());
    let wrong: Vec<String> = breakages()
        .iter()
        .map(|one| filled(&one.title, &Default::default(), &nothing))
        .filter(|title| title.contains("(not seen)"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_there_and_has_no_part_in_it_stands_beside() {
    let known = known(&one(
        "a",
        &seen("x"),
        "symptoms = ['it hurts']\nbeside-when = { seen = \"y\", line = 'elsewhere' }",
    ));
    let related = |y: &str| {
        let scene = asked(with(&[("x", Ok("bad")), ("y", Ok(y))]), "it hurts");
        let found = diagnose_by(known, &scene);
        (found.findings[0].related, found.unexplained.is_some())
    };
    assert_eq!(related("here"), (true, false));
    assert_eq!(related("elsewhere"), (false, true));
}

#[test]
fn an_unknown_error_behind_a_known_remark_is_not_a_known_one() {
    let known = known(&one("a", &seen("x"), "symptoms = ['it hurts']"));
    let unexplained = |output: &str| {
        diagnose_by(known, &asked(with(&[("x", Ok("good"))]), output))
            .unexplained
            .is_some()
    };
    assert!(unexplained("it hurts"));
    assert!(!unexplained("it hurts\nRuntimeError: another"));
}
