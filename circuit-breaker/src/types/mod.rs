//! Plain values: what the other rooms pass to each other and to the user.

mod cause;
mod error;
mod no_retry;
mod open;
mod outcome;
mod overrides;
mod ratio;
mod rounded;
mod state;
pub(crate) mod ticks;
mod transition;

pub use self::{
    cause::Cause,
    error::InvalidConfig,
    open::Open,
    outcome::{OnCancel, Outcome},
    state::State,
    transition::{Override, Transition},
};
pub(crate) use self::{
    open::Refusal,
    outcome::End,
    overrides::{recall, remember},
    ratio::Ratio,
    transition::Change,
};
