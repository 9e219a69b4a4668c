use std::{cmp::Ordering, fmt};

use crate::types::{Counts, Factor, Objective, decimal};

/// How fast a window consumes the budget. At 1 a whole period like this window consumes exactly the budget.
///
/// `(bad / total) / (1 - objective)`, kept as integers and compared with a [`Factor`] by cross-multiplication, so that
/// no rounding decides. Without events there is no burn rate, as no data is not 0. With an objective of 100 % it is 0
/// without a bad event and infinite with one.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Counts, Factor, Objective};
///
/// let objective: Objective = "99.9%".parse()?;
/// let burn = objective.burn_rate(Counts::new(98_560, 1_440)).unwrap();
/// let line: Factor = "14.4".parse()?;
/// assert!(burn == line && !(burn > line));
/// assert!(objective.burn_rate(Counts::new(98_559, 1_441)).unwrap() > line);
/// assert!(objective.burn_rate(Counts::new(0, 0)).is_none());
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[doc(alias = "burnRate")]
#[derive(Clone, Copy)]
pub struct BurnRate {
    objective: Objective,
    counts: Counts,
}

impl BurnRate {
    pub(super) const fn new(objective: Objective, counts: Counts) -> Option<Self> {
        if counts.total() == 0 {
            None
        } else {
            Some(Self { objective, counts })
        }
    }

    /// The events that it was computed from.
    #[must_use]
    pub const fn counts(self) -> Counts {
        self.counts
    }

    pub(crate) const fn objective(self) -> Objective {
        self.objective
    }

    /// For display. Infinite if the objective is 100 % and there was a bad event.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub const fn as_f64(self) -> f64 {
        let (bad, all) = self.terms();
        if bad == 0 {
            return 0.0;
        }
        bad as f64 / all as f64
    }

    /// Numerator and denominator. Below 2^64 × 2^60 and 2^65 × 2^60; the denominator is 0 at 100 %.
    const fn terms(self) -> (u128, u128) {
        let bad = self.counts.bad() as u128 * self.objective.of() as u128;
        let all = self.counts.total() * self.objective.budget() as u128;
        (bad, all)
    }

    fn compare(self, factor: Factor) -> Ordering {
        let (bad, all) = self.terms();
        let (numerator, denominator) = factor.terms();
        match bad {
            // Also at 100 %, where both products would be 0.
            0 => 0.cmp(&numerator),
            _ => decimal::compare_products(bad, denominator, all, numerator),
        }
    }
}

impl PartialEq<Factor> for BurnRate {
    fn eq(&self, factor: &Factor) -> bool {
        self.compare(*factor) == Ordering::Equal
    }
}

impl PartialOrd<Factor> for BurnRate {
    fn partial_cmp(&self, factor: &Factor) -> Option<Ordering> {
        Some(self.compare(*factor))
    }
}

impl fmt::Display for BurnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.as_f64().is_infinite() {
            return f.write_str("infinite");
        }
        match f.precision() {
            Some(_) => self.as_f64().fmt(f),
            None => write!(f, "{:.2}", self.as_f64()),
        }
    }
}

impl fmt::Debug for BurnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BurnRate({self}, {:?})", self.counts)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn at_100_percent_a_burn_rate_is_0_or_infinite() {
        let all = Objective::new(1, 1).unwrap();
        let (none, some) = (
            Factor::new(0, 1).unwrap(),
            Factor::new(u32::MAX, 1).unwrap(),
        );
        let healthy = all.burn_rate(Counts::new(u64::MAX, 0)).unwrap();
        assert!(healthy == none && healthy < some && healthy.as_f64() == 0.0);
        let broken = all.burn_rate(Counts::new(u64::MAX, 1)).unwrap();
        assert!(broken > none && broken > some && broken.as_f64() == f64::INFINITY);
    }

    proptest! {
        #[test]
        fn a_burn_rate_compares_as_its_fraction(
            good in prop_oneof![0_u64..2000, Just(u64::MAX), any::<u64>()],
            bad in prop_oneof![0_u64..100, Just(u64::MAX), any::<u64>()],
            (objective_good, of) in prop_oneof![
                Just((0_u64, 1_u64)), Just((1, 1)), Just((999, 1000)), Just((99_999_999, 100_000_000)),
                (0_u64..=1_000_000_000_000_000_000, 1_u64..=1_000_000_000_000_000_000)
                    .prop_map(|(a, b)| (a.min(b), b)),
            ],
            (numerator, denominator) in (any::<u32>(), 1_u32..),
        ) {
            let objective = Objective::new(objective_good, of).unwrap();
            let factor = Factor::new(numerator, denominator).unwrap();
            let Some(burn) = BurnRate::new(objective, Counts::new(good, bad)) else {
                prop_assert_eq!((good, bad), (0, 0));
                return Ok(());
            };
            // bad / total / (1 - objective) against the factor, in numbers of any size.
            let left = product(&[bad.into(), of.into(), denominator.into()]);
            let right = product(&[
                u128::from(good) + u128::from(bad), (of - objective_good).into(), numerator.into(),
            ]);
            let expected = match (bad, of == objective_good) {
                (0, true) => 0.cmp(&numerator),
                (_, true) => Ordering::Greater,
                (_, false) => left.cmp(&right),
            };
            prop_assert_eq!(burn.partial_cmp(&factor), Some(expected));
            prop_assert_eq!(burn == factor, expected == Ordering::Equal);
        }
    }

    /// A product as digits of 32 bits, the highest first, always eight of them.
    fn product(factors: &[u128]) -> Vec<u64> {
        let mut digits = vec![1_u64];
        for factor in factors {
            let parts: Vec<u64> = (0..4)
                .map(|n| u64::try_from((factor >> (32 * n)) & 0xffff_ffff).expect("32 bits"))
                .collect();
            let mut next = vec![0_u64; digits.len() + parts.len() + 1];
            for (i, digit) in digits.iter().enumerate() {
                let mut carry = 0;
                for (j, part) in parts.iter().enumerate() {
                    let sum = next[i + j] + digit * part + carry;
                    next[i + j] = sum & 0xffff_ffff;
                    carry = sum >> 32;
                }
                next[i + parts.len()] += carry;
            }
            digits = next;
        }
        digits.resize(16, 0);
        digits.reverse();
        digits
    }
}
