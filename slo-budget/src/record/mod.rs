//! The counts of a budget: counters that every event adds to, and a ledger of what they said at each slot.

pub(crate) mod budgeting_method;
#[cfg(feature = "calendar")]
pub(crate) mod calendar;
#[cfg(not(feature = "calendar"))]
#[path = "calendar_off.rs"]
pub(crate) mod calendar;
pub(crate) mod clocks;
pub(crate) mod counters;
pub(crate) mod ledger;
pub(crate) mod period;
pub(crate) mod recorder;
pub(crate) mod rings;
pub(crate) mod suspend;
pub(crate) mod timeslices;

pub use budgeting_method::Budgeting;
#[cfg(feature = "calendar")]
pub use calendar::Calendar;
