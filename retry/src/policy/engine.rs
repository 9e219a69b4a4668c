use std::time::Duration;

use tokio::time::Instant;

use crate::{
    budget::Budget,
    observe::{shared::Shared, trace, watch::Watch},
    policy::{Builder, Classify, call_state::Course, config::Numbers},
    types::{Attempt, Event, GiveUpReason, Now, RetryReason, Verdict},
};

/// What a running call needs of its policy: all but the closure that finds the deadline.
#[derive(Clone, Debug)]
#[expect(
    unnameable_types,
    reason = "what a call keeps is named by `Guard` alone, and there hidden"
)]
pub struct Rules<V, Q, B> {
    numbers: Numbers,
    pub(crate) shared: Shared,
    pub(crate) classifier: V,
    pub(crate) replay: Q,
    pub(crate) budget: B,
}

/// What the clock has to do with a call.
struct Limits {
    started: Option<Instant>,
    limit: Option<Instant>,
    /// Whether another attempt could follow the first.
    may_follow: bool,
}

/// The decision to try again.
#[derive(Debug)]
pub(crate) struct Again<H> {
    pub(crate) wait: Duration,
    /// When the wait began.
    pub(crate) now: Now,
    pub(crate) hold: H,
}

impl<V, Q, B> Rules<V, Q, B> {
    pub(crate) fn new(builder: Builder, classifier: V, replay: Q, budget: B) -> Self {
        Self {
            numbers: Numbers::new(builder),
            shared: Shared::new(builder.seed),
            classifier,
            replay,
            budget,
        }
    }

    /// The same numbers with other parts.
    pub(crate) fn map<V2, Q2, B2>(
        self,
        parts: impl FnOnce(V, Q, B) -> (V2, Q2, B2),
    ) -> Rules<V2, Q2, B2> {
        let (classifier, replay, budget) = parts(self.classifier, self.replay, self.budget);
        Rules {
            numbers: self.numbers,
            shared: self.shared,
            classifier,
            replay,
            budget,
        }
    }

    /// Whether retries are allowed, and not limited by the age of a call.
    pub(crate) const fn is_plain(&self) -> bool {
        self.numbers.is_plain()
    }

    /// Whether anything but the first attempt is allowed at all.
    pub(crate) const fn allow_retries(&self) -> bool {
        self.numbers.attempts() > 1
    }

    /// Whether an attempt waits for the service to be ready, or gives up when it is not.
    pub(crate) const fn wait_for_ready(&self) -> bool {
        self.numbers.wait_for_ready()
    }

    /// Whether another attempt could follow the one that `course` is about to begin.
    pub(crate) fn may_follow(&self, course: &Course, now: &Now) -> bool {
        course.number < self.numbers.attempts() && course.is_open(now)
    }
}

impl<V, Q, B: Budget> Rules<V, Q, B> {
    /// The beginning of a call, and whether another attempt could follow the first. `timed`: the classifier looks
    /// at the time.
    #[inline]
    pub(crate) fn begin(&self, timed: bool, deadline: Option<Instant>) -> (Course, B::Call, bool) {
        let now = Now::unread();
        let call = self.budget.enter(&now);
        let (started, limit, may_follow) = if self.is_plain() && !timed && deadline.is_none() {
            (now.if_read(), None, true)
        } else {
            let limits = self.limits(timed, deadline, now.if_read());
            (limits.started, limits.limit, limits.may_follow)
        };
        (Course::new(started, limit), call, may_follow)
    }

    /// Apart, so that a call without limits does not pay for its size.
    #[inline(never)]
    fn limits(&self, timed: bool, deadline: Option<Instant>, read: Option<Instant>) -> Limits {
        let now = read.map_or(Now::unread(), Now::at);
        if timed || self.numbers.limits_elapsed() {
            now.get();
        }
        let started = now.if_read();
        let own = (self.numbers.max_elapsed()).and_then(|max| now.get().checked_add(max));
        let limit = match (own, deadline) {
            (Some(own), Some(deadline)) => Some(own.min(deadline)),
            (own, deadline) => own.or(deadline),
        };
        let may_follow = self.may_follow(&Course::new(started, limit), &now);
        Limits {
            started,
            limit,
            may_follow,
        }
    }

    /// What follows an attempt: another one, or nothing. `copy` is what it would send, `repeatable`
    /// whether there is anything to send, `retry` what the budget gave for the attempt if it was a retry.
    #[inline]
    pub(crate) fn after<Req, Res, Err>(
        &self,
        course: &mut Course,
        copy: Option<&Req>,
        repeatable: bool,
        retry: Option<B::Retry>,
        result: &Result<Res, Err>,
    ) -> Option<Again<B::Hold>>
    where
        V: Classify<Req, Res, Err>,
    {
        let now = Now::unread();
        let verdict = self.judge(course, copy, &now, result);
        if verdict == Verdict::Done {
            self.done(course, retry, result.is_ok());
            return None;
        }
        self.failed_apart(course, verdict, repeatable, retry, now)
    }

    /// Apart, so that a call that needs no retry does not pay for its size.
    #[inline(never)]
    fn failed_apart(
        &self,
        course: &mut Course,
        verdict: Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: Now,
    ) -> Option<Again<B::Hold>> {
        self.failed(course, verdict, repeatable, retry, now)
    }

    /// What the classifier says of an attempt.
    #[inline]
    pub(crate) fn judge<Req, Res, Err>(
        &self,
        course: &Course,
        copy: Option<&Req>,
        now: &Now,
        result: &Result<Res, Err>,
    ) -> Verdict
    where
        V: Classify<Req, Res, Err>,
    {
        let attempt = Attempt {
            number: course.number,
            request: copy,
            started: course.started,
            now,
        };
        self.classifier.classify(&attempt, result)
    }

    /// [`after`](Self::after) an attempt whose result is the answer.
    #[inline]
    pub(crate) fn done(&self, course: &Course, retry: Option<B::Retry>, is_ok: bool) {
        // An error that is the answer, an open breaker's say, is no success of the service: a budget that
        // took it for one would be filled up by an outage. Nor is it a failure: see `Verdict`.
        if is_ok {
            self.record(retry, false);
        } else {
            drop(retry);
        }
        self.shared.done(course.number);
    }

    /// [`after`](Self::after) a failure.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with the only two that call it, which are apart themselves"
    )]
    pub(crate) fn failed(
        &self,
        course: &mut Course,
        verdict: Verdict,
        repeatable: bool,
        retry: Option<B::Retry>,
        now: Now,
    ) -> Option<Again<B::Hold>> {
        let wait = match self.wait(course, verdict, repeatable, &now) {
            Ok(wait) => wait,
            Err(reason) => {
                self.record(retry, true);
                self.give_up(course, reason);
                return None;
            }
        };
        // It has ended, for a budget that counts those in flight.
        drop(retry);
        // Last, so that nothing is taken for a retry that another rule forbids.
        let hold = match verdict {
            Verdict::RetryCosting(cost) => self.budget.try_hold_costing(&now, cost),
            _ => self.budget.try_hold(&now),
        };
        let Some(hold) = hold else {
            self.give_up(course, GiveUpReason::Budget);
            return None;
        };
        self.tell(|| Event::Retry {
            attempt: course.number,
            wait,
            reason: match verdict {
                Verdict::RetryAfter(_) => RetryReason::Hint,
                Verdict::RetryCosting(_) => RetryReason::Costing,
                _ => RetryReason::Failure,
            },
        });
        Some(Again { wait, now, hold })
    }

    /// The service was not ready for the retry that was decided on.
    pub(crate) fn not_ready(&self, course: &Course) {
        self.give_up(course, GiveUpReason::NotReady);
    }

    fn give_up(&self, course: &Course, reason: GiveUpReason) {
        self.tell(|| Event::GaveUp {
            attempts: course.number,
            reason,
        });
    }

    fn tell(&self, event: impl FnOnce() -> Event) {
        let watch = self.shared.watch();
        if !trace::IS_ON && watch.is_none() {
            return;
        }
        let event = event();
        trace::event(watch.and_then(Watch::name), &event);
        if let Some(watch) = watch {
            watch.tell(&event);
            let level = || self.budget.level(&Now::unread());
            watch.meters().level(level);
        }
    }

    fn record(&self, retry: Option<B::Retry>, failed: bool) {
        match retry {
            Some(retry) => self.budget.record_retry(retry, failed),
            None => self.budget.record(failed),
        }
    }

    /// How long to wait for the next attempt, if there can be one.
    #[inline]
    fn wait(
        &self,
        course: &mut Course,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let is_plain = matches!(verdict, Verdict::Retry | Verdict::RetryCosting(_));
        if is_plain && repeatable && self.numbers.has_no_delays() && course.is_open(now) {
            return Ok(Duration::ZERO);
        }
        self.wait_otherwise(course, verdict, repeatable, now)
    }

    #[inline(never)]
    fn wait_otherwise(
        &self,
        course: &mut Course,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
    ) -> Result<Duration, GiveUpReason> {
        let hint = match verdict {
            Verdict::Done | Verdict::Never => return Err(GiveUpReason::Never),
            Verdict::Retry | Verdict::RetryCosting(_) => None,
            Verdict::RetryAfter(hint) => Some(hint),
        };
        if !repeatable {
            return Err(if course.number >= self.numbers.attempts() {
                GiveUpReason::Attempts
            } else if course.is_open(now) {
                GiveUpReason::NotRepeatable
            } else {
                GiveUpReason::Time
            });
        }
        if hint.is_some_and(|hint| !self.numbers.allow_hint(hint)) {
            return Err(GiveUpReason::Hint);
        }
        let wait = if self.numbers.has_no_delays() {
            // No chance to be drawn.
            hint.unwrap_or(Duration::ZERO)
        } else {
            course.wait(&self.numbers.backoff(), hint, || self.shared.generator())
        };
        if course.fits(wait, now) {
            Ok(wait)
        } else {
            Err(GiveUpReason::Time)
        }
    }
}
