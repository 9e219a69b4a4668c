use crate::canary::{
    CanaryPolicy,
    intervals::{as_f64, ln_sum},
    listed::MOST,
    odds::Table,
};

/// The canary against the baseline, batch by batch: evidence that it hits more often, far more often, or not much more
/// often, where a hit is a failure or a slow request.
///
/// Each batch in which both had requests multiplies, for each odds ratio, by how much likelier its table is under it than
/// under equal odds: an e-value, given the margins of the table, whatever came before (Turner, Ly, Grünwald,
/// *Generic E-variables for exact sequential k-sample tests that allow for optional stopping*, 2024, multiply
/// e-values of such blocks). So the product is a supermartingale as long as the canary's odds are at most the
/// baseline's, and so is the mixture of the products. No rate needs to stay the same from batch to batch, nor the share
/// of requests: a bad hour strikes both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// The logarithm of the product for each odds ratio of the policy, against equal odds.
    worse: [f64; MOST],
    /// The same for each of [`BEYOND`] times the limit, against the limit.
    far_worse: [f64; BEYOND.len()],
    /// The mirror image: for equal odds, against the margin.
    not_worse: f64,
}

/// Alternatives to a limit: just beyond, and far beyond.
const BEYOND: [f64; 2] = [2.0, 10.0];

impl Comparison {
    pub(crate) const NEW: Self = Self {
        worse: [0.0; MOST],
        far_worse: [0.0; BEYOND.len()],
        not_worse: 0.0,
    };

    /// A further batch. Of each bracket the end that is nearer to "nothing was shown".
    pub(crate) fn step(&mut self, table: Table, policy: &CanaryPolicy) {
        if table.says_nothing() {
            return;
        }
        for (product, ratio) in self.worse.iter_mut().zip(policy.ratios.iter()) {
            *product += table.ln_likelihood_ratio(ratio).low;
        }
        let limit = policy.limits.times_error_rate;
        let at_limit = table.ln_likelihood_ratio(limit).high;
        for (product, times) in self.far_worse.iter_mut().zip(BEYOND) {
            *product += table.ln_likelihood_ratio(times * limit).low - at_limit;
        }
        self.not_worse -= table.ln_likelihood_ratio(policy.margin).high;
    }

    /// The logarithm of the evidence that the canary is worse: the products mixed uniformly.
    pub(crate) fn ln_worse(&self, policy: &CanaryPolicy) -> f64 {
        ln_mean(&self.worse[..policy.ratios.as_slice().len()])
    }

    /// The logarithm of the evidence that its odds are more than the limit of errors times the baseline's.
    pub(crate) fn ln_far_worse(&self) -> f64 {
        ln_mean(&self.far_worse)
    }

    /// The logarithm of the evidence that it is not worse by the margin.
    pub(crate) const fn ln_not_worse(&self) -> f64 {
        self.not_worse
    }

    /// Another step of the release has to be shown to be good anew.
    pub(crate) const fn forget_not_worse(&mut self) {
        self.not_worse = 0.0;
    }
}

fn ln_mean(products: &[f64]) -> f64 {
    ln_sum(products.iter().copied()) - as_f64(products.len() as u64).ln()
}
