mod builder;
pub(crate) mod call_state;
mod classify;
pub(crate) mod config;
mod deadline;
pub(crate) mod engine;
mod replay;
pub(crate) mod wait;

pub use self::{
    builder::Builder,
    classify::{Classify, ClassifyWith, RetryErrors, RetryIf},
    deadline::{DeadlineOf, DeadlineWith, NoDeadline},
    replay::{CloneRequest, Replay, ReplayWith},
};

use std::{future::IntoFuture, num::NonZeroU32, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::{Budget, Unlimited},
    policy::{call_state::Course, engine::Rules},
    types::{Attempt, Event, Now, Verdict},
};

/// When, how often and after what wait a call is tried again. A value: clone it as you like.
///
/// Its numbers come from [`Builder`]; its closures are set here. All that calls share is the budget, what watches
/// it, and the count behind [`Builder::seed`]: without them a call that needs no retry touches no shared memory.
///
/// `V` says what to do after an attempt, `Q` copies requests, `D` finds their deadlines, `B` is the budget.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maestro_retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy, Verdict};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// #[derive(Debug, PartialEq)]
/// enum ApiError { Busy(Duration), Broken, Refused }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
/// let policy = RetryPolicy::builder()
///     .attempts(4)
///     .backoff(Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2)))
///     .max_elapsed(Duration::from_secs(5))
///     .build()?
///     .budget(RetryBudget::new("api"))
///     .classify(|attempt, result| match result {
///         Ok(_) => Verdict::Done,
///         Err(ApiError::Busy(hint)) => Verdict::RetryAfter(*hint),
///         Err(ApiError::Broken) if attempt.number() < 3 => Verdict::Retry,
///         Err(ApiError::Broken | ApiError::Refused) => Verdict::Never,
///     });
/// let api = service_fn(async |key: String| Err::<u32, _>(match key.as_str() {
///     "busy" => ApiError::Busy(Duration::from_secs(60)),
///     _ => ApiError::Refused,
/// }));
/// // Nobody waits a minute for an answer: such a hint ends the call.
/// let answer = RetryLayer::new(policy).layer(api).oneshot("busy".into()).await;
/// assert_eq!(answer, Err(ApiError::Busy(Duration::from_secs(60))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a policy does nothing until a layer or `run` uses it"]
pub struct RetryPolicy<V = RetryErrors, Q = CloneRequest, D = NoDeadline, B = Unlimited> {
    pub(crate) rules: Rules<V, Q, B>,
    deadline: D,
}

impl RetryPolicy {
    /// So many attempts, the first call included, with the defaults of [`Builder`] for all else: every
    /// error is retried, every request cloned, no budget.
    pub fn new(attempts: NonZeroU32) -> Self {
        Self::of(Self::builder().attempts(attempts.get()))
    }

    /// The configuration, to be completed by [`Builder::build`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn of(numbers: Builder) -> Self {
        Self {
            rules: Rules::new(numbers, RetryErrors, CloneRequest, Unlimited),
            deadline: NoDeadline,
        }
    }
}

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// Retries the results for which `f` says yes; all others are the answer.
    pub fn retry_if<Res, Err, F>(self, f: F) -> RetryPolicy<RetryIf<F>, Q, D, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(RetryIf(f))
    }

    /// Says with a closure what to do after each attempt, whose number, age and request it sees.
    pub fn classify<Req, Res, Err, F>(self, f: F) -> RetryPolicy<ClassifyWith<F>, Q, D, B>
    where
        F: Fn(&Attempt<'_, Req>, &Result<Res, Err>) -> Verdict + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Says with a type of your own, an implementation of [`Classify`], what to do after each attempt.
    pub fn classifier<V2>(self, classifier: V2) -> RetryPolicy<V2, Q, D, B> {
        self.map(|_, q, b| (classifier, q, b))
    }

    /// Copies requests with `f`, for requests that are not `Clone` or must not all be repeated: where it
    /// returns `None`, the attempt that it was asked for is the last.
    ///
    /// What a request alone decides, whether it is idempotent above all, belongs here: it is asked before
    /// any copy is made.
    pub fn replay<Req, F>(self, f: F) -> RetryPolicy<V, ReplayWith<F>, D, B>
    where
        F: Fn(&Req) -> Option<Req> + Clone,
    {
        self.replayer(ReplayWith(f))
    }

    /// Copies requests with a type of your own, an implementation of [`Replay`](crate::Replay).
    pub fn replayer<Q2>(self, replay: Q2) -> RetryPolicy<V, Q2, D, B> {
        self.map(|v, _, b| (v, replay, b))
    }

    /// Takes a deadline from each request: no attempt begins at or after it, and no wait that would end
    /// too late. [`Builder::max_elapsed`] holds besides.
    pub fn deadline<Req, F>(self, f: F) -> RetryPolicy<V, Q, DeadlineWith<F>, B>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        RetryPolicy {
            rules: self.rules,
            deadline: DeadlineWith(f),
        }
    }

    /// Asks `budget` before each retry, and tells it of each call. Share one among all callers of a
    /// dependency: give a clone of its handle, or a `&'static` one.
    pub fn budget<B2: Budget>(self, budget: B2) -> RetryPolicy<V, Q, D, B2> {
        self.map(|v, q, _| (v, q, budget))
    }

    /// Gives the policy a place for as long as the program runs, and a reference to it: a layer made of that
    /// (`RetryLayer::new(policy.leak())`) is cheaper, as no call has to copy the policy. Once, where the program is
    /// put together: the memory is never given back.
    #[must_use = "the policy is leaked either way"]
    pub fn leak(self) -> &'static Self
    where
        Self: 'static,
    {
        Box::leak(Box::new(self))
    }

    /// Names the policy, for metrics (feature `metrics`, which report of named policies only) and traces.
    ///
    /// A call then pays for a reference count, as all calls of a policy share what watches it. The metrics:
    ///
    /// | | labels | |
    /// |---|---|---|
    /// | `maestro_retry_attempts_total` | `name` | attempts that ended |
    /// | `maestro_retry_retries_total` | `name`, `reason` | retries decided on |
    /// | `maestro_retry_gave_up_total` | `name`, `reason` | failures that were the answer |
    /// | `maestro_retry_wait_seconds` | `name` | waits before retries |
    /// | `maestro_retry_budget_level` | `name` | what the budget has left, read after each failure |
    pub fn named(mut self, name: &'static str) -> Self {
        self.rules.shared = self.rules.shared.watched(|watch| watch.named(name));
        self
    }

    /// Tells `f` what is decided after each attempt, in the task of the call, which waits for it. One listener:
    /// a second takes the place of the first. Should it panic, the call goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use maestro_retry::{Backoff, Event, GiveUpReason, RetryPolicy};
    ///
    /// static REFUSED: AtomicU32 = AtomicU32::new(0);
    /// let policy = RetryPolicy::builder().attempts(2).backoff(Backoff::none()).build()?.on_event(|event| {
    ///     if matches!(event, Event::GaveUp { reason: GiveUpReason::Attempts, attempts: 2 }) {
    ///         REFUSED.fetch_add(1, Relaxed);
    ///     }
    /// });
    /// let _ = policy.run_blocking(|_| Err::<(), _>("busy"));
    /// assert_eq!(REFUSED.load(Relaxed), 1);
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn on_event(mut self, f: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.rules.shared = self.rules.shared.watched(|watch| watch.told(Arc::new(f)));
        self
    }

    /// Runs what `f` makes, again and again as the policy says; `f` is given the number of the attempt,
    /// from 1. Without tower, and so without a request to copy or to take a deadline from.
    ///
    /// # Errors
    ///
    /// The last attempt's.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled, when a wait that is not zero begins.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the attempt or ends the wait at once; a retry that had not begun is given back
    /// to the budget.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use maestro_retry::{Backoff, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none()).build().unwrap();
    /// let answer = policy
    ///     .run(async |attempt| if attempt < 3 { Err("not yet") } else { Ok(attempt) })
    ///     .await;
    /// assert_eq!(answer, Ok(3));
    /// # }
    /// ```
    pub async fn run<F, T, E>(&self, mut f: impl FnMut(u32) -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        V: Classify<(), T, E>,
        B: Budget,
    {
        let (mut course, _call, _) = self.rules.begin(V::TIMED, None);
        let mut retry = None;
        loop {
            let result = f(course.number).await;
            let repeatable = self.rules.may_follow(&course, &Now::unread());
            let Some(again) =
                self.rules
                    .after(&mut course, None, repeatable, retry.take(), &result)
            else {
                return result;
            };
            // Whatever the failed attempt holds, a connection perhaps, is not kept through the wait.
            drop(result);
            if !again.wait.is_zero() {
                wait::timer(again.wait, &again.now).await;
            } else if wait::is_long_run(course.number) {
                wait::giving_way().await;
            }
            course.number += 1;
            retry = Some(self.rules.budget.spend(again.hold));
        }
    }

    /// [`run`](Self::run) for a closure that blocks the thread, as the waits do. Not for asynchronous code.
    ///
    /// # Errors
    ///
    /// The last attempt's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{Backoff, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none()).build().unwrap();
    /// let answer = policy.run_blocking(|attempt| if attempt < 3 { Err("not yet") } else { Ok(attempt) });
    /// assert_eq!(answer, Ok(3));
    /// ```
    pub fn run_blocking<T, E>(&self, f: impl FnMut(u32) -> Result<T, E>) -> Result<T, E>
    where
        V: Classify<(), T, E>,
        B: Budget,
    {
        self.repeat(f, wait::block)
    }

    /// `wait` is given each wait that is not zero.
    pub(crate) fn repeat<T, E>(
        &self,
        mut f: impl FnMut(u32) -> Result<T, E>,
        mut wait: impl FnMut(Duration),
    ) -> Result<T, E>
    where
        V: Classify<(), T, E>,
        B: Budget,
    {
        let (mut course, _call, _) = self.rules.begin(V::TIMED, None);
        let mut retry = None;
        loop {
            let result = f(course.number);
            let repeatable = self.rules.may_follow(&course, &Now::unread());
            let Some(again) =
                self.rules
                    .after(&mut course, None, repeatable, retry.take(), &result)
            else {
                return result;
            };
            drop(result);
            if !again.wait.is_zero() {
                wait(again.wait);
            }
            course.number += 1;
            retry = Some(self.rules.budget.spend(again.hold));
        }
    }

    /// The beginning of a call for `request`: how it stands, the budget's token, and the copy to send
    /// again if there is to be one.
    #[inline]
    pub(crate) fn begin<Req>(
        &self,
        timed: bool,
        request: &Req,
        copy: impl FnOnce(&Q, &Req) -> Option<Req>,
    ) -> (Course, B::Call, Option<Req>)
    where
        D: DeadlineOf<Req>,
        B: Budget,
    {
        let deadline = if self.rules.allow_retries() {
            self.deadline.deadline_of(request)
        } else {
            None
        };
        let (course, call, may_follow) = self.rules.begin(timed, deadline);
        let copy = if may_follow {
            copy(&self.rules.replay, request)
        } else {
            None
        };
        (course, call, copy)
    }

    fn map<V2, Q2, B2>(
        self,
        parts: impl FnOnce(V, Q, B) -> (V2, Q2, B2),
    ) -> RetryPolicy<V2, Q2, D, B2> {
        RetryPolicy {
            rules: self.rules.map(parts),
            deadline: self.deadline,
        }
    }
}
