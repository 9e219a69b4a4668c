//! The counts of a budget: counters that every event adds to, and a ledger of what they said at each slot.
//!
//! An event is one addition to a counter. Once a slot the first thread that notices writes the sums of the
//! counters into the ledger, so that any window is the difference of two of its entries.
//!
//! Units: a *tick* is a nanosecond of the budget's own clock, which starts at 0 when the budget is first built
//! and continues over restarts. A *slot* is `resolution` ticks long.

pub(crate) mod budgeting_method;
#[cfg(feature = "calendar")]
pub(crate) mod calendar;
mod counters;
pub(crate) mod ledger;
pub(crate) mod period;
pub(crate) mod recorder;
mod rings;
mod settings;
mod shared;
pub(crate) mod suspend;
mod timeslices;

#[cfg(test)]
mod tests;

pub use budgeting_method::Budgeting;
#[cfg(feature = "calendar")]
pub use calendar::Calendar;
pub(crate) use rings::SPAN;
pub(crate) use settings::Settings;
pub use shared::Core;
pub(crate) use shared::Epoch;
