//! `deskside fit`.

use super::answer;
use crate::cli::fit::Fit;
use crate::render;
use deskside_app::Context;
use deskside_app::fit::{self, CalibrateRequest, FitRequest, Reach, TrainRequest};
use deskside_tui::Ui;
use deskside_types::{Code, Problem, Result};

/// Says whether a model fits, or predicts a table.
pub fn fit(ui: &Ui, context: &Context, arguments: Fit) -> Result<u8> {
    if let Some(path) = &arguments.table {
        return answer(ui, &fit::table(context, path)?, render::fit::table);
    }
    if arguments.runs {
        return answer(ui, &fit::earlier(context)?, render::fit::earlier);
    }
    if arguments.calibrate {
        ui.talk("measuring this machine: up to a minute, best while nothing else works on it");
        let request = CalibrateRequest {
            python: arguments.python,
        };
        let report = context.heeding(|context| fit::calibrate(context, &request))?;
        return answer(ui, &report, render::fit::calibration);
    }
    if arguments
        .tokens
        .is_some_and(|tokens| !tokens.is_finite() || tokens <= 0.0)
    {
        return Err(Problem::new(
            Code::Usage,
            "--tokens must be a count above zero",
        ));
    }
    let request = FitRequest {
        model: arguments.model.unwrap_or_default(),
        reach: match (arguments.online, arguments.offline) {
            (true, _) => Reach::Always,
            (_, true) => Reach::Offline,
            _ => Reach::Unknown,
        },
        format: arguments.format,
        framework: arguments.framework,
        batch: arguments.batch,
        context: arguments.context,
        generate: arguments.generate,
        // The parser takes nothing but numbers here.
        cache_bits: arguments.cache_bits.and_then(|bits| bits.parse().ok()),
        eager: arguments.eager,
        on: arguments.on,
        gpus: arguments.gpus,
        tokens: arguments.tokens,
        train: arguments.train.map(|method| TrainRequest {
            method,
            optimizer: arguments.optimizer,
            rank: arguments.rank,
            targets: arguments.targets,
            checkpointing: arguments.checkpointing,
            loss: arguments.loss,
            accumulate: arguments.accumulate,
            compiled: arguments.compiled,
        }),
    };
    answer(
        ui,
        &context.heeding(|context| fit::fit(context, &request))?,
        render::fit::fit,
    )
}
