//! One side alone: what a machine costs a month at some hours of use, owned or rented. For choosing among several.

use super::age::{HARDWARE_LIMIT_DAYS, OFFER_LIMIT_DAYS, OLD_DAYS, days, words as age_words};
use super::owned::{self, Accelerators};
use super::rented::{self, Choice};
use super::resolve::{Found, Offered, Resolver};
use super::scenario::Scenario;
use crate::offers::Catalogue;
use deskside_advise::cost::compare::{base, extreme};
use deskside_advise::cost::{Case, Field, Question, Term, own, rent};
use deskside_types::Result;
use deskside_types::range::Range;
use jiff::civil::Date;

/// What all of them are counted with.
pub(crate) struct Prices<'a> {
    /// Tariff, currency, interest.
    pub scenario: &'a Scenario,
    /// The day that ages are counted to.
    pub today: Date,
    /// The offers.
    pub catalogue: &'a Catalogue,
}

/// What something costs a month.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Month {
    /// The inputs that are counted with.
    pub case: Case,
    /// Money a month.
    pub money: Range,
    /// Its terms.
    pub terms: Vec<Term>,
    /// What has to be paid at once.
    pub capital: Option<Range>,
    /// What is paid each month: without the price, spread.
    pub running: f64,
    /// Where its price is from, in words.
    pub because: String,
    /// The day or month of its price.
    pub as_of: Option<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Why no verdict may rest on it.
    pub undecided: Option<String>,
}

impl Prices<'_> {
    fn resolver(&self, question: Question, hours_a_day: f64) -> Resolver<'_> {
        let mut resolver = Resolver::new(self.scenario, question, self.today);
        resolver
            .ranges
            .set(Field::MonthHours, Range::exactly(730.0));
        resolver.put(
            Field::BusyHours,
            Found::assumed(
                Range::exactly(hours_a_day.min(24.0)),
                "the hours of this work",
            ),
        );
        resolver
    }

    /// Refuses a tariff or a currency that nothing is known of, before anything is counted with it.
    ///
    /// # Errors
    /// Which, and how to give it.
    pub fn check(&self) -> Result<()> {
        let mut resolver = self.resolver(Question::Buy, 1.0);
        owned::tariff(&mut resolver)?;
        resolver.converted(Range::exactly(1.0), "USD").map(drop)
    }

    /// A machine that would be bought.
    ///
    /// # Errors
    /// Where a price, its power or an exchange rate is not known: which, and how to give it.
    pub fn owned(
        &self,
        name: Option<&str>,
        count: f64,
        offered: Option<Offered>,
        hours_a_day: f64,
    ) -> Result<Month> {
        let question = Question::Buy;
        let gpu = accelerators(name, count);
        let mut resolver = self.resolver(question, hours_a_day);
        let mut undecided = None;
        if let Some(offered) = &offered
            && offered.price.is_some()
            && days(&offered.as_of, self.today).is_none_or(|days| days > HARDWARE_LIMIT_DAYS)
        {
            undecided = Some(format!("its price is of {}", offered.as_of));
        }
        resolver.offered = offered;
        resolver.usual(Field::OnHours, "on_hours_a_day", 0.0);
        owned::tariff(&mut resolver)?;
        owned::power(&mut resolver, gpu.as_ref())?;
        owned::money(&mut resolver, gpu.as_ref())?;
        let price = resolver.ranges.price;
        let because = why(&resolver, Field::Price);
        let month = of_owned(resolver, question, because);
        Ok(Month {
            capital: Some(price),
            undecided,
            ..month
        })
    }

    /// The machine that is owned: what the work adds, electricity beyond what it takes while it stands idle. What it cost is
    /// gone either way, and whether to sell it is another question.
    ///
    /// # Errors
    /// Where its power or the tariff is not known.
    pub fn at_hand(&self, name: Option<&str>, count: f64, hours_a_day: f64) -> Result<Month> {
        let gpu = accelerators(name, count);
        let mut resolver = self.resolver(Question::Keep, hours_a_day);
        owned::tariff(&mut resolver)?;
        owned::power(&mut resolver, gpu.as_ref())?;
        let (busy, idle) = (resolver.ranges.busy_watts, resolver.ranges.idle_watts);
        resolver.ranges.set(
            Field::BusyWatts,
            Range {
                low: (busy.low - idle.low).max(0.0),
                base: (busy.base - idle.base).max(0.0),
                high: (busy.high - idle.high).max(0.0),
            },
        );
        resolver.ranges.set(Field::IdleWatts, Range::exactly(0.0));
        Ok(of_owned(
            resolver,
            Question::Keep,
            "it is paid already: only the electricity that the work adds counts, beyond standing idle; `deskside cost keep` asks whether to sell it".into(),
        ))
    }

    /// `count` accelerators of an offer, with the range of prices around it.
    ///
    /// # Errors
    /// Where an exchange rate is not known.
    pub fn rented(&self, choice: &Choice, count: f64, hours_a_day: f64) -> Result<Month> {
        let offer = &choice.row;
        let mut resolver = self.resolver(Question::Buy, hours_a_day);
        let value = resolver.converted(choice.usd_an_hour.times(count), "USD")?;
        let because = format!(
            "{count:.0} x {} {:.0} GB from {} ({}), {:.2} USD an hour each on {}; {}",
            offer.accelerator,
            offer.memory_gb,
            offer.provider,
            offer.tier,
            offer.usd_an_hour,
            offer.as_of,
            choice.how
        );
        resolver.put(
            Field::RentHour,
            Found::table(value, because.clone(), &offer.as_of),
        );
        let age = resolver.age("the offer", &offer.as_of, OLD_DAYS);
        let undecided = (age > OFFER_LIMIT_DAYS).then(|| {
            format!(
                "its newest offer is {} (limit: {OFFER_LIMIT_DAYS} days)",
                age_words(age)
            )
        });
        rented::beside(&mut resolver, Some(&offer.provider), false)?;
        let month = |owning: bool| {
            let case = extreme(&resolver.ranges, Question::Buy, owning);
            rent::a_year(&case, case.busy_hours) / 12.0
        };
        let middle = base(&resolver.ranges);
        let money = rent::a_year(&middle, middle.busy_hours) / 12.0;
        Ok(Month {
            money: Range {
                low: month(false).min(money),
                base: money,
                high: month(true).max(money),
            },
            terms: rent::terms(&middle),
            running: money,
            case: middle,
            capital: None,
            because,
            as_of: Some(offer.as_of.clone()),
            warnings: resolver.warnings,
            undecided,
        })
    }
}

fn accelerators(name: Option<&str>, count: f64) -> Option<Accelerators> {
    name.map(|name| Accelerators {
        name: name.into(),
        count,
    })
}

/// A month of what is owned or bought, by what was resolved.
fn of_owned(resolver: Resolver<'_>, question: Question, because: String) -> Month {
    let (low, middle, high) = (
        extreme(&resolver.ranges, question, true),
        base(&resolver.ranges),
        extreme(&resolver.ranges, question, false),
    );
    let month = |case: &Case| own::a_year(case, case.busy_hours) / 12.0;
    let money = month(&middle);
    let price = Field::Price.key(question);
    Month {
        money: Range {
            low: month(&low).min(money),
            base: money,
            high: month(&high).max(money),
        },
        terms: own::terms(&middle, question),
        running: own::running_a_year(&middle, middle.busy_hours) / 12.0,
        case: middle,
        capital: None,
        because,
        as_of: resolver
            .inputs
            .iter()
            .find(|input| input.key == price)
            .and_then(|input| input.as_of.clone()),
        warnings: resolver.warnings,
        undecided: None,
    }
}

fn why(resolver: &Resolver<'_>, field: Field) -> String {
    let key = field.key(resolver.question);
    resolver
        .inputs
        .iter()
        .find(|input| input.key == key)
        .map_or(String::new(), |input| {
            let dated = input
                .as_of
                .as_ref()
                .map_or(String::new(), |day| format!(" ({day})"));
            format!("{}{dated}", input.because)
        })
}
