//! Plain values. They import nothing else of this crate.

mod allowance;
mod elapsed;
#[cfg(feature = "http")]
mod elapsed_response;
mod error;
mod name;
mod nanos;
mod no_retry;
#[cfg(feature = "http")]
mod response;
mod rounded;

pub(crate) use self::{allowance::Allowance, nanos::Nanos};
pub use self::{
    elapsed::{Elapsed, Phase},
    error::InvalidConfig,
    name::Name,
};
