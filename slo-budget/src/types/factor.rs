use std::{fmt, str::FromStr, time::Duration};

use crate::types::{InvalidConfig, InvalidConfigKind, decimal, duration};

/// A burn rate to compare with: an exact number, so that 14.4 is exactly 14.4.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::Factor;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let two_percent_an_hour = Factor::of_budget("0.02".parse()?, 30 * 24 * hour, hour);
/// assert_eq!(two_percent_an_hour.unwrap(), "14.4".parse()?);
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    // In lowest terms. Below 2^96, so that a percentage of it fits.
    numerator: u128,
    denominator: u128,
}

impl Factor {
    /// `numerator / denominator`. `None` if the denominator is 0.
    #[must_use]
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        Self::ratio(numerator as u64, denominator as u64)
    }

    /// The burn rate that consumes the share `budget` of a period's budget within `window`:
    /// `budget × period / window` (Google SRE Workbook, chapter 5). `None` for a window of zero.
    ///
    /// Durations beyond 584 years count as 584 years.
    #[must_use]
    pub fn of_budget(budget: Self, period: Duration, window: Duration) -> Option<Self> {
        Self::of_ticks(budget, duration::ticks(period), duration::ticks(window))
    }

    /// As [`of_budget`](Self::of_budget), in ticks; `budget` must be a plain number, made by `new` or read.
    pub(crate) fn of_ticks(budget: Self, period: u64, window: u64) -> Option<Self> {
        if window == 0 {
            return None;
        }
        // A factor that was itself computed has large terms. A budget that does not fit is not sensible.
        let numerator = budget.numerator.checked_mul(period.into())?;
        let denominator = budget.denominator.checked_mul(window.into())?;
        Self::fraction(numerator, denominator)
    }

    /// `None` if the denominator is 0, or a term is too large.
    fn fraction(numerator: u128, denominator: u128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let factor = Self::reduced(numerator, denominator);
        (factor.numerator >> 96 == 0 && factor.denominator >> 96 == 0).then_some(factor)
    }

    /// `numerator / denominator` of two lengths of time. `None` if the denominator is 0.
    pub(crate) const fn ratio(numerator: u64, denominator: u64) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        Some(Self::reduced(numerator as u128, denominator as u128))
    }

    const fn reduced(numerator: u128, denominator: u128) -> Self {
        let divisor = decimal::gcd(numerator, denominator);
        Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        }
    }

    /// A percentage of it.
    pub(crate) const fn percent(self, percent: u8) -> Self {
        Self::reduced(self.numerator * percent as u128, self.denominator * 100)
    }

    /// `scale` times it, rounded down. `scale` is below 2^31.
    pub(crate) fn times(self, scale: u128) -> u128 {
        decimal::scaled(scale, self.numerator, self.denominator)
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// Whether a service that burns at this rate keeps within its budget.
    pub(crate) const fn is_at_most_one(self) -> bool {
        self.numerator <= self.denominator
    }

    pub(crate) const fn terms(self) -> (u128, u128) {
        (self.numerator, self.denominator)
    }

    /// Displays the text that reads as the same factor: a decimal if one is short enough, and a fraction otherwise.
    #[cfg(feature = "serde")]
    pub(crate) fn exact(self) -> impl fmt::Display {
        let decimal = (0..=9_u32).find_map(|places| {
            let scale = 10_u128.pow(places);
            let digits = self.numerator.checked_mul(scale)?;
            let fits =
                digits % self.denominator == 0 && digits / self.denominator <= u32::MAX.into();
            fits.then(|| (digits / self.denominator, places))
        });
        match decimal {
            Some((digits, 0)) => digits.to_string(),
            Some((digits, places)) => {
                let (scale, width) = (10_u128.pow(places), places as usize);
                format!("{}.{:0width$}", digits / scale, digits % scale)
            }
            None => format!("{}/{}", self.numerator, self.denominator),
        }
    }

    /// For display.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub const fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl FromStr for Factor {
    type Err = InvalidConfig;

    /// Reads a plain decimal, `14.4`, or a fraction, `1/3`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfigKind::Factor`] for anything else, for a decimal with more than nine digits in all, and for a fraction
    /// with a term of 2^96 or more in lowest terms.
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        let exact = || {
            if let Some((numerator, denominator)) = text.split_once('/') {
                return Self::fraction(
                    numerator.trim().parse().ok()?,
                    denominator.trim().parse().ok()?,
                );
            }
            let (numerator, denominator) = decimal::parse(text, 9)?;
            Self::new(numerator.try_into().ok()?, denominator.try_into().ok()?)
        };
        exact().ok_or(InvalidConfigKind::Factor.unnamed())
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_read_from_a_decimal_or_a_fraction() {
        let third = Factor::new(1, 3).unwrap();
        for (text, factor) in [
            ("14.4", Factor::new(144, 10).unwrap()),
            ("1/3", third),
            ("2 / 6", third),
            ("0/7", Factor::new(0, 1).unwrap()),
        ] {
            assert_eq!(text.parse(), Ok(factor), "{text}");
        }
        let large = (u128::MAX / 2).to_string();
        for wrong in [
            "1/0",
            "/3",
            "1/",
            "1/3/5",
            "1.5/3",
            "-1/3",
            &format!("{large}/1"),
        ] {
            assert_eq!(
                wrong.parse::<Factor>(),
                Err(InvalidConfigKind::Factor.unnamed()),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_factor_too_large_for_a_percentage_is_none() {
        let huge = Factor::new(u32::MAX, 1).unwrap();
        let centuries = Duration::from_nanos(u64::MAX);
        let once = Factor::of_budget(huge, centuries, Duration::from_nanos(1)).unwrap();
        // Its terms are below 2^96, so this does not overflow.
        assert!(once.percent(100) == once);
        assert_eq!(
            Factor::of_budget(once, Duration::from_nanos(3), Duration::from_nanos(2)),
            None
        );
        assert_eq!(
            Factor::of_budget(once, centuries, Duration::from_nanos(1)),
            None
        );
        assert_eq!(Factor::of_budget(huge, centuries, Duration::ZERO), None);
    }
}
