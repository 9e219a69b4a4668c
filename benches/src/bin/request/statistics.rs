//! Medians, and their intervals.

use serde::Serialize;

/// A median with its interval of confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The quantile of the normal distribution for a two-sided 95 %.
const Z: f64 = 1.96;

// === impl Estimate ===

impl Estimate {
    /// The interval of the sign test: two order statistics, whatever the distribution is. Their ranks follow from the normal
    /// approximation of the binomial distribution (Conover, *Practical Nonparametric Statistics*, section 3.2), which needs
    /// about ten values.
    ///
    /// # Panics
    ///
    /// Panics if there is no value.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        let median = median(&mut values); // sorts
        let count = values.len();
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 values")]
        let half_width = Z * (count as f64).sqrt() / 2.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small number that is not negative"
        )]
        let half_width = half_width.ceil() as usize;
        let low = (count / 2).saturating_sub(half_width + 1);
        Self {
            median,
            low: values[low],
            high: values[count - 1 - low],
        }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            low: self.low * factor,
            high: self.high * factor,
        }
    }
}

/// Sorts the values, and returns the middle one or the mean of the two in the middle.
///
/// # Panics
///
/// Panics if there is no value.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[lower], values[upper])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(
            median(&mut [4.0, 1.0, 2.0, 3.0]).to_bits(),
            2.5_f64.to_bits()
        );
    }

    #[test]
    fn an_interval_has_the_ranks_of_the_sign_test() {
        // Tables of the sign test have the ranks 40 and 61 for a hundred values.
        let values = (1..=100).rev().map(f64::from).collect();
        let expected = Estimate {
            median: 50.5,
            low: 40.0,
            high: 61.0,
        };
        assert_eq!(Estimate::of(values), expected);
    }

    #[test]
    fn an_interval_of_few_values_has_them_all() {
        let expected = Estimate {
            median: 2.0,
            low: 1.0,
            high: 3.0,
        };
        assert_eq!(Estimate::of(vec![2.0, 3.0, 1.0]), expected);
    }
}
