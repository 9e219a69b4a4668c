//! A time in which calls take longer than is healthy: whose queue is it?

use super::Seen;

/// What is known of a slow-down. It ends with the first window that is healthy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SlowDown {
    /// The limit at which it began. The limit stays below until it is over: an outage never raises a limit.
    cap: f64,
    /// The next window holds calls from before the last cut.
    is_settling: bool,
    /// The limit and the throughput before the limit fell by half.
    reference: Option<Reference>,
    given_up: Option<GivenUp>,
}

/// Half of the calls took as long as all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct GivenUp {
    latency: f64,
    limit: f64,
    /// The windows until the limit must have doubled. `None` when it has.
    left: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reference {
    limit: f64,
    throughput: f64,
}

/// Half of the calls in flight, and at most this share of the former throughput: calls take as long as before, so their queue
/// is not ours. In our own queue the throughput stays.
const LESS_GETS_DONE: f64 = 0.7;

/// The limit that returns doubles in six windows, unless the latency rises with it. Then the queue is ours after all, and the
/// capacity fell during the comparison. Without this second look one in seven such falls was taken for a slow-down of others,
/// and the latency stayed at seven times the base.
const DOUBLES_WITHIN: u32 = 10;

/// A limit that falls by more than a fifth leaves calls in flight that were admitted above it.
const LARGE_CUT: f64 = 0.8;

impl SlowDown {
    /// A slow-down that begins at this limit. Its first window holds both times.
    pub(super) const fn new(limit: f64) -> Self {
        Self {
            cap: limit,
            is_settling: true,
            reference: None,
            given_up: None,
        }
    }

    pub(super) const fn cap(&self) -> f64 {
        self.cap
    }

    pub(super) fn given_up(&self) -> Option<f64> {
        self.given_up.map(|given_up| given_up.latency)
    }

    /// Judges a window. `false` if it says nothing.
    pub(super) fn judge(&mut self, limit: f64, seen: &Seen) -> bool {
        if self.is_settling {
            self.is_settling = false;
            return false;
        }
        let now = Reference {
            limit,
            throughput: seen.throughput,
        };
        match (&mut self.given_up, self.reference) {
            (Some(given_up), _) => {
                given_up.latency = given_up.latency.min(seen.latency);
                if limit >= self.cap.min(2.0 * given_up.limit) {
                    given_up.left = None;
                }
                given_up.left = given_up.left.map(|left| left - 1);
                if given_up.left == Some(0) {
                    (self.given_up, self.reference) = (None, Some(now));
                }
            }
            (None, None) => self.reference = Some(now),
            (None, Some(before)) if limit <= before.limit / 2.0 => {
                if now.throughput <= LESS_GETS_DONE * before.throughput {
                    self.given_up = Some(GivenUp {
                        latency: seen.latency,
                        limit,
                        left: Some(DOUBLES_WITHIN),
                    });
                } else {
                    self.reference = Some(now);
                }
            }
            (None, Some(_)) => {}
        }
        true
    }

    /// The limit falls to `ratio` of what it was.
    pub(super) fn cut(&mut self, ratio: f64) {
        self.is_settling |= ratio < LARGE_CUT;
    }
}
