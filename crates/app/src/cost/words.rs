//! The verdict and the conventions as sentences.

use super::report::{Figures, Verdict};
use deskside_advise::cost::break_even::BreakEven;
use deskside_advise::cost::{Case, Comparison, Field, Question, Ranges};

/// The verdict.
pub(super) fn verdict(
    question: Question,
    cases: &Comparison,
    figures: &Figures,
    case: &Case,
    currency: &str,
    ranges: &Ranges,
    undecided: Option<&str>,
) -> Verdict {
    let own = cases.own_wins();
    let firm = cases.is_firm();
    let (answer, word) = match (question, own) {
        _ if undecided.is_some() => ("none", "No verdict"),
        (Question::Buy, true) => ("buy", "Buy"),
        (Question::Buy, false) => ("rent", "Rent"),
        (Question::Keep, true) => ("keep", "Keep it"),
        (Question::Keep, false) => ("sell", "Sell it and rent"),
        (Question::Job, true) => ("here", "Here"),
        (Question::Job, false) => ("rent", "Rent"),
    };
    let (here, rented) = (cases.base.own, cases.base.rent);
    let sums = match question {
        Question::Job => format!(
            "the job adds {here:.2} {currency} here and costs {rented:.2} rented; done in {:.1} h here, {:.1} h rented",
            figures.here_hours.unwrap_or_default(),
            figures.rented_hours.unwrap_or_default()
        ),
        Question::Buy => format!("owning costs {here:.2} {currency} a month, renting {rented:.2}"),
        Question::Keep => {
            format!("keeping costs {here:.2} {currency} a month, renting {rented:.2}")
        }
    };
    let even = match (question, figures.break_even) {
        (Question::Job, _) | (_, None) => String::new(),
        (_, Some(even)) => format!(
            "; {}; counted with {:.1}",
            break_even(even),
            case.busy_hours
        ),
    };
    let weight = match undecided {
        Some(why) => format!(": {why}"),
        None if Field::ALL.iter().all(|field| ranges.get(*field).is_exact()) => {
            ". No input has a range: see how little may turn it".into()
        }
        None if firm => ". It is so at both ends of every range".into(),
        None => ". Within the ranges it may turn: see what would turn it".into(),
    };
    Verdict {
        answer: answer.into(),
        firm: firm && undecided.is_none(),
        sentence: format!("{word}: {sums}{even}{weight}."),
    }
}

/// Where owning costs less, in words.
pub(super) fn break_even(even: BreakEven) -> String {
    match even {
        BreakEven::Always => "owning costs less at any use".into(),
        BreakEven::Never => "owning never costs less, not even day and night".into(),
        BreakEven::From { hours } => format!("owning costs less from {hours:.1} busy hours a day"),
        BreakEven::UpTo { hours } => format!("owning costs less up to {hours:.1} busy hours a day"),
        BreakEven::Between { from, to } => {
            format!("owning costs less between {from:.1} and {to:.1} busy hours a day")
        }
    }
}

/// Month, year, tax, time.
pub(super) fn conventions(
    question: Question,
    case: &Case,
    currency: &str,
    tax: Option<&str>,
) -> Vec<String> {
    let mut lines = vec![
        format!(
            "sums in {currency}; taxes: {}",
            tax.unwrap_or(
                "in household tariffs all of them; prices in USD, of hardware and of rents, are without sales tax (in Europe 19 to 25 % come on top)"
            )
        ),
        format!(
            "a month has {:.0} hours, a year twelve of them ({:.0} days)",
            case.month_hours,
            case.days_a_year()
        ),
    ];
    match question {
        Question::Buy => lines.push(format!(
            "the whole price counts, spread in equal payments at each year's end over {:.1} years at {:.1} %",
            case.years,
            case.capital * 100.0
        )),
        Question::Keep => lines.push(format!(
            "what it would bring today counts, spread over {:.1} years at {:.1} %; what was paid does not",
            case.years,
            case.capital * 100.0
        )),
        Question::Job => {
            lines.push("only what the job adds counts: what the machine cost does not".into());
        }
    }
    lines
}
