//! Plain values. They import nothing else of this crate.

mod allowance;
mod elapsed;
#[cfg(feature = "http")]
mod elapsed_response;
mod error;
mod event;
mod name;
mod nanos;
mod no_retry;
mod override_by;
#[cfg(feature = "http")]
mod response;
mod rounded;

pub(crate) use self::{allowance::Allowance, nanos::Nanos};
pub use self::{
    elapsed::{Elapsed, Phase},
    error::InvalidConfig,
    event::{Event, LimitCause, LimitChange},
    name::Name,
    override_by::Override,
};
