//! The distributions that a comparison draws from, as lists of probabilities.
//!
//! Each probability follows from its neighbour by a ratio, outwards from the mean, and the sum makes them absolute. So
//! nothing cancels, and no factorial is needed. What is left out is less than rounding: beyond nine standard deviations
//! and twenty values of a hypergeometric or binomial distribution, and beyond ten and forty mean gaps of a negative
//! binomial one, whose tail is geometric.

use super::intervals::as_f64;

/// A distribution of whole numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draws {
    /// The hits among `drawn` of `all` requests, of which `hits` are hits.
    Subset { all: u64, hits: u64, drawn: u64 },
    /// The hits that are kept of `n`, each with the probability `kept`.
    Kept { n: u64, kept: f64 },
    /// The number of hits of which the `nth` is the last that is kept.
    UntilKept { nth: u64, kept: f64 },
}

/// The probabilities of neighbouring numbers. Their sum is 1.
#[derive(Clone, Debug)]
pub(super) struct Pmf {
    first: u64,
    probabilities: Vec<f64>,
}

impl Draws {
    pub(super) fn mean(self) -> f64 {
        match self {
            Self::Subset { all, hits, drawn } => as_f64(drawn) * as_f64(hits) / as_f64(all),
            Self::Kept { n, kept } => as_f64(n) * kept,
            Self::UntilKept { nth, kept } => as_f64(nth) / kept,
        }
    }

    pub(super) fn variance(self) -> f64 {
        match self {
            Self::Subset { all: 1, .. } => 0.0,
            Self::Subset { all, hits, drawn } => {
                let others = as_f64(all - hits) / as_f64(all) * as_f64(all - drawn);
                self.mean() * others / as_f64(all - 1)
            }
            Self::Kept { kept, .. } => self.mean() * (1.0 - kept),
            Self::UntilKept { kept, .. } => self.mean() * (1.0 - kept) / kept,
        }
    }

    /// The first and the last number that are possible, and whose probabilities matter.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, below 2^63"
    )]
    pub(super) fn range(self) -> (u64, u64) {
        let (least, most, tail) = match self {
            Self::Subset { all, hits, drawn } => {
                ((hits + drawn).saturating_sub(all), hits.min(drawn), 20.0)
            }
            Self::Kept { n, kept } if kept < 1.0 => (0, n, 20.0),
            Self::UntilKept { nth, kept } if kept < 1.0 && nth > 0 => (nth, u64::MAX, 40.0 / kept),
            Self::Kept { n, .. } | Self::UntilKept { nth: n, .. } => (n, n, 0.0),
        };
        let (mean, away) = (self.mean(), 10.0 * self.variance().sqrt() + tail);
        let within = |x: f64| (x.max(0.0) as u64).clamp(least, most);
        (within(mean - away), within(mean + away))
    }

    /// The probability of `k + 1` by that of `k`.
    fn ratio(self, k: u64) -> f64 {
        match self {
            Self::Subset { all, hits, drawn } => {
                as_f64(drawn - k) * as_f64(hits - k)
                    / (as_f64(k + 1) * as_f64(all + k + 1 - hits - drawn))
            }
            Self::Kept { n, kept } => as_f64(n - k) / as_f64(k + 1) * (kept / (1.0 - kept)),
            Self::UntilKept { nth, kept } => as_f64(k) / as_f64(k + 1 - nth) * (1.0 - kept),
        }
    }

    fn pmf(self) -> Pmf {
        let (first, last) = self.range();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below 2^63"
        )]
        let middle = (self.mean() as u64).clamp(first, last);
        let from = |k: u64| usize::try_from(k - first).expect("a range that fits in memory");
        let mut probabilities = vec![1.0; from(last) + 1];
        for k in middle..last {
            probabilities[from(k + 1)] = probabilities[from(k)] * self.ratio(k);
        }
        for k in (first..middle).rev() {
            probabilities[from(k)] = probabilities[from(k + 1)] / self.ratio(k);
        }
        let sum: f64 = probabilities.iter().sum();
        for probability in &mut probabilities {
            *probability /= sum;
        }
        Pmf {
            first,
            probabilities,
        }
    }

    /// The probability that it is at most `other`, drawn independently.
    pub(super) fn is_at_most(self, other: Self) -> f64 {
        let ((first, last), (others_first, others_last)) = (self.range(), other.range());
        if last <= others_first {
            return 1.0;
        }
        if first > others_last {
            return 0.0;
        }
        let (this, other) = (self.pmf(), other.pmf());
        let (mut up_to, mut next) = (0.0, 0);
        let mut sum = 0.0;
        for (k, probability) in (other.first..).zip(other.probabilities) {
            while next < this.probabilities.len() && this.first + next as u64 <= k {
                up_to += this.probabilities[next];
                next += 1;
            }
            sum += probability * up_to;
        }
        sum
    }
}
