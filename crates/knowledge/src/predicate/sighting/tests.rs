//! Conditions on evidence, one row each.

use crate::predicate::{Predicate, Truth};
use serde_json::{Value, json};

fn root() -> Value {
    json!({
        "system": { "kernel": "6.8.0-87-generic" },
        "memory": { "free": 100, "lost": { "unknown": "denied" } },
        "values": { "pid": "42" },
        "evidence": {
            "log": [
                { "source": "dmesg", "text": "[1.0] Xid 31 pid=1\n[2.0] driver loaded\n[3.0] Xid 79 pid=42\n[4.0] Xid 79 pid=42\nfree=7\n" },
                { "source": "/var/log/x", "text": "built for 6.8.0-87-generic\n" },
            ],
            "denied": [{ "source": "dmesg", "unknown": "permission denied" }],
            "half": [{ "source": "a", "unknown": "permission denied" }, { "source": "b", "text": "good" }],
            "none": [],
        }
    })
}

fn judged(text: &str) -> Truth {
    let table: Value = toml::from_str(&format!("p = {text}")).unwrap();
    let predicate =
        Predicate::from_value(&table["p"]).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (truth, _) = predicate.trace(&root());
    assert_eq!(truth, predicate.evaluate(&root()), "{text}");
    truth
}

#[test]
fn lines_are_found_counted_and_compared() {
    for (text, holds) in [
        ("{ seen = 'log', line = 'Xid 79' }", true),
        ("{ seen = 'log', line = 'Xid 80' }", false),
        ("{ seen = 'log', line = '^Xid' }", false),
        ("{ seen = 'log', line = 'Xid (\\d+)', count = 3 }", true),
        ("{ seen = 'log', line = 'Xid (\\d+)', count = 4 }", false),
        ("{ seen = 'log', line = 'Xid (\\d+)', distinct = 2 }", true),
        ("{ seen = 'log', line = 'Xid (\\d+)', distinct = 3 }", false),
        (
            "{ seen = 'log', line = 'Xid', after = 'driver loaded', count = 2 }",
            true,
        ),
        (
            "{ seen = 'log', line = 'Xid 31', after = 'driver loaded' }",
            false,
        ),
        (
            "{ seen = 'log', line = 'Xid (\\d+)', last = true, '=' = '79' }",
            true,
        ),
        (
            "{ seen = 'log', line = 'Xid (\\d+)', last = true, '=' = '31' }",
            false,
        ),
        ("{ seen = 'log', line = 'free=(\\d+)', '<' = 8 }", true),
        ("{ seen = 'log', line = 'free=(\\d+)', '>=' = 8 }", false),
        (
            "{ seen = 'log', line = 'free=(\\d+)', '<' = '$memory.free' }",
            true,
        ),
        ("{ seen = 'log', line = 'pid={{pid}}$' }", true),
        ("{ seen = 'log', line = 'pid={{other}}$' }", false),
        (
            "{ seen = 'log', line = 'built for {{system.kernel}}$' }",
            true,
        ),
        ("{ seen = 'log', line = 'built', source = '^/var' }", true),
        (
            "{ seen = 'log', line = 'built', source = '^dmesg$' }",
            false,
        ),
        ("{ seen = 'log', line = 'pid=(\\d+)', '=' = '$pid' }", true),
        ("{ seen = 'log', text = '(?s)Xid 31.*Xid 79' }", true),
        ("{ seen = 'log', exists = true }", true),
        ("{ seen = 'none', exists = false }", true),
        ("{ seen = 'none', line = 'x' }", false),
        ("{ seen = 'half', line = 'good' }", true),
        ("{ seen = 'denied', unseen = 'permission' }", true),
        ("{ seen = 'log', unseen = 'permission' }", false),
    ] {
        assert_eq!(
            judged(text),
            if holds { Truth::True } else { Truth::False },
            "{text}"
        );
    }
}

#[test]
fn what_could_not_be_seen_is_unknown_and_says_why() {
    for (text, why) in [
        ("{ seen = 'denied', line = 'x' }", "permission denied"),
        ("{ seen = 'half', line = 'bad' }", "permission denied"),
        ("{ seen = 'denied', exists = true }", "permission denied"),
        ("{ seen = 'never', line = 'x' }", "it was not looked at"),
        (
            "{ seen = 'log', line = 'free=(\\d+)', '<' = '$memory.lost' }",
            "denied",
        ),
        ("{ seen = 'log', line = 'at {{memory.lost}}' }", "denied"),
    ] {
        match judged(text) {
            Truth::Unknown(unseen) => assert_eq!(unseen[0].reason, why, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_can_not_be_understood_is_said() {
    for (text, why) in [
        ("{ seen = 'log' }", "exactly one of"),
        ("{ seen = 'log', line = '(' }", "no pattern"),
        ("{ seen = 'log', line = 'x', text = 'y' }", "exactly one of"),
        ("{ seen = 'log', line = 'x', count = 0 }", "from 1"),
        ("{ seen = 'log', line = 'x', lines = 3 }", "no operator"),
        ("{ seen = 3, line = 'x' }", "names an item"),
        ("{ fact = 'a.b', '=' = '$..' }", "no path"),
        ("{ seen = 'log', line = 'x', say = 3 }", "`say` is a text"),
    ] {
        let table: Value = toml::from_str(&format!("p = {text}")).unwrap();
        let error = Predicate::from_value(&table["p"]).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn what_is_said_names_value_line_and_source() {
    let table: Value = toml::from_str(
        "p = { seen = 'log', line = 'free=(\\d+)', say = '{value} free by {source} ({line})' }",
    )
    .unwrap();
    let (_, lines) = Predicate::from_value(&table["p"]).unwrap().trace(&root());
    assert_eq!(lines[0].text, "7 free by dmesg (free=7)");
}

#[test]
fn words_are_said_only_of_what_holds() {
    let table: Value =
        toml::from_str("p = { fact = 'system.kernel', '=' = 'x', say = 'the kernel is x' }")
            .unwrap();
    let (truth, lines) = Predicate::from_value(&table["p"]).unwrap().trace(&root());
    assert!(truth.fails());
    assert_eq!(lines[0].text, "6.8.0-87-generic");
}
