//! Bets on the sign of each batch.
//!
//! A bet with the stake `λ` multiplies by `1 + λ s` a batch, which expects 1 where `s` expects 0. So the product is a
//! non-negative martingale, and so is a mean of products. By Ville's inequality it ever reaches `1/α` with a probability
//! of at most α, however often it is looked at (Shafer, *Testing by betting*, 2021). Three stakes are mixed, because a
//! small difference is best shown by small stakes, and a large one by large stakes. A batch multiplies by at most 1.9:
//! seven batches are the least at an α of 3 %.

use super::{
    arms::Tally,
    intervals::{as_f64, ln_sum},
    sign::sign,
};

/// The stakes.
const STAKES: [f64; 3] = [0.3, 0.6, 0.9];

/// The logarithms of the products, one for each stake.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Bet([f64; STAKES.len()]);

/// The bets that the canary has more hits than the baseline, far more hits, or not many more hits, where a hit is a
/// failure or a slow request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Bets {
    pub(super) worse: Bet,
    pub(super) far_worse: Bet,
    /// Since the step began.
    pub(super) not_worse: Bet,
}

impl Bet {
    fn add(&mut self, sign: f64) {
        for (product, stake) in self.0.iter_mut().zip(STAKES) {
            *product += (stake * sign.clamp(-1.0, 1.0)).ln_1p();
        }
    }

    /// The logarithm of the mean of the products.
    pub(super) fn ln(self) -> f64 {
        ln_sum(self.0.into_iter()) - as_f64(STAKES.len() as u64).ln()
    }

    /// The least number of batches in which a bet reaches `1/alpha`.
    pub(super) fn least_batches(alpha: f64) -> u32 {
        let (mut bet, mut batches) = (Self::default(), 0);
        while bet.ln() < -alpha.ln() {
            bet.add(1.0);
            batches += 1;
        }
        batches
    }
}

impl Bets {
    pub(super) const NONE: Self = {
        let none = Bet([0.0; STAKES.len()]);
        Self {
            worse: none,
            far_worse: none,
            not_worse: none,
        }
    };

    /// Adds a batch, where `far` times as often is far worse, and `margin` times as often is worse by the margin.
    pub(super) fn add(&mut self, baseline: Tally, canary: Tally, far: f64, margin: f64) {
        let more_than = |times: f64| sign(1.0 / times, baseline, canary);
        self.worse.add(more_than(1.0));
        self.far_worse.add(more_than(far));
        self.not_worse.add(-more_than(margin));
    }

    #[cfg(feature = "serde")]
    pub(super) fn is_sound(&self) -> bool {
        let bets = [self.worse, self.far_worse, self.not_worse];
        bets.iter().all(|bet| bet.0.iter().all(|ln| ln.is_finite()))
    }

    /// Forgets the evidence that it is not worse, because each step of a release needs new evidence.
    pub(super) fn begin_step(&mut self) {
        self.not_worse = Bet::default();
    }
}
