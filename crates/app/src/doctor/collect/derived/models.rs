//! Files of models that a failed program named: whether they are whole, by their own headers.
//!
//! safetensors: 8 bytes with the length of the header, the header as JSON with each tensor's `data_offsets`, the data; the
//! file ends where the last tensor does.

use super::super::{Places, paths};
use deskside_doctor::{Document, OUTPUT, Scene};
use deskside_machine::{Machine, Reading};
use serde_json::Value;

/// Files that are looked at.
const MOST: usize = 60;
/// The longest header that is read.
const HEADER: u64 = 16 << 20;

/// `path size=… expected=… complete=yes|no pointer=yes|no` for each file, asked only where the output speaks of such files.
pub(super) fn files(machine: &dyn Machine, places: &Places, scene: &Scene) -> Option<Document> {
    let output: Vec<String> = scene
        .documents(OUTPUT)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .collect();
    let speaks = [
        "safetensors",
        "SafetensorError",
        "HeaderTooLarge",
        "header too large",
        "MetadataIncompleteBuffer",
    ];
    if !output
        .iter()
        .any(|text| speaks.iter().any(|word| text.contains(word)))
    {
        return None;
    }
    let mut found: Vec<String> = output.iter().flat_map(|text| named(text)).collect();
    let here = machine
        .working_directory()
        .map(|here| here.display().to_string())
        .unwrap_or_default();
    for name in &mut found {
        if !name.starts_with('/') {
            *name = format!("{here}/{name}");
        }
    }
    let mut patterns = vec![
        format!("{here}/*.safetensors"),
        format!("{here}/*/*.safetensors"),
    ];
    patterns.extend(
        places
            .project
            .as_ref()
            .map(|project| format!("{project}/*.safetensors")),
    );
    patterns.extend(
        places.home.as_ref().map(|home| {
            format!("{home}/.cache/huggingface/hub/models--*/snapshots/*/*.safetensors")
        }),
    );
    for pattern in patterns {
        found.extend(paths::expand(machine, &pattern).unwrap_or_default());
    }
    let mut lines: Vec<String> = Vec::new();
    for path in found {
        if lines.len() >= MOST {
            break;
        }
        if let Some(line) = judged(machine, &path)
            && !lines.contains(&line)
        {
            lines.push(line);
        }
    }
    Some(Document::text("headers of model files", lines.join("\n")))
}

/// Names in a text that end in `.safetensors`.
fn named(text: &str) -> Vec<String> {
    text.split(|letter: char| letter.is_whitespace() || "'\"`()[]{}<>,;=".contains(letter))
        .map(|word| word.trim_end_matches([':', '.', '!', '?']))
        .filter(|word| word.ends_with(".safetensors"))
        .map(String::from)
        .collect()
}

fn judged(machine: &dyn Machine, path: &str) -> Option<String> {
    let size = machine.stat(path).ok()?.size;
    let begin = machine.file(path, 64).ok()?;
    // A recorded file may be shorter than it was.
    let size = size.max(begin.len() as u64);
    if begin.starts_with(b"version https://git-lfs") {
        return Some(format!(
            "{path} size={size} expected=? complete=no pointer=yes"
        ));
    }
    let length = begin
        .get(..8)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_le_bytes);
    let expected = length
        .filter(|length| *length <= HEADER && length + 8 <= size)
        .and_then(|length| {
            let bytes = machine.file(path, 8 + length).ok()?;
            let header: Value = serde_json::from_slice(bytes.get(8..)?).ok()?;
            let last = header
                .as_object()?
                .iter()
                .filter(|(name, _)| *name != "__metadata__")
                .filter_map(|(_, tensor)| tensor["data_offsets"][1].as_u64())
                .max()?;
            Some(8 + length + last)
        });
    Some(match expected {
        Some(expected) => format!(
            "{path} size={size} expected={expected} complete={} pointer=no",
            if size == expected { "yes" } else { "no" }
        ),
        None => format!("{path} size={size} expected=? complete=no pointer=no"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn whole_cut_and_pointer_files_are_told_apart() {
        let sim = Sim::empty();
        let header = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let mut whole = (header.len() as u64).to_le_bytes().to_vec();
        whole.extend_from_slice(header);
        whole.extend_from_slice(&[0; 8]);
        sim.put_file("/m/whole.safetensors", whole.clone());
        sim.put_file("/m/cut.safetensors", whole[..whole.len() - 3].to_vec());
        sim.put_file("/m/head.safetensors", whole[..20].to_vec());
        sim.put_file("/m/empty.safetensors", "");
        sim.put_file(
            "/m/pointer.safetensors",
            "version https://git-lfs.github.com/spec/v1\noid sha256:x\nsize 3\n",
        );
        for (name, says) in [
            ("whole", "complete=yes pointer=no"),
            ("cut", "complete=no pointer=no"),
            ("head", "complete=no pointer=no"),
            ("empty", "complete=no pointer=no"),
            ("pointer", "complete=no pointer=yes"),
        ] {
            let line = judged(&sim, &format!("/m/{name}.safetensors")).unwrap();
            assert!(line.ends_with(says), "{line}");
        }
        assert_eq!(judged(&sim, "/m/none.safetensors"), None);
        assert_eq!(
            named("Error while loading '/m/a.safetensors': header, model-1.safetensors."),
            ["/m/a.safetensors", "model-1.safetensors"]
        );
    }
}
