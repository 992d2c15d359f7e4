//! How predictions did: for every run whose peak was measured and whose parameters name a model, what `fit` says of it.

use super::model::{self, Reach};
use super::places;
use super::{FitRequest, TrainRequest};
use crate::{Answer, Context};
use deskside_advise::fit::advice::at;
use deskside_advise::fit::estimate;
use deskside_machine::Reading;
use deskside_track::Store;
use deskside_track::index::{Filter, Listed};
use deskside_types::Result;
use deskside_types::facts::Facts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs that are looked at, newest first: with every answer, and where they are asked for.
const BRIEFLY: usize = 40;
const WHOLLY: usize = 2000;
/// Bytes of a run's measurements.
const LONGEST: u64 = 1 << 20;

/// The answer of `fit --runs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct EarlierReport {
    /// Runs that can be compared, newest first.
    pub runs: Vec<EarlierRun>,
    /// The median of the errors' sizes, as a share of what was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_error: Option<f64>,
    /// How many of the measured peaks lie in the interval.
    pub inside: u32,
    /// Runs with a measured peak that can't be compared, by reason.
    pub left_out: BTreeMap<String, u32>,
}

impl Answer for EarlierReport {
    const SCHEMA: &'static str = "deskside.fit-runs";
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EarlierRun {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The model that its parameters name.
    pub model: String,
    /// How it was understood.
    pub how: String,
    /// Bytes predicted on one accelerator.
    pub predicted_bytes: f64,
    /// The low end.
    pub low_bytes: f64,
    /// The high end.
    pub high_bytes: f64,
    /// Bytes measured on the fullest accelerator.
    pub measured_bytes: f64,
    /// Predicted over measured, less one.
    pub error: f64,
    /// The measured peak lies in the interval.
    pub inside: bool,
    /// What was measured is the whole card's, whoever held it.
    pub whole_card: bool,
}

/// Compares all runs of this machine.
///
/// # Errors
/// When the index of runs can't be read.
pub fn earlier(context: &Context) -> Result<EarlierReport> {
    let facts = deskside_probe::collect(&*context.machine);
    of(context, &facts, WHOLLY)
}

/// In a sentence, of the newest runs; none where nothing can be compared.
pub(super) fn sentence(context: &Context, facts: &Facts) -> Option<String> {
    if context.recorded {
        return None;
    }
    let report = of(context, facts, BRIEFLY).ok()?;
    let median = report.median_error?;
    Some(format!(
        "of {} runs here with a measured peak it was off by {:.0} % (median), {} inside its interval: `deskside fit --runs`",
        report.runs.len(),
        median * 100.0,
        report.inside
    ))
}

fn of(context: &Context, facts: &Facts, most: usize) -> Result<EarlierReport> {
    let store = Store::new(&*context.machine, &context.directories);
    let listing = store.list(&Filter::default())?;
    let mut report = EarlierReport::default();
    for run in listing.runs.iter().take(most) {
        let path = store.folder(&run.id).system().join("summary.json");
        let Some((measured, cards, whole_card)) = context
            .machine
            .file(path, LONGEST)
            .ok()
            .and_then(|bytes| peak(&bytes))
        else {
            continue;
        };
        match compared(context, facts, run, measured, cards, whole_card) {
            Ok(one) => report.runs.push(one),
            Err(why) => *report.left_out.entry(why).or_default() += 1,
        }
    }
    let mut errors: Vec<f64> = report.runs.iter().map(|one| one.error.abs()).collect();
    errors.sort_by(f64::total_cmp);
    report.median_error = errors.get(errors.len() / 2).copied();
    report.inside = report.runs.iter().filter(|one| one.inside).count() as u32;
    Ok(report)
}

/// The fullest card's peak, how many cards held something, and whether it is the whole card's; none where no card was sampled.
fn peak(bytes: &[u8]) -> Option<(f64, f64, bool)> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let peaks: Vec<(f64, bool)> = value["gpus"]
        .as_array()?
        .iter()
        .filter_map(|gpu| {
            let peak = gpu["memory_peak"].as_f64().filter(|peak| *peak > 64e6)?;
            Some((peak, gpu["whole_card"].as_bool().unwrap_or(false)))
        })
        .collect();
    let (most, whole) = peaks
        .iter()
        .copied()
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some((most, peaks.len() as f64, whole))
}

fn compared(
    context: &Context,
    facts: &Facts,
    run: &Listed,
    measured: f64,
    cards: f64,
    whole_card: bool,
) -> std::result::Result<EarlierRun, String> {
    let request = understood(&run.params)?;
    let place = places::own(facts, &request, None)
        .0
        .into_iter()
        .find(|place| place.device.is_some())
        .ok_or("this machine has no accelerator that is known now")?;
    request.check().map_err(|problem| problem.message)?;
    let read = model::read(&*context.projects, &request.model, Reach::Offline)
        .map_err(|_| "its model is not known".to_string())?;
    let case = request
        .case(&read, false)
        .map_err(|problem| problem.message)?;
    let place = deskside_advise::fit::advice::Place {
        count: cards,
        ..place
    };
    let needs = estimate(&at(&case, &place));
    Ok(EarlierRun {
        id: run.id.0.clone(),
        name: run.name.clone(),
        model: request.model.clone(),
        how: request.work_in_words(&case),
        predicted_bytes: needs.bytes,
        low_bytes: needs.low,
        high_bytes: needs.high,
        measured_bytes: measured,
        error: needs.bytes / measured - 1.0,
        inside: (needs.low..=needs.high).contains(&measured),
        whole_card,
    })
}

/// A run's parameters as a question, by the names that trainers give them.
fn understood(params: &BTreeMap<String, String>) -> std::result::Result<FitRequest, String> {
    let bare = |text: &str| {
        text.trim_start_matches('-')
            .replace(['-', '.', '/'], "_")
            .to_ascii_lowercase()
    };
    let known: BTreeMap<String, &String> = params
        .iter()
        .map(|(key, value)| (bare(key), value))
        .collect();
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| known.get(*name))
            .map(|text| text.trim())
    };
    let count = |names: &[&str]| {
        first(names)
            .and_then(|text| text.parse::<u32>().ok())
            .filter(|count| *count > 0)
    };
    let yes = |names: &[&str]| {
        first(names).is_some_and(|text| {
            matches!(
                text.to_ascii_lowercase().as_str(),
                "true" | "1" | "yes" | ""
            )
        })
    };
    let model = first(&[
        "model_name_or_path",
        "model",
        "model_name",
        "model_id",
        "base_model",
        "pretrained_model_name_or_path",
    ])
    .ok_or("its parameters name no model")?;
    let mut request = FitRequest {
        batch: count(&[
            "per_device_train_batch_size",
            "micro_batch_size",
            "batch_size",
            "batch",
        ]),
        context: count(&[
            "max_seq_length",
            "max_length",
            "seq_len",
            "seq_length",
            "sequence_length",
            "block_size",
            "context_length",
            "context",
        ]),
        ..FitRequest::of(model)
    };
    let rank = count(&["lora_r", "lora_rank", "rank"]);
    let said = first(&["method", "train_method", "finetuning_type", "train_type"])
        .map(str::to_ascii_lowercase);
    let method = if yes(&["load_in_4bit", "qlora", "use_qlora"]) {
        Some("qlora")
    } else if let Some(word) = said.as_deref() {
        match word {
            "full" | "lora" | "qlora" => Some(match word {
                "full" => "full",
                "lora" => "lora",
                _ => "qlora",
            }),
            _ => None,
        }
    } else if rank.is_some() || yes(&["lora", "use_lora", "use_peft"]) {
        Some("lora")
    } else if first(&["lr", "learning_rate"]).is_some() {
        Some("full")
    } else if first(&["max_new_tokens", "max_tokens"]).is_some() {
        request.generate = count(&["max_new_tokens", "max_tokens"]);
        None
    } else {
        return Err("its parameters do not say how the model was used".into());
    };
    request.train = method.map(|method| TrainRequest {
        method: method.into(),
        rank: rank.filter(|_| method != "full"),
        optimizer: first(&["optim", "optimizer"])
            .map(|name| name.to_ascii_lowercase().replace('_', "-")),
        checkpointing: yes(&["gradient_checkpointing", "activation_checkpointing"])
            .then(|| "full".into()),
        accumulate: count(&["gradient_accumulation_steps", "grad_accum", "accumulate"]),
        ..TrainRequest::default()
    });
    if request.train.is_some() && request.context.is_none() {
        return Err("its parameters do not say how long a sequence is".into());
    }
    if let (Some(context), Some(generate)) = (request.context, request.generate) {
        request.context = Some(context.max(generate));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn parameters_are_understood_by_their_usual_names() {
        let request = understood(&params(&[
            ("--model_name_or_path", "meta-llama/Llama-3.1-8B"),
            ("per-device-train-batch-size", "4"),
            ("max_seq_length", "2048"),
            ("load_in_4bit", "true"),
            ("lora_r", "32"),
            ("gradient_checkpointing", "True"),
        ]))
        .unwrap();
        let train = request.train.unwrap();
        assert_eq!(
            (
                request.batch,
                request.context,
                train.method.as_str(),
                train.rank
            ),
            (Some(4), Some(2048), "qlora", Some(32))
        );
        assert_eq!(train.checkpointing.as_deref(), Some("full"));
        assert!(understood(&params(&[("lr", "1")])).is_err());
        assert!(understood(&params(&[("model", "8B")])).is_err());
        assert!(
            understood(&params(&[("model", "8B"), ("lr", "1e-3")]))
                .unwrap_err()
                .contains("sequence")
        );
        let running = understood(&params(&[("model", "8B"), ("max_new_tokens", "64")])).unwrap();
        assert!(running.train.is_none() && running.generate == Some(64));
    }

    #[test]
    fn the_fullest_card_counts() {
        let text = br#"{"version":1,"samples":9,"gpus":[{"memory_peak":1000000000},{"memory_peak":3000000000,"whole_card":true},{"memory_peak":5}]}"#;
        assert_eq!(peak(text), Some((3e9, 2.0, true)));
        for odd in [
            &b"{}"[..],
            b"[",
            br#"{"gpus":[]}"#,
            br#"{"gpus":[{"memory_peak":"x"}]}"#,
        ] {
            assert_eq!(peak(odd), None);
        }
    }

    #[test]
    fn runs_with_a_measured_peak_are_held_against_predictions() {
        use deskside_machine::Replay;
        use deskside_testkit::Sim;
        let sim = Sim::linux();
        let context = Context::here(sim.shared()).unwrap();
        let machines = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/machines/ubuntu-22.04-rtx-4090"
        );
        let facts = deskside_probe::collect(&Replay::open(machines).unwrap());
        for (id, params, peak) in [
            (
                "20261120-000000-aaaa",
                "model = \"Qwen/Qwen2.5-0.5B\"\nlr = \"1e-5\"\nmax_seq_length = \"1024\"\nbatch_size = \"1\"\nmethod = \"lora\"",
                3_000_000_000_u64,
            ),
            (
                "20261121-000000-bbbb",
                "model = \"a model that nobody knows\"\nlr = \"1\"\nmax_seq_length = \"9\"",
                5_000_000_000,
            ),
            ("20261122-000000-cccc", "epochs = \"3\"", 5_000_000_000),
        ] {
            let folder = context.directories.data.join("runs").join(id);
            sim.put_file(
                folder.join("run.toml"),
                format!("version = 1\nid = \"{id}\"\nname = \"r\"\nexperiment = \"default\"\ncreated_at = \"2026-11-20T00:00:00Z\"\nargv = [\"true\"]\nworking_directory = \"/\"\n[params]\n{params}\n[place]\nkind = \"here\"\n"),
            )
            .put_file(
                folder.join("state"),
                "state = \"finished\"\nexit_code = 0\nstarted_at = \"2026-11-20T00:00:00Z\"\nended_at = \"2026-11-20T01:00:00Z\"\n",
            )
            .put_file(
                folder.join("system/summary.json"),
                format!("{{\"version\":1,\"samples\":60,\"gpus\":[{{\"place\":0,\"name\":\"x\",\"memory_peak\":{peak}}}]}}"),
            );
        }
        let report = of(&context, &facts, 10).unwrap();
        assert_eq!(report.runs.len(), 1, "{:?}", report.left_out);
        let one = &report.runs[0];
        assert!(
            one.measured_bytes == 3e9
                && one.low_bytes < one.predicted_bytes
                && one.how.contains("LoRA")
        );
        assert_eq!(report.median_error, Some(one.error.abs()));
        assert_eq!(report.left_out.values().sum::<u32>(), 2);
        assert!(sentence(&context, &facts).unwrap().contains("of 1 runs"));
    }
}
