//! Decides whether a release may go on: promote, hold or roll back, from the counts of the release and its baseline.
//!
//! [`CanaryPolicy`] holds the requirements for a release, [`Canary`] is one running release. Time is cut into batches of at
//! least a minute, and both arms are compared within each batch only, by the sign of the difference and a bet
//! on it. So what happens to both arms at the same time is no evidence against the canary, and a burst of
//! failures within a batch counts once.
//!
//! | test | α of 5 % |
//! |---|---|
//! | roll back: fails more often than the baseline, over the whole release | 3 % |
//! | roll back: is slower than the baseline's former 95th percentile more often | 1 % |
//! | roll back: fails more than five times as often | 1 % |
//! | promote: the share of the next step times the upper bound of the error rate is within the guard | 2.5 % |
//! | promote: fails less than twice as often, in this step | 2.5 % |
//!
//! The limits act on the canary alone. Failures in a row roll back at once.
//!
//! # Why e-values, and not a test at the end
//!
//! A release is evaluated after every batch, and acted on at once. A fixed-size test that is evaluated repeatedly fails
//! a healthy release far more often than its level says. `src/canary/tests/peeking.rs` computes the exact probability
//! over all paths: "success >= 99 %" over 50 requests at 0.1 % errors fails 4.9 % of checks and 39 % of ten-check
//! canaries. Wilson's 95 % bound against a limit of 1 %, evaluated after each request, fails 1.8 % of releases with
//! 0.1 % errors and 10.5 % of those with 0.5 %.
//!
//! # Why signs, and not a likelihood ratio
//!
//! An earlier version multiplied the likelihood ratios of Fisher's noncentral hypergeometric distribution. It was faster
//! against a large difference and took each failure for independent of the others: of releases as good as their baseline,
//! 30 % were rolled back if each arm lost a tenth of its requests in one minute of a thousand, and 52 % after incidents
//! that hit the arms unevenly. A cap on the factor of a batch, or a division by the dispersion, kept some of that. The
//! example `canary_rates` of this workspace prints what signs do in ten such worlds.

mod arms;
mod batches;
mod bets;
mod builder;
mod claim;
mod decision;
mod evidence;
mod faults;
mod forecast;
mod intervals;
mod invalid;
mod limits;
mod pmf;
mod policy;
mod reason;
mod run;
#[cfg(feature = "serde")]
mod saved;
#[cfg(feature = "serde")]
mod serde;
mod sign;
mod verdict;

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

pub use arms::Arm;
pub use builder::{Builder, Overdue};
pub use evidence::{EValue, Evidence, Interval};
pub use forecast::Forecast;
pub use invalid::{InvalidArms, Side};
pub use limits::AtMost;
pub use policy::CanaryPolicy;
pub use reason::{Measure, Reason};
pub use run::Canary;
#[cfg(feature = "serde")]
pub use saved::{CannotRestore, Saved};
pub use verdict::{Hold, Promotion, RollBack, Verdict};
