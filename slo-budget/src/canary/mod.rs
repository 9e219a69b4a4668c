//! Whether a release may go on: promote, hold or roll back, by what it and its baseline have counted.
//!
//! [`CanaryPolicy`] says what is asked of a release, [`Canary`] is one that is
//! under way. Every test is *anytime-valid*: it may be looked at after each batch, as often as one likes, and the
//! chance that a good release is ever rolled back, or a bad one ever promoted from a step, stays at most α
//! (Ville's inequality). What that assumes: requests fail independently of each other, and those of both arms at
//! the same time and by lot. A rate that changes with the hour is no harm, as the arms are compared batch by batch.

mod arms;
mod batches;
mod builder;
mod claim;
mod comparison;
mod evidence;
mod findings;
mod intervals;
mod invalid;
mod listed;
mod needed;
mod odds;
mod policy;
mod reason;
mod run;
#[cfg(feature = "serde")]
mod serde;
mod verdict;
mod wilson;

#[cfg(test)]
mod tests;

pub use arms::Arm;
pub use builder::{Builder, Overdue};
pub use evidence::{EValue, Evidence, Interval};
pub use invalid::{InvalidArms, Side};
pub use policy::CanaryPolicy;
pub use reason::Reason;
pub use run::Canary;
pub use verdict::{Hold, Promotion, RollBack, Verdict};
