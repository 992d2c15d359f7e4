//! `offers` as text.

use super::field;
use deskside_app::offers::{OfferChange, OffersChangedReport, OffersReport, RefreshReport};
use deskside_tui::table::Table;
use deskside_tui::{Meaning, Ui};

/// Lines that are shown of a long list; JSON has all.
const SHOWN: usize = 15;

/// Draws the list.
pub fn list(ui: &Ui, report: &OffersReport) {
    let mut table = Table::new()
        .column("accelerator", 0)
        .numbers("GB", 2)
        .column("provider", 0)
        .column("tier", 1)
        .numbers("USD/h", 0)
        .column("seen on", 1)
        .column("from", 2);
    for one in &report.offers {
        table.row([
            one.accelerator.clone(),
            format!("{:.0}", one.memory_gb),
            one.provider.clone(),
            one.tier.clone(),
            format!("{:.3}", one.usd_an_hour),
            format!("{}{}", one.as_of, if one.too_old { " too old" } else { "" }),
            one.from.clone(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    ui.answer("");
    field(
        ui,
        "age",
        &format!(
            "the newest is {} days old ({}), the oldest {} ({}); no verdict rests on one older than {}",
            report.newest_age_days,
            report.newest,
            report.oldest_age_days,
            report.oldest,
            report.limit_days
        ),
    );
    for warning in &report.warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
}

/// Draws a refresh.
pub fn refresh(ui: &Ui, report: &RefreshReport) {
    let mut table = Table::new()
        .column("catalogue", 1)
        .column("provider", 0)
        .numbers("taken", 0)
        .numbers("refused", 0)
        .column("of", 1)
        .column("trouble", 0);
    for one in &report.sources {
        table.row([
            one.catalogue.clone(),
            one.provider.clone(),
            one.taken.to_string(),
            one.refused.to_string(),
            one.as_of.clone().unwrap_or_default(),
            one.trouble.clone().unwrap_or_default(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    ui.answer("");
    changes(ui, &report.changes);
    for one in report.refused.iter().take(SHOWN) {
        let price = one
            .price
            .map_or(String::new(), |price| format!(" at {price:.3}"));
        field(
            ui,
            "refused",
            &format!(
                "{} {} {}{price}: {}",
                one.provider, one.accelerator, one.tier, one.because
            ),
        );
    }
    more(ui, report.refused.len());
    ui.answer(&if report.kept {
        format!(
            "{} offers are counted with now; `deskside offers undo` takes this back",
            report.offers
        )
    } else {
        "nothing was kept: this was only a look".to_string()
    });
}

/// Draws what was changed.
pub fn changed(ui: &Ui, report: &OffersChangedReport) {
    changes(ui, &report.changes);
    ui.answer(&report.done);
    field(ui, "file", &report.file);
}

fn changes(ui: &Ui, all: &[OfferChange]) {
    for one in all.iter().take(SHOWN) {
        let named = format!(
            "{} {:.0} GB, {} {}",
            one.accelerator, one.memory_gb, one.provider, one.tier
        );
        let text = match (one.from, one.to) {
            (Some(from), Some(to)) => format!("~ {named}: {from:.3} → {to:.3}"),
            (None, Some(to)) => format!("+ {named}: {to:.3}"),
            (Some(from), None) => format!("- {named}: was {from:.3}"),
            (None, None) => named,
        };
        ui.answer(&format!("  {}", text.replace('→', ui.letter("→", "->"))));
    }
    more(ui, all.len());
}

fn more(ui: &Ui, count: usize) {
    if count > SHOWN {
        ui.answer(&format!("  and {} more: --json has all", count - SHOWN));
    }
}
