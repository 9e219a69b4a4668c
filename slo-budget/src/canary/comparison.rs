//! The canary against the baseline, batch by batch: e-processes in both directions.

use crate::canary::{
    bound::{as_f64, ln_sum},
    listed::{Listed, MOST},
    odds::Table,
};

/// Grows while the canary fails more often than the baseline (`worse`), or not much more often (`not_worse`).
///
/// Each batch that holds both arms multiplies `worse` for each odds ratio by how much likelier its table is under it
/// than under equal odds (an e-value for each table, given its margins: Turner, Ly, Grünwald, *Generic E-variables
/// for exact sequential k-sample tests that allow for optional stopping*, 2024, multiply such values over blocks);
/// the mixture of the products is a supermartingale while the canary's odds are at most the baseline's. The mirror
/// image: how much likelier under equal odds than under the margin, while they are at least the margin times the
/// baseline's. No rate needs to stay the same from batch to batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// The logarithm of the product for each odds ratio.
    worse: [f64; MOST],
    not_worse: f64,
}

impl Comparison {
    pub(crate) const NEW: Self = Self {
        worse: [0.0; MOST],
        not_worse: 0.0,
    };

    /// A further batch. Of each bracket the end that is nearer to "nothing was shown".
    pub(crate) fn step(&mut self, table: Table, ratios: &Listed<f64>, margin: f64) {
        for (product, ratio) in self.worse.iter_mut().zip(ratios.iter()) {
            *product += table.ln_likelihood_ratio(ratio).low;
        }
        self.not_worse -= table.ln_likelihood_ratio(margin).high;
    }

    /// The logarithm of the evidence that the canary is worse: the products mixed uniformly.
    pub(crate) fn ln_worse(&self, ratios: &Listed<f64>) -> f64 {
        let products = self.worse.iter().zip(ratios.iter());
        let all = as_f64(ratios.as_slice().len() as u64);
        ln_sum(products.map(|(product, _)| *product)) - all.ln()
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
