//! A release as data, with the feature `serde`.

use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

use super::{
    batches,
    faults::Faults,
    limits::{self, Parts},
    policy::{CanaryPolicy, MOST_LIMITS},
    run::{Canary, Compared},
};
use crate::types::checksum::checksum;

/// A release that is interrupted: everything that a [`Canary`] remembers, for any format of serde. Made by
/// [`Canary::saved`], and continued by [`CanaryPolicy::restore`].
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Saved {
    version: u32,
    /// Of the policy, as hexadecimal digits.
    policy: String,
    step: usize,
    step_lasted: Duration,
    batch: batches::Kept,
    batch_lasted: Duration,
    errors: Compared,
    latency: Compared,
    limits: [(limits::Kept, Duration); MOST_LIMITS],
    both_fail: Option<u64>,
    measurement_errors: u32,
    faults: Faults,
}

/// Why a saved release cannot be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotRestore {
    /// It has a version that this crate does not know.
    Version(u32),
    /// It was observed under another policy.
    OtherPolicy,
    /// Its numbers contradict each other.
    Damaged,
}

/// The version of the form, and of the tests: another test would not continue the evidence.
const VERSION: u32 = 1;

impl Canary {
    /// The release as data. The gate is not part of it. Time stands still until it is restored.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{CanaryPolicy, canary::{Arm, Saved}};
    ///
    /// let policy = CanaryPolicy::builder().without_latency().build()?;
    /// let mut release = policy.start();
    /// release.observe(Arm::new(90, 0), Arm::new(10, 0))?;
    /// let text = serde_json::to_string(&release.saved())?;
    ///
    /// // After a restart:
    /// let saved: Saved = serde_json::from_str(&text)?;
    /// let release = policy.restore(&saved)?;
    /// assert_eq!(release.step(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn saved(&self) -> Saved {
        self.saved_at(Instant::now())
    }

    /// As [`saved`](Self::saved), at `now`.
    #[must_use]
    pub fn saved_at(&self, now: Instant) -> Saved {
        let lasted = |began: Instant| now.saturating_duration_since(began);
        Saved {
            version: VERSION,
            policy: self.policy.fingerprint(),
            step: self.step,
            step_lasted: lasted(self.step_began),
            batch: self.batches.kept,
            batch_lasted: lasted(self.batches.began),
            errors: self.errors,
            latency: self.latency,
            limits: (self.limits).map(|parts| (parts.kept, lasted(parts.began))),
            both_fail: self.both_fail,
            measurement_errors: self.measurement_errors,
            faults: self.faults,
        }
    }
}

impl Saved {
    /// Whether a release can have come to these numbers, so that no difference of counts is negative.
    fn is_sound(&self, policy: &CanaryPolicy) -> bool {
        let arms = self.batch.arms();
        let limits = policy.limits.iter().zip(&self.limits);
        self.step < policy.steps().count()
            && self.batch.is_sound(policy)
            && self.errors.is_sound()
            && self.latency.is_sound()
            && limits
                .into_iter()
                .all(|(limit, (kept, _))| limit.is_none_or(|limit| kept.is_sound(&limit, &arms)))
            && self.faults.is_sound()
    }
}

impl CanaryPolicy {
    /// Continues a release that was saved, now. A gate has to be given again, by [`Canary::behind`]. Counters that began
    /// again meanwhile begin a new batch.
    ///
    /// # Errors
    ///
    /// [`CannotRestore`] if the policy was another one, in any of its numbers, or another version of this crate wrote it in
    /// another form, or if its numbers contradict each other.
    pub fn restore(&self, saved: &Saved) -> Result<Canary, CannotRestore> {
        self.restore_at(saved, Instant::now())
    }

    /// As [`restore`](Self::restore), at `now`.
    ///
    /// # Errors
    ///
    /// As [`restore`](Self::restore).
    pub fn restore_at(&self, saved: &Saved, now: Instant) -> Result<Canary, CannotRestore> {
        if saved.version != VERSION {
            return Err(CannotRestore::Version(saved.version));
        }
        if saved.policy != self.fingerprint() {
            return Err(CannotRestore::OtherPolicy);
        }
        if !saved.is_sound(self) {
            return Err(CannotRestore::Damaged);
        }
        // A clock that is younger than the release cannot show its age. The step then begins now.
        let began = |lasted: Duration| now.checked_sub(lasted).unwrap_or(now);
        let mut canary = self.start_at(now);
        canary.step = saved.step;
        canary.step_began = began(saved.step_lasted);
        canary.batches.kept = saved.batch;
        canary.batches.began = began(saved.batch_lasted);
        canary.errors = saved.errors;
        canary.latency = saved.latency;
        canary.limits = saved.limits.map(|(kept, lasted)| Parts {
            kept,
            began: began(lasted),
        });
        canary.both_fail = saved.both_fail;
        canary.measurement_errors = saved.measurement_errors;
        canary.faults = saved.faults;
        Ok(canary)
    }

    /// A checksum of all numbers of the policy.
    fn fingerprint(&self) -> String {
        let mut words = vec![
            self.alpha.to_bits(),
            self.guard.to_bits(),
            self.margin.to_bits(),
            self.times_error_rate.to_bits(),
            self.times_p95.to_bits(),
            self.failures_in_a_row,
            u64::from(self.compares_latency),
            self.overdue as u64,
            self.measurement_errors.map_or(u64::MAX, u64::from),
        ];
        let time = |time: Duration| [time.as_secs(), u64::from(time.subsec_nanos())];
        words.extend(
            [self.batch, self.min_wait, self.max_wait]
                .into_iter()
                .flat_map(time),
        );
        for limit in self.limits.iter().flatten() {
            words.extend([limit.objective.good(), limit.objective.of()]);
            words.extend(time(limit.within));
            words.extend(limit.metric.words());
        }
        words.extend(self.steps().map(u64::from));
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        format!("{:016x}", checksum(&bytes))
    }
}

impl fmt::Display for CannotRestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "a saved canary of version {version}, where this crate reads {VERSION}: start the release anew"
            ),
            Self::OtherPolicy => f.write_str(
                "the canary was saved under another policy: restore it with the numbers of that policy, or start the release anew",
            ),
            Self::Damaged => f.write_str(
                "the numbers of the saved canary contradict each other: the file was changed; start the release anew",
            ),
        }
    }
}

impl Error for CannotRestore {}
