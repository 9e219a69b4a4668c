use std::{fmt, str::FromStr};

use crate::types::{BurnRate, Counts, InvalidConfig, InvalidConfigKind, decimal};

/// The share of events that must be good: an exact ratio from 0 % to 100 %.
///
/// At 100 % there is no budget: the burn rate is 0 without a bad event and infinite with one. At 0 % everything is
/// allowed, so that no page can fire, and a gate refuses nothing.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::Objective;
///
/// const THREE_NINES: Objective = Objective::new(999, 1000).unwrap();
/// for text in ["99.9%", "99.9 %", "0.999", "999/1000"] {
///     assert_eq!(text.parse::<Objective>()?, THREE_NINES);
/// }
/// assert_eq!(THREE_NINES.to_string(), "99.9%");
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[doc(alias("SLO", "target"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Objective {
    // In lowest terms, and `of` at most 10^18 (below 2^60), so that the products of a comparison fit `u128`.
    good: u64,
    of: u64,
}

/// Sixteen decimals of a percentage: more than any traffic can distinguish.
const MOST: u64 = 1_000_000_000_000_000_000;

impl Objective {
    /// `good` of `of` events. `None` if `good` is more than `of`, or `of` is 0 or above 10^18.
    ///
    /// With `unwrap`, an invalid objective in a `const` or `static` is a compile error.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the divisor of two u64 is at most the larger of them"
    )]
    pub const fn new(good: u64, of: u64) -> Option<Self> {
        if of == 0 || good > of || of > MOST {
            return None;
        }
        let divisor = decimal::gcd(good as u128, of as u128) as u64;
        Some(Self {
            good: good / divisor,
            of: of / divisor,
        })
    }

    /// How fast `counts` consume the budget. `None` without events.
    #[must_use]
    pub const fn burn_rate(self, counts: Counts) -> Option<BurnRate> {
        BurnRate::new(self, counts)
    }

    /// The budget: how many of [`of`](Self::of) events may be bad.
    pub(crate) const fn budget(self) -> u64 {
        self.of - self.good
    }

    /// The budget as a share, for display.
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub(crate) const fn budget_share(self) -> f64 {
        self.budget() as f64 / self.of as f64
    }

    pub(crate) const fn good(self) -> u64 {
        self.good
    }

    pub(crate) const fn of(self) -> u64 {
        self.of
    }

    /// How many of `counts` may be bad, rounded down.
    pub(crate) const fn allowed_bad(self, counts: Counts) -> u128 {
        // Below 2^65 × 2^60.
        counts.total() * self.budget() as u128 / self.of as u128
    }
}

impl FromStr for Objective {
    type Err = InvalidConfig;

    /// Reads `99.9%`, `0.999` or `999/1000`, exactly.
    ///
    /// # Errors
    ///
    /// [`InvalidConfigKind::Objective`] for anything else, such as a bare `99.9`, and for more than 18 decimals (16 in a
    /// percentage).
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        let exact = || {
            if let Some((good, of)) = text.split_once('/') {
                Some((good.trim().parse().ok()?, of.trim().parse().ok()?))
            } else if let Some(percent) = text.strip_suffix('%') {
                let (digits, scale) = decimal::parse(percent.trim(), 16)?;
                Some((digits, scale * 100))
            } else {
                // A bare `99.9` is more than 1, so `new` refuses it.
                decimal::parse(text.trim(), 18)
            }
        };
        exact()
            .and_then(|(good, of)| Self::new(good, of))
            .ok_or(InvalidConfigKind::Objective.unnamed())
    }
}

impl fmt::Display for Objective {
    /// As a percentage if that is exact, and as a fraction otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.of;
        let mut places = 0;
        for prime in [2, 5] {
            let mut times = 0;
            while rest % prime == 0 {
                rest /= prime;
                times += 1;
            }
            places = places.max(times);
        }
        if rest != 1 || places > 18 {
            return write!(f, "{}/{}", self.good, self.of);
        }
        // `of` divides 10^places, so this is exact; two of the places go before the point.
        let places = places.max(2);
        let scaled = u128::from(self.good) * 10_u128.pow(places) / u128::from(self.of);
        let scale = 10_u128.pow(places - 2);
        write!(f, "{}", scaled / scale)?;
        if scale > 1 {
            write!(
                f,
                ".{:0width$}",
                scaled % scale,
                width = places as usize - 2
            )?;
        }
        f.write_str("%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_read_and_written_exactly() {
        for (text, good, of, shown) in [
            ("99.9%", 999, 1000, "99.9%"),
            ("99.999999 %", 99_999_999, 100_000_000, "99.999999%"),
            ("0.95", 19, 20, "95%"),
            ("99.5%", 199, 200, "99.5%"),
            ("999/1000", 999, 1000, "99.9%"),
            ("2 / 3", 2, 3, "2/3"),
            ("100%", 1, 1, "100%"),
            ("1", 1, 1, "100%"),
            ("0%", 0, 1, "0%"),
            ("99.05%", 1981, 2000, "99.05%"),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert_eq!(objective, Objective { good, of }, "{text}");
            assert_eq!(objective.to_string(), shown);
            assert_eq!(objective.to_string().parse(), Ok(objective));
        }
    }

    #[test]
    fn text_that_is_no_share_is_refused() {
        for text in [
            "", "%", "99.9", "101%", "1.5", "-1%", "3/2", "1/0", "0/0", "abc", "99,9%", "1e-1",
        ] {
            assert_eq!(
                text.parse::<Objective>(),
                Err(InvalidConfigKind::Objective.unnamed()),
                "{text}"
            );
        }
        assert_eq!(Objective::new(1, MOST + 1), None);
    }
}
