//! Recipes as uv reads them.

use super::*;
use serde_json::json;
use std::path::PathBuf;

fn distribution(name: &str) -> Distribution {
    Distribution {
        name: name.into(),
        version: "1.0".into(),
        contents: String::new(),
        tags: vec![],
        wheel: None,
        sdist: None,
        kept: None,
        direct: None,
        installer: None,
    }
}

fn wheel(url: &str) -> Wheel {
    Wheel {
        url: url.into(),
        sha256: "aa".into(),
        size: Some(7),
        index: Some("https://index.example/simple".into()),
    }
}

#[test]
fn every_origin_has_its_entry() {
    let cases = [
        (
            Origin::Files {
                wheels: vec![wheel("https://f.example/a.whl")],
                sdist: None,
            },
            json!({ "version": "1.0", "index": "https://index.example/simple", "wheels": [{ "url": "https://f.example/a.whl", "size": 7, "hashes": { "sha256": "aa" } }] }),
        ),
        (
            Origin::Files {
                wheels: vec![],
                sdist: Some(wheel("file:///w/a%20b.tar.gz")),
            },
            json!({ "version": "1.0", "index": "https://index.example/simple", "sdist": { "path": "/w/a b.tar.gz", "size": 7, "hashes": { "sha256": "aa" } } }),
        ),
        (
            Origin::Lying {
                path: PathBuf::from("/s/\"odd\".whl"),
                sha256: Some("bb".into()),
            },
            json!({ "version": "1.0", "wheels": [{ "path": "/s/\"odd\".whl", "hashes": { "sha256": "bb" } }] }),
        ),
        (
            Origin::Direct(json!({ "url": "file:///home/me/p", "dir_info": { "editable": true } })),
            json!({ "directory": { "path": "/home/me/p", "editable": true } }),
        ),
        (
            Origin::Direct(
                json!({ "url": "https://git.example/p", "subdirectory": "s", "vcs_info": { "vcs": "git", "commit_id": "c0", "requested_revision": "main" } }),
            ),
            json!({ "vcs": { "type": "git", "url": "https://git.example/p", "commit-id": "c0", "requested-revision": "main", "subdirectory": "s" } }),
        ),
        (
            Origin::Direct(
                json!({ "url": "https://f.example/a.whl", "archive_info": { "hashes": { "sha256": "cc" } } }),
            ),
            json!({ "archive": { "url": "https://f.example/a.whl", "hashes": { "sha256": "cc" } } }),
        ),
        (
            Origin::Direct(
                json!({ "url": "https://f.example/a.whl", "archive_info": { "hash": "sha256=dd" } }),
            ),
            json!({ "archive": { "url": "https://f.example/a.whl", "hashes": { "sha256": "dd" } } }),
        ),
    ];
    for (origin, expected) in cases {
        let text = recipe(&[distribution("a")], &[origin]).text();
        let table: toml::Table = text
            .parse()
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut found = serde_json::to_value(&table["packages"][0]).unwrap();
        assert_eq!(found["name"], "a");
        found.as_object_mut().unwrap().remove("name");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_can_not_be_had_is_left_out_and_what_is_built_is_noted() {
    let names = ["gone", "kept", "built", "looked-up", "twice", "twice"];
    let distributions: Vec<Distribution> = names.iter().map(|name| distribution(name)).collect();
    let files = Origin::Files {
        wheels: vec![wheel("https://f.example/t.whl")],
        sdist: None,
    };
    let recipe = recipe(
        &distributions,
        &[
            Origin::Gone { others: vec![] },
            Origin::NotKept,
            Origin::Files {
                wheels: vec![],
                sdist: Some(wheel("https://f.example/b.tar.gz")),
            },
            Origin::Version {
                why: "no answer".into(),
            },
            files.clone(),
            files,
        ],
    );
    let text = recipe.text();
    let table: toml::Table = text.parse().unwrap();
    let there: Vec<&str> = table["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(there, ["built", "twice"]);
    let notes = notes(&text).unwrap();
    assert_eq!(notes.versions, ["looked-up==1.0"]);
    assert_eq!(notes.built, ["built"]);
    let empty = Recipe::default().text();
    let table: toml::Table = empty.parse().unwrap();
    assert!(table["packages"].as_array().unwrap().is_empty());
    assert_eq!(
        super::notes("packages = [").unwrap_err().code,
        Code::SnapshotUnavailable
    );
}
