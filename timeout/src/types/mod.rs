//! Plain values. They import nothing else of this crate.

mod allowance;
mod elapsed;
mod error;
mod nanos;
mod no_retry;
mod rounded;

pub(crate) use self::{allowance::Allowance, nanos::Nanos};
pub use self::{
    elapsed::{Elapsed, Phase},
    error::InvalidConfig,
};
