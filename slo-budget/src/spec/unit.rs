//! The unit in which a histogram of latencies counts.

use std::time::Duration;

use crate::spec::number::float;

/// The nanoseconds of the unit in which a histogram counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit(u32);

// === impl Unit ===

impl Unit {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let nanoseconds = match text {
            "s" | "seconds" => 1_000_000_000,
            "ms" | "milliseconds" => 1_000_000,
            "us" | "microseconds" => 1_000,
            "ns" | "nanoseconds" => 1,
            _ => return None,
        };
        Some(Self(nanoseconds))
    }

    /// The unit in the name of a metric, which has it at its end. Seconds without one, as Prometheus recommends.
    pub(super) fn of_metric(metric: &str) -> Self {
        let last = metric.rsplit(['_', '.', ':']).next().unwrap_or_default();
        Self::parse(last)
            .or(match last {
                "millis" | "msec" => Self::parse("ms"),
                "micros" | "usec" => Self::parse("us"),
                "nanos" | "nsec" => Self::parse("ns"),
                _ => None,
            })
            .unwrap_or(Self(1_000_000_000))
    }

    /// A time as the bound of a bucket.
    pub(super) fn bound(self, time: Duration) -> String {
        float(time.as_nanos(), self.0.into()).to_string()
    }
}
