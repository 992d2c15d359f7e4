//! What renting costs for the same work: hours, starts, waste, storage, egress.

use super::{Case, Term};

/// Rented hours that are worked for one hour of the owned machine.
fn worked(case: &Case) -> f64 {
    1.0 / case.speed
}

/// Money for the work of one hour of the owned machine, everything that goes with hours in it.
pub fn an_hour(case: &Case) -> f64 {
    case.rent_hour
        * (worked(case) * (1.0 + case.waste) + case.startup_minutes / 60.0 / case.session_hours)
}

/// Money a month that is paid whether there is work or not.
pub fn a_month(case: &Case) -> f64 {
    case.rent_month + case.storage_gb * case.storage_price + case.egress_gb * case.egress_price
}

/// Money a year for the work of `hours` a day of the owned machine.
pub fn a_year(case: &Case, hours: f64) -> f64 {
    an_hour(case) * hours * case.days_a_year() + a_month(case) * 12.0
}

/// The terms of a month.
pub fn terms(case: &Case) -> Vec<Term> {
    let hours = case.busy_hours * case.days_a_year() / 12.0;
    let rented = hours * worked(case);
    let starts = hours / case.session_hours;
    let speed = if case.speed == 1.0 {
        String::new()
    } else {
        format!(", for {hours:.0} h of the owned machine")
    };
    let mut terms = vec![
        Term::new(
            "hours",
            case.rent_hour * rented,
            format!("{rented:.0} h at {:.2}{speed}", case.rent_hour),
        ),
        Term::new(
            "waste",
            case.rent_hour * rented * case.waste,
            format!(
                "{:.0} % of the hours are paid and not worked",
                case.waste * 100.0
            ),
        ),
        Term::new(
            "start-up",
            case.rent_hour * starts * case.startup_minutes / 60.0,
            format!(
                "{starts:.0} start{} of {:.1} min",
                if starts.round() == 1.0 { "" } else { "s" },
                case.startup_minutes
            ),
        ),
        Term::new(
            "storage",
            case.storage_gb * case.storage_price,
            format!(
                "{:.0} GB at {:.2} a GB and month",
                case.storage_gb, case.storage_price
            ),
        ),
        Term::new(
            "egress",
            case.egress_gb * case.egress_price,
            format!("{:.0} GB at {:.2}", case.egress_gb, case.egress_price),
        ),
        Term::new(
            "each month",
            case.rent_month,
            "paid whether there is work or not".into(),
        ),
    ];
    terms.retain(|term| term.money != 0.0);
    terms
}
