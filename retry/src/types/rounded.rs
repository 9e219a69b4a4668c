use std::{fmt, time::Duration};

/// Displays a duration for people, so that messages about similar durations are equal and group in a log.
///
/// Up to three significant digits are exact: `1.25s`. A longer figure is rounded up to two: `4.9s`. It is never too
/// short, so "try again in" is never too early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounded(pub(crate) Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u128 = 1_000_000_000;
        let nanos = self.0.as_nanos();
        // The value of the second digit.
        let mut step = 1;
        while nanos / step >= 100 {
            step *= 10;
        }
        let rounded = if step > 1 && nanos % (step / 10) == 0 {
            nanos
        } else {
            nanos.div_ceil(step) * step
        };
        let seconds = u64::try_from(rounded / SECOND).unwrap_or(u64::MAX);
        let below = u32::try_from(rounded % SECOND).unwrap_or(0);
        write!(f, "{:?}", Duration::new(seconds, below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_exact_to_three_digits_or_rounded_up() {
        for (nanos, shown) in [
            (0, "0ns"),
            (7, "7ns"),
            (1_000, "1µs"),
            (1_234, "1.3µs"),
            (250_000_000, "250ms"),
            (999_100_000, "1s"),
            (1_250_000_000, "1.25s"),
            (1_250_000_001, "1.3s"),
            (4_876_543_211, "4.9s"),
            (99_000_000_001, "100s"),
            (3_600_000_000_000, "3600s"),
        ] {
            assert_eq!(Rounded(Duration::from_nanos(nanos)).to_string(), shown);
        }
        let longest = Rounded(Duration::MAX).to_string();
        assert_eq!(longest, "18446744073709551615s");
    }
}
