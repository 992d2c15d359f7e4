//! What owning costs: capital, electricity, maintenance.

use super::{Case, Question, Term, capital};

/// Money a year, working `hours` a day.
pub fn a_year(case: &Case, hours: f64) -> f64 {
    capital_a_year(case) + running_a_year(case, hours)
}

fn capital_a_year(case: &Case) -> f64 {
    case.price * capital::recovery(case.capital, case.years)
        - case.resale_money() * capital::sinking(case.capital, case.years)
}

/// Money a year without the price: electricity, maintenance, what an hour of work costs.
pub fn running_a_year(case: &Case, hours: f64) -> f64 {
    case.tariff * case.kwh_a_year(hours)
        + case.maintenance
        + case.running * hours * case.days_a_year()
}

/// The terms of a month.
pub fn terms(case: &Case, question: Question) -> Vec<Term> {
    let hours = case.busy_hours;
    let month = case.days_a_year() / 12.0;
    let idle = (case.on_hours - hours).max(0.0);
    let busy_kwh = case.wall_kilowatts(case.busy_watts) * hours * month;
    let idle_kwh = case.wall_kilowatts(case.idle_watts) * idle * month;
    let interest = if case.capital > 0.0 {
        format!(" at {:.1} % a year", case.capital * 100.0)
    } else {
        String::new()
    };
    let (name, what) = match question {
        Question::Keep => ("not sold", "what it would bring today"),
        _ => ("price", "the price"),
    };
    let mut terms = vec![
        Term::new(
            name,
            case.price * capital::recovery(case.capital, case.years) / 12.0,
            format!(
                "{what}, {:.0}, over {:.1} years{interest}",
                case.price, case.years
            ),
        ),
        Term::new(
            "resale",
            -case.resale_money() * capital::sinking(case.capital, case.years) / 12.0,
            format!("sold for {:.0} at the end", case.resale_money()),
        ),
        Term::new(
            "electricity, busy",
            busy_kwh * case.tariff,
            format!(
                "{busy_kwh:.0} kWh: {:.0} W at the wall for {hours:.1} h a day",
                case.wall_kilowatts(case.busy_watts) * 1000.0
            ),
        ),
        Term::new(
            "electricity, idle",
            idle_kwh * case.tariff,
            format!(
                "{idle_kwh:.0} kWh: {:.0} W at the wall for {idle:.1} h a day",
                case.wall_kilowatts(case.idle_watts) * 1000.0
            ),
        ),
        Term::new(
            "maintenance",
            case.maintenance / 12.0,
            "repairs and spares".into(),
        ),
        Term::new(
            "running",
            case.running * hours * month,
            "what an hour of work costs beside electricity".into(),
        ),
    ];
    terms.retain(|term| term.money != 0.0);
    terms
}
