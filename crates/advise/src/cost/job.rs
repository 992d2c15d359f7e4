//! One job: what it adds here, and what it costs rented. What the machine cost counts for nothing.

use super::{Case, Term};

/// Money that the job adds here, the value of the time it takes in it.
pub fn here(case: &Case) -> f64 {
    total(&here_terms(case))
}

/// Money for the job on a rented machine, the value of the time it takes in it.
pub fn rented(case: &Case) -> f64 {
    total(&rented_terms(case))
}

/// Their sum; of none plainly zero, where `sum` says -0.
fn total(terms: &[Term]) -> f64 {
    terms.iter().fold(0.0, |sum, term| sum + term.money)
}

/// kWh that the job adds. `idle_watts` is what the machine would take anyway; zero where it would be off.
pub fn kwh(case: &Case) -> f64 {
    case.wall_kilowatts((case.busy_watts - case.idle_watts).max(0.0)) * case.job_hours
}

/// Hours until the job is done here.
pub fn here_hours(case: &Case) -> f64 {
    case.wait_hours + case.job_hours
}

/// Hours until the job is done on a rented machine.
pub fn rented_hours(case: &Case) -> f64 {
    case.job_hours / case.speed + case.startup_minutes / 60.0
}

/// The terms here.
pub fn here_terms(case: &Case) -> Vec<Term> {
    let idle = if case.idle_watts > 0.0 {
        "more than idle"
    } else {
        "all of it: the machine would be off"
    };
    let mut terms = vec![
        Term::new(
            "electricity",
            kwh(case) * case.tariff,
            format!(
                "{:.2} kWh: {:.0} W at the wall, {idle}, for {:.1} h",
                kwh(case),
                kwh(case) / case.job_hours * 1000.0,
                case.job_hours
            ),
        ),
        Term::new(
            "running",
            case.running * case.job_hours,
            "what an hour of work costs beside electricity".into(),
        ),
        Term::new(
            "time",
            case.hour_value * here_hours(case),
            format!("{:.1} h until it is done", here_hours(case)),
        ),
    ];
    terms.retain(|term| term.money != 0.0);
    terms
}

/// The terms of a rented machine. Storage is paid for the hours it is kept.
pub fn rented_terms(case: &Case) -> Vec<Term> {
    let worked = case.job_hours / case.speed;
    let start = case.startup_minutes / 60.0;
    let kept = worked * (1.0 + case.waste) + start;
    let mut terms = vec![
        Term::new(
            "hours",
            case.rent_hour * worked,
            format!("{worked:.1} h at {:.2}", case.rent_hour),
        ),
        Term::new(
            "waste",
            case.rent_hour * worked * case.waste,
            format!(
                "{:.0} % of the hours are paid and not worked",
                case.waste * 100.0
            ),
        ),
        Term::new(
            "start-up",
            case.rent_hour * start,
            format!("{:.1} min until it is ready", case.startup_minutes),
        ),
        Term::new(
            "storage",
            case.storage_gb * case.storage_price * kept / case.month_hours,
            format!("{:.0} GB while it runs", case.storage_gb),
        ),
        Term::new(
            "egress",
            case.egress_gb * case.egress_price,
            format!("{:.0} GB at {:.2}", case.egress_gb, case.egress_price),
        ),
        Term::new(
            "time",
            case.hour_value * rented_hours(case),
            format!("{:.1} h until it is done", rented_hours(case)),
        ),
    ];
    terms.retain(|term| term.money != 0.0);
    terms
}

/// What an hour sooner must be worth so that both cost the same; none where renting is no sooner, or costs less anyway.
pub fn worth_of_an_hour(case: &Case) -> Option<f64> {
    let free = Case {
        hour_value: 0.0,
        ..*case
    };
    let sooner = here_hours(case) - rented_hours(case);
    let dearer = rented(&free) - here(&free);
    (sooner > 0.0 && dearer > 0.0).then(|| dearer / sooner)
}
