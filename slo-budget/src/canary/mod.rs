//! Decides whether a release may go on: promote, hold or roll back, from the counts of the release and its baseline.
//!
//! [`CanaryPolicy`] holds the requirements for a release, [`Canary`] is one running release. Every test is
//! *anytime-valid*: it may be evaluated after each batch, as often as you like. The probability that a good release is
//! ever rolled back, or a bad one ever promoted from a step, stays at most α (Ville's inequality). The assumptions are
//! that requests fail independently of each other, and that requests are split between both arms at random at the same
//! time. An error rate that changes with the hour does no harm, because the arms are compared batch by batch.
//!
//! # Why e-values, and not a test at the end
//!
//! A release is evaluated after every batch, and acted on at once. A fixed-size test that is evaluated repeatedly fails
//! a healthy release far more often than its level says. `src/canary/tests/peeking.rs` computes the exact probability
//! over all paths: "success >= 99 %" over 50 requests at 0.1 % errors fails 4.9 % of checks and 39 % of ten-check
//! canaries. Wilson's 95 % bound against a limit of 1 %, evaluated after each request, fails 1.8 % of releases with
//! 0.1 % errors and 10.5 % of those with 0.5 %.
//!
//! # How α is split
//!
//! A roll-back is false if any of five tests is (errors, latency, availability, 5 × errors, 3 × p95), so each has α/5.
//! Without latency there are three tests with α/3 each. A promotion needs errors *and* latency, each shown by the guard
//! *or* by comparison: α/2 for each "or". The "and" needs no split, because a false promotion requires that the one claim
//! that is not true passes (Berger, *Multiparameter Hypothesis Testing and Acceptance Sampling*, 1982). Ten failures in
//! a row have no α: with 1 % errors they occur once in 10^20 requests.
//!
//! # What the simulation shows
//!
//! (`tests/canary.rs`, seeded, evaluated after each batch, the default policy.) Healthy, 0.1 % errors: 4 of 1,000
//! rolled back at 10 requests a batch, 2 of 500 at 1,000, 1 of 500 at a share of one half, where α allows 5 %. Of 200
//! releases with 0.15 % errors beside 0.1 %, just beyond guard and margin, none was promoted in 20,000 requests; of 200
//! with 0.6 % beside 0.4 %, one. Errors twofold, fivefold, tenfold: detected after 15,200, 1,600 and 600 requests of the
//! canary, in the median. Promoted without any failure after 4,000 (evaluated every 500), with a tenth of what the guard
//! allows after 4,000, with a third after 11,000.

mod arms;
mod batches;
mod builder;
mod comparison;
mod evidence;
mod findings;
mod intervals;
mod odds;
mod policy;
mod reason;
mod run;
#[cfg(feature = "serde")]
mod serde;
mod verdict;

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

pub use arms::{Arm, InvalidArms, Side};
pub use builder::{Builder, Overdue};
pub use evidence::{EValue, Evidence, Interval};
pub use policy::CanaryPolicy;
pub use reason::Reason;
pub use run::Canary;
pub use verdict::{Hold, Promotion, RollBack, Verdict};
