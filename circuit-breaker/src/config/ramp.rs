use std::time::Duration;

use crate::types::ticks::{NEVER, after, ticks};

/// The gradual return of a breaker that has recovered: it admits a rising share of the calls, each
/// share for a time, before it admits all.
///
/// Of each hundred calls that come exactly the share is admitted, without chance. The others are
/// rejected. The order is not periodic, so that traffic in which kinds of calls take turns gets the
/// same share of each kind. The first call of a ramp is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a ramp does nothing until it is given to `Builder::ramp`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "form::Form", into = "form::Form")
)]
pub struct Ramp {
    step: Duration,
    /// Of a hundred calls. 0 after the last; `None` if they could never work.
    shares: Option<[u8; MAX_STEPS]>,
}

/// A [`Ramp`] in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(super) step: u64,
    pub(super) shares: [u8; MAX_STEPS],
}

/// Eight shares of eight bits fit into a word; eight doublings are more than from 1 % to all.
const MAX_STEPS: usize = 8;

// === impl Ramp ===

impl Ramp {
    /// 10 %, 25 %, 50 % of the calls, each share for `step`; then all.
    ///
    /// `step` is from 1 ns; all steps together are no more than 36 years.
    pub const fn new(step: Duration) -> Self {
        Self { step, shares: None }.percent(&[10, 25, 50])
    }

    /// Other shares of a hundred calls: one to eight of them, rising, from 1 to 99.
    pub const fn percent(mut self, shares: &[u8]) -> Self {
        let mut steps = [0; MAX_STEPS];
        let mut before = 0;
        let mut index = 0;
        let mut is_valid = !shares.is_empty() && shares.len() <= MAX_STEPS;
        while is_valid && index < shares.len() {
            is_valid = before < shares[index] && shares[index] < 100;
            before = shares[index];
            steps[index] = before;
            index += 1;
        }
        self.shares = if is_valid { Some(steps) } else { None };
        self
    }

    /// `None` if it could never work.
    pub(super) const fn steps(self) -> Option<Steps> {
        let step = ticks(self.step);
        match self.shares {
            Some(shares) if step > 0 => Some(Steps { step, shares }),
            _ => None,
        }
    }
}

impl From<Duration> for Ramp {
    /// [`Ramp::new`].
    fn from(step: Duration) -> Self {
        Self::new(step)
    }
}

// === impl Steps ===

impl Steps {
    /// When a ramp that begins at `now` is over.
    pub(crate) fn end(&self, now: u64) -> u64 {
        // Below 2^60 * 8: no overflow.
        after(now, (self.step * self.count()).min(NEVER))
    }

    /// The share of a hundred calls that is admitted this long before the end of the ramp, and the
    /// time until a larger one is.
    pub(crate) fn share(&self, left: u64) -> (u64, u64) {
        // The last step is the one that begins one step before the end.
        let steps_left = left.div_ceil(self.step).clamp(1, self.count());
        #[expect(clippy::cast_possible_truncation, reason = "at most eight")]
        let index = (self.count() - steps_left) as usize;
        let until = left - (steps_left - 1) * self.step;
        (self.shares[index].into(), until)
    }

    fn count(&self) -> u64 {
        self.shares.iter().filter(|share| **share > 0).count() as u64
    }
}

/// In a file: `"10s"`, `{ step: "10s", percent: [10, 25, 50] }`.
#[cfg(feature = "serde")]
mod form {
    use std::time::Duration;

    use super::{super::duration, Ramp};

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(
        untagged,
        expecting = "expected a duration such as \"10s\", or `step` and `percent`"
    )]
    pub(super) enum Form {
        Usual(#[serde(with = "duration")] Duration),
        Shares(#[serde(deserialize_with = "super::super::from_table")] Shares),
    }

    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Shares {
        #[serde(with = "duration")]
        step: Duration,
        percent: Option<Vec<u8>>,
    }

    impl From<Ramp> for Form {
        fn from(ramp: Ramp) -> Self {
            let step = ramp.step;
            if ramp == Ramp::new(step) {
                return Self::Usual(step);
            }
            // Shares that do not rise become none, which is refused when it is read.
            let shares = ramp.shares.unwrap_or_default();
            let percent = shares.into_iter().filter(|share| *share > 0).collect();
            Self::Shares(Shares {
                step,
                percent: Some(percent),
            })
        }
    }

    impl From<Form> for Ramp {
        fn from(form: Form) -> Self {
            match form {
                Form::Usual(step) => Self::new(step),
                Form::Shares(Shares { step, percent }) => {
                    let ramp = Self::new(step);
                    percent.map_or(ramp, |shares| ramp.percent(&shares))
                }
            }
        }
    }
}
