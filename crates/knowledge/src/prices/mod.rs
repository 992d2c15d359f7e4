//! Prices: rented accelerators, hardware new and used, what is left of a price, providers' terms, assumptions.
//!
//! Every row has its day and its source. Prices move: whoever rests on one says how old it is.

mod assumed;
mod exchange;
mod hardware;
mod name;
mod offers;
mod providers;
mod residuals;
mod sources;

pub use assumed::{Assumed, assumed};
pub use exchange::{ExchangeRow, exchange};
pub use hardware::{HardwareRow, hardware, system_watts, used};
pub use name::{board_watts, is_same_accelerator, target};
pub use offers::{OfferRow, offer_row, offers, offers_among, offers_of};
pub use providers::{ProviderTerms, provider_terms};
pub use residuals::{Residual, residual};
pub use sources::{CatalogueSource, catalogue_sources};
