//! Compares the canary with the baseline, batch by batch.
//!
//! Both arms are compared given the margins of each batch: the numbers of requests of each arm and of all failures. Then
//! the canary's share of the failures does not depend on the error rate, so nothing has to be estimated, and the rate may
//! change from batch to batch (Fisher, *The Logic of Inductive Inference*, 1935; Cornfield, 1956, for the noncentral
//! form). The ratio `ψ^k / E ψ^K` of a batch has the expectation 1 under equal odds and at most 1 below them, which
//! `tests/exact.rs` checks by enumeration in rationals.
//!
//! The limit of five times the baseline is an e-process too, for odds of 10 and 50 times against 5 times. Rejected: the
//! bound of one arm divided by the bound of the other. Both bounds are of an average over the whole release, and the share
//! of the canary grows. A bad hour late in the release that affects both arms weighs more in the canary's average, and
//! the quotient reaches five although no batch shows any difference. Availability and the 95th percentile are absolute
//! limits, as intended.

use super::{
    intervals::{as_f64, ln_sum},
    odds::Table,
    policy::{CanaryPolicy, MOST_RATIOS},
};

/// The evidence that the canary has more hits, far more hits, or not many more hits than the baseline, where a hit is a
/// failure or a slow request.
///
/// Each batch with requests in both arms multiplies, for each odds ratio, the likelihood of its table under this ratio
/// relative to equal odds. Given the margins this is an e-value whatever came before (Turner, Ly, Grünwald, *Generic
/// E-variables for exact sequential k-sample tests that allow for optional stopping*, 2024, multiply e-values of such
/// blocks). So the product is a supermartingale as long as the canary's odds are at most the baseline's, and so is a
/// mixture of products. Neither the rate nor the split of requests has to stay the same: a bad hour affects both arms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    /// The logarithm of the product for each odds ratio of the policy, against equal odds.
    worse: [f64; MOST_RATIOS],
    /// The same for each of [`BEYOND`] times the limit, against the limit.
    far_worse: [f64; BEYOND.len()],
    /// The mirrored test: for equal odds, against the margin.
    not_worse: f64,
}

/// Alternatives to a limit: just beyond, and far beyond.
const BEYOND: [f64; 2] = [2.0, 10.0];

impl Comparison {
    pub(super) const NEW: Self = Self {
        worse: [0.0; MOST_RATIOS],
        far_worse: [0.0; BEYOND.len()],
        not_worse: 0.0,
    };

    /// Adds a batch. Each bracket contributes its cautious end.
    pub(super) fn step(&mut self, table: Table, policy: &CanaryPolicy) {
        if table.says_nothing() {
            return;
        }
        for (product, ratio) in self.worse.iter_mut().zip(policy.ratios()) {
            *product += table.ln_likelihood_ratio(ratio).low;
        }
        let limit = policy.limits.times_error_rate;
        let at_limit = table.ln_likelihood_ratio(limit).high;
        for (product, times) in self.far_worse.iter_mut().zip(BEYOND) {
            *product += table.ln_likelihood_ratio(times * limit).low - at_limit;
        }
        self.not_worse -= table.ln_likelihood_ratio(policy.margin).high;
    }

    /// The logarithm of the evidence that the canary is worse: the mean of the products.
    pub(super) fn ln_worse(&self, policy: &CanaryPolicy) -> f64 {
        ln_mean(&self.worse[..policy.ratios().count()])
    }

    /// The logarithm of the evidence that its odds are above the limit, a multiple of the baseline's.
    pub(super) fn ln_far_worse(&self) -> f64 {
        ln_mean(&self.far_worse)
    }

    /// The logarithm of the evidence that it is not worse by the margin.
    pub(super) const fn ln_not_worse(&self) -> f64 {
        self.not_worse
    }

    /// Forgets the evidence that it is not worse, because each step of a release needs its own.
    pub(super) const fn forget_not_worse(&mut self) {
        self.not_worse = 0.0;
    }
}

fn ln_mean(products: &[f64]) -> f64 {
    ln_sum(products.iter().copied()) - as_f64(products.len() as u64).ln()
}
