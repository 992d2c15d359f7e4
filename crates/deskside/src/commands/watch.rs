//! `deskside usage` and `sampler`.

use super::answer;
use crate::cli::watch::{Sampler, SamplerWhat};
use crate::render;
use deskside_app::{Context, sampler};
use deskside_tui::Ui;
use deskside_types::Result;

/// Does something to the machine's sampler.
pub fn sampler(ui: &Ui, context: &Context, arguments: Sampler) -> Result<u8> {
    let report = match arguments.what {
        SamplerWhat::On(planned) => sampler::on(context, planned.plan)?,
        SamplerWhat::Off(planned) => sampler::off(context, planned.plan)?,
        SamplerWhat::Status => sampler::status(context)?,
        SamplerWhat::Run => {
            ui.talk("sampling this machine every ten seconds; Ctrl-C ends it");
            sampler::run(context)?;
            return Ok(0);
        }
    };
    answer(ui, &report, render::watch::sampler)
}
