use std::{fmt, time::Duration};

use crate::{
    backoff::{Backoff, Growth, Jitter},
    policy::Builder,
};

/// The numbers of a policy in the form that each call carries along: less than half as long as the builder's, as
/// each call copies them.
///
/// Durations are in nanoseconds. One of 584 years or more is [`FOR_EVER`].
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    first: u64,
    cap: u64,
    max_elapsed: u64,
    max_hint: u64,
    custom: Option<fn(u32) -> Duration>,
    attempts: u32,
    jitter: Jitter,
    /// Of a backoff that is not custom.
    grows: Grows,
    wait_for_ready: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grows {
    Not,
    Adding,
    Doubling,
}

const FOR_EVER: u64 = u64::MAX;

impl Numbers {
    pub(crate) fn new(builder: Builder) -> Self {
        let backoff = builder.backoff;
        let (grows, custom) = match backoff.growth {
            Growth::Level => (Grows::Not, None),
            Growth::Adding => (Grows::Adding, None),
            Growth::Doubling => (Grows::Doubling, None),
            Growth::Custom(f) => (Grows::Not, Some(f)),
        };
        Self {
            first: pack(backoff.first),
            cap: pack(backoff.cap),
            max_elapsed: builder.max_elapsed.map_or(FOR_EVER, pack),
            max_hint: pack(builder.max_hint),
            custom,
            attempts: builder.attempts,
            jitter: backoff.jitter,
            grows,
            wait_for_ready: builder.wait_for_ready,
        }
    }

    /// Whether retries are allowed, and not limited by the age of the call.
    pub(crate) const fn is_plain(&self) -> bool {
        self.attempts > 1 && !self.limits_elapsed()
    }

    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) const fn wait_for_ready(&self) -> bool {
        self.wait_for_ready
    }

    /// Whether calls are limited by their age.
    pub(crate) const fn limits_elapsed(&self) -> bool {
        self.max_elapsed != FOR_EVER
    }

    pub(crate) fn max_elapsed(&self) -> Option<Duration> {
        unpack(self.max_elapsed)
    }

    /// Whether so long a hint is waited for.
    pub(crate) fn allow_hint(&self, hint: Duration) -> bool {
        unpack(self.max_hint).is_none_or(|max| hint <= max)
    }

    /// Whether every delay is zero, as far as can be told without asking anybody.
    pub(crate) const fn has_no_delays(&self) -> bool {
        self.cap == 0 || (self.custom.is_none() && self.first == 0)
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff {
            // Not unpacked: what is for ever here may have been a little less there, and the cap is a promise.
            first: Duration::from_nanos(self.first),
            cap: Duration::from_nanos(self.cap),
            growth: match (self.custom, self.grows) {
                (Some(f), _) => Growth::Custom(f),
                (None, Grows::Not) => Growth::Level,
                (None, Grows::Adding) => Growth::Adding,
                (None, Grows::Doubling) => Growth::Doubling,
            },
            jitter: self.jitter,
        }
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers")
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff())
            .field("max_elapsed", &self.max_elapsed())
            .field("max_hint", &unpack(self.max_hint))
            .field("wait_for_ready", &self.wait_for_ready)
            .finish_non_exhaustive()
    }
}

fn pack(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(FOR_EVER)
}

fn unpack(nanos: u64) -> Option<Duration> {
    (nanos != FOR_EVER).then(|| Duration::from_nanos(nanos))
}
