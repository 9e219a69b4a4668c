use crate::canary::{Interval, arms::Tally};

/// 1.96 standard deviations: 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval (Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*,
/// 1927), for display: it covers for a number of requests that was fixed beforehand, and no decision is made by it.
#[expect(
    clippy::cast_precision_loss,
    reason = "for display, and counts are below 2^53"
)]
pub(crate) fn wilson(Tally { total, hits }: Tally) -> Interval {
    if total == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, rate) = (total as f64, hits as f64 / total as f64);
    let square = Z * Z;
    let scale = 1.0 / (1.0 + square / n);
    let centre = (rate + square / (2.0 * n)) * scale;
    let half = (rate * (1.0 - rate) / n + square / (4.0 * n * n)).sqrt() * Z * scale;
    Interval {
        low: if hits == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if hits == total {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    }
}
