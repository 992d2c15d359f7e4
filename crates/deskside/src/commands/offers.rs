//! `deskside offers`.

use super::answer;
use crate::cli::offers::{Action, Offers};
use crate::render;
use deskside_app::Context;
use deskside_app::offers::{self, OwnOffer, RefreshRequest};
use deskside_tui::Ui;
use deskside_types::Result;

/// Lists, refreshes, takes back, adds.
pub fn offers(ui: &Ui, context: &Context, arguments: Offers) -> Result<u8> {
    match arguments.action {
        None => answer(
            ui,
            &offers::list(
                context,
                arguments.gpu.as_deref(),
                arguments.provider.as_deref(),
            )?,
            render::offers::list,
        ),
        Some(Action::Refresh(refresh)) => {
            let request = RefreshRequest {
                from: refresh.from,
                url: refresh.url,
                plan: refresh.plan,
            };
            answer(
                ui,
                &context.heeding(|context| offers::refresh(context, &request))?,
                render::offers::refresh,
            )
        }
        Some(Action::Undo) => answer(ui, &offers::undo(context)?, render::offers::changed),
        Some(Action::Add(add)) => {
            let offer = OwnOffer {
                provider: add.provider,
                accelerator: add.gpu,
                memory_gb: add.memory.unwrap_or_default(),
                tier: add.tier,
                per_hour: add.price,
                currency: add.currency.to_uppercase(),
                as_of: add.as_of.unwrap_or_default(),
            };
            answer(ui, &offers::add(context, offer)?, render::offers::changed)
        }
    }
}
