//! The policy: which results are retried, how often, and when.
//!
//! - [`RetryPolicy`] is the handle, with every public method, and `run` and `run_blocking` for use without tower.
//! - `Engine` decides what follows an attempt. `Config` has the numbers and the rules of attempts, hints and time; `Plan` is
//!   the part of them that every call needs.
//!   `CallState` is the progress of one call.
//! - [`Classify`], [`Replay`] and [`DeadlineOf`] are what the user supplies.

mod builder;
mod call_state;
mod classify;
mod config;
mod engine;
mod operate;
mod plan;
mod presets;
mod rejection;
mod request;
mod run;
mod shared;
mod switch;
#[cfg(all(test, not(loom)))]
mod tests;
mod unbuilt;
mod wait;

use std::{fmt, num::NonZeroU32};

use tokio::time::Instant;

use crate::{
    budget::{Budget, BudgetSource, HalfFull, Unlimited},
    observe::Listener,
    types::{Attempt, Event, InvalidConfig, InvalidConfigKind, Name, Object, Verdict},
};

pub use self::{
    builder::Builder,
    classify::{
        Classify, ClassifyAttemptWith, ClassifyWith, RetryErrors, RetryIf, RetryRejections,
    },
    rejection::is_rejection,
    request::{CloneRequest, DeadlineOf, DeadlineWith, NoDeadline, Replay, ReplayWith},
};
pub(crate) use self::{
    call_state::CallState,
    engine::{Again, Engine},
    wait::{give_way, is_long_run, poll_timer, start, timer},
};

/// When, how often and after what wait a call is tried again: a cheap handle to numbers that all its clones share.
///
/// Its numbers come from [`Builder`], and may be [replaced](Self::reconfigure) while calls run. Its closures are set here,
/// and a clone may have others. Clones share the numbers, the listeners, the name, the budget and the count behind
/// [`Builder::seed`].
///
/// Each policy that is built has a budget, which its clones share: a [`HalfFull`] with the defaults and a floor of ten
/// retries a second. It bounds the retries in an outage, however many calls fail, and still grants all retries to a client
/// with a few calls a second:
///
/// ```text
/// retries ≤ 5 + successes / 10 + 10 × (elapsed + 1 s)
/// ```
///
/// [`budget`](Self::budget) replaces it, best with one that all policies of a dependency share.
/// [`unlimited`](Self::unlimited) removes it.
///
/// `V` decides what to do after an attempt, `Q` copies requests, `D` finds their deadlines, `B` is the budget.
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
///     .classify_attempt(|attempt, result| match result {
///         Ok(_) => Verdict::Done,
///         Err(ApiError::Busy(hint)) => Verdict::RetryAfter(*hint),
///         Err(ApiError::Broken) if attempt.number() < 3 => Verdict::Retry,
///         Err(ApiError::Broken | ApiError::Refused) => Verdict::Never,
///     });
/// let api = service_fn(async |key: String| Err::<u32, _>(match key.as_str() {
///     "busy" => ApiError::Busy(Duration::from_secs(60)),
///     _ => ApiError::Refused,
/// }));
/// // A hint of a minute is above `max_hint`, so it ends the call.
/// let answer = RetryLayer::new(policy).layer(api).oneshot("busy".into()).await;
/// assert_eq!(answer, Err(ApiError::Busy(Duration::from_secs(60))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a policy does nothing until a layer or `run` uses it"]
#[doc(alias("RetryConfig", "RetryStrategyOptions"))]
pub struct RetryPolicy<V = RetryErrors, Q = CloneRequest, D = NoDeadline, B = HalfFull> {
    engine: Engine<V, Q, B>,
    deadline: D,
}

impl RetryPolicy {
    /// A policy with this number of attempts, the first call included, and the defaults of [`Builder`]: every error
    /// is retried that is no rejection by another layer, every request is cloned, and there is a budget. More than 1,000
    /// attempts count as 1,000.
    pub fn new(attempts: NonZeroU32) -> Self {
        let attempts = attempts.get().min(builder::MOST_ATTEMPTS);
        Self::of(&Self::builder().attempts(attempts).0)
    }

    /// The configuration, to be completed by [`Builder::build`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    fn of(numbers: &builder::Numbers) -> Self {
        Self {
            engine: Engine::new(numbers, RetryErrors, CloneRequest, HalfFull::of_a_policy()),
            deadline: NoDeadline,
        }
    }
}

impl<Q, D, B> RetryPolicy<RetryErrors, Q, D, B> {
    /// Retries every `Err`, of any type: also [rejections](is_rejection) by other layers, which the default does not
    /// retry.
    ///
    /// An open circuit, a full bulkhead or a closed gate then answers attempt after attempt, and uses up the budget that
    /// faults of the service need. A call that is rejected also pays in, as any other.
    pub fn retry_rejections(self) -> RetryPolicy<RetryRejections, Q, D, B> {
        self.classifier(RetryRejections)
    }
}

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// Retries the results for which `f` returns true. All others are the answer.
    ///
    /// An `Ok` that is not retried counts as a success for the budget. An `Err` that is not retried is
    /// [ignored](Verdict::Ignored), and pays nothing in. [`classify`](Self::classify) can say more.
    #[doc(alias(
        "retryOnResultPredicate",
        "retryExceptionPredicate",
        "ShouldHandle",
        "retry_on"
    ))]
    pub fn retry_if<Res, Err, F>(self, f: F) -> RetryPolicy<RetryIf<F>, Q, D, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(RetryIf(f))
    }

    /// Decides by the result of an attempt what to do after it.
    ///
    /// The closure does not see the age of the attempt, so a call that needs no retry reads no clock for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{Backoff, RetryPolicy, Verdict};
    ///
    /// let policy = RetryPolicy::builder().backoff(Backoff::none()).build()?.classify(|result| match result {
    ///     Ok(()) => Verdict::Done,
    ///     Err("busy") => Verdict::Retry,
    ///     Err(_) => Verdict::Never,
    /// });
    /// assert_eq!(policy.run_blocking(|attempt| if attempt < 3 { Err("busy") } else { Ok(()) }), Ok(()));
    /// assert_eq!(policy.run_blocking(|_| Err("refused")), Err("refused"));
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    #[doc(alias("ShouldHandle"))]
    pub fn classify<Res, Err, F>(self, f: F) -> RetryPolicy<ClassifyWith<F>, Q, D, B>
    where
        F: Fn(&Result<Res, Err>) -> Verdict + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Decides by an attempt and its result what to do after it: the closure also sees the attempt's number, age and
    /// request.
    pub fn classify_attempt<Req, Res, Err, F>(
        self,
        f: F,
    ) -> RetryPolicy<ClassifyAttemptWith<F>, Q, D, B>
    where
        F: Fn(&Attempt<'_, Req>, &Result<Res, Err>) -> Verdict + Clone,
    {
        self.classifier(ClassifyAttemptWith(f))
    }

    /// Decides with an implementation of [`Classify`] what to do after each attempt.
    pub fn classifier<V2>(self, classifier: V2) -> RetryPolicy<V2, Q, D, B> {
        self.map(|_, q, b| (classifier, q, b))
    }

    /// Copies requests with `f`, for requests that are not `Clone` or must not all be repeated. If it returns `None`,
    /// the attempt that it was asked for is the last.
    ///
    /// What the request alone decides belongs here, above all whether it is idempotent: `f` is asked before any copy
    /// is made.
    pub fn replay<Req, F>(self, f: F) -> RetryPolicy<V, ReplayWith<F>, D, B>
    where
        F: Fn(&Req) -> Option<Req> + Clone,
    {
        self.replayer(ReplayWith::new(f))
    }

    /// Copies requests with an implementation of [`Replay`](crate::Replay).
    pub fn replayer<Q2>(self, replay: Q2) -> RetryPolicy<V, Q2, D, B> {
        self.map(|v, _, b| (v, replay, b))
    }

    /// Takes a deadline from each request. No attempt begins at or after it, and no wait begins that would end too
    /// late. [`Builder::max_elapsed`] holds in addition.
    ///
    /// If the service becomes ready for a retry only after the deadline, the error that was to be retried is the answer.
    /// An `Ok` that was to be retried is not kept, because it may hold a connection: the attempt is then made late.
    /// [`wait_for_ready(false)`](Builder::wait_for_ready) keeps it.
    pub fn deadline<Req, F>(self, f: F) -> RetryPolicy<V, Q, DeadlineWith<F>, B>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        RetryPolicy {
            engine: self.engine,
            deadline: DeadlineWith(f),
        }
    }

    /// Asks `budget` before each retry, and tells it of each call. Share one among all callers of a dependency: pass a
    /// clone of its handle, or a `&'static` reference. Of a family (feature `family`) pass the key of a request:
    /// `budgets.by(|request| …)`.
    pub fn budget<B2: BudgetSource>(self, budget: B2) -> RetryPolicy<V, Q, D, B2> {
        self.map(|v, q, _| (v, q, budget))
    }

    /// Removes the budget: every retry that the policy wants may run.
    ///
    /// The number of attempts alone then bounds the load on a failing service: with three attempts it is three times the
    /// load, at the worst moment.
    pub fn unlimited(self) -> RetryPolicy<V, Q, D, Unlimited> {
        self.budget(Unlimited)
    }

    /// Moves the policy to the heap for the rest of the program, and returns a reference to it.
    ///
    /// A layer of that reference, `RetryLayer::new(policy.leak())`, is cheaper, because no call copies the policy. The
    /// memory is never freed, so call it once for each policy, where the program is set up.
    #[must_use = "the policy is leaked either way"]
    pub fn leak(self) -> &'static Self
    where
        Self: 'static,
    {
        Box::leak(Box::new(self))
    }

    /// Names the policy, for traces and for metrics (feature `metrics`, for named policies only), as
    /// [`Builder::build_named`] does.
    ///
    /// Name a policy before it is cloned or used. Naming a clone makes a separate policy: it has the present numbers, no
    /// listeners and no [override](Self::force_off). The metrics:
    ///
    /// | | labels | |
    /// |---|---|---|
    /// | `maestro_retry_attempts_total` | `name` | attempts that ended |
    /// | `maestro_retry_retries_total` | `name`, `cause` | retries decided on |
    /// | `maestro_retry_gave_up_total` | `name`, `cause` | failures that were the answer |
    /// | `maestro_retry_wait_seconds` | `name` | waits before retries |
    /// | `maestro_retry_budget_level` | `name` | what the budget has left, read after each failure |
    /// | `maestro_retry_overrides_total` | `name`, `cause` | decisions of operators and their ends, by [`SwitchCause`](crate::SwitchCause) |
    /// | `maestro_retry_hedges_total` | `name`, `result` | attempts that reached the delay of a [`Hedge`](crate::Hedge), by [`HedgeResult`](crate::HedgeResult) |
    ///
    /// The series of two policies with one name add up: give each its own.
    pub fn named(mut self, name: impl Into<Name>) -> Self {
        self.engine.name(name.into().as_str());
        self
    }

    /// Tells `f` what is decided after each attempt, and what operators decide, for as long as the listener is kept.
    ///
    /// It hears of the calls of all clones of the policy, whatever their classifiers and budgets. The events of a call arrive in
    /// order, in the task of that call, which waits for `f`. Events of several calls may arrive at once. While there is a
    /// listener, each call takes a short lock for its events. If `f` panics, the call continues.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use maestro_retry::{Backoff, Event, GiveUpReason, RetryPolicy};
    ///
    /// static REFUSED: AtomicU32 = AtomicU32::new(0);
    /// let policy = RetryPolicy::builder().attempts(2).backoff(Backoff::none()).build()?;
    /// let listener = policy.on_event(|event| {
    ///     if matches!(event, Event::GaveUp { reason: GiveUpReason::Attempts, attempts: 2 }) {
    ///         REFUSED.fetch_add(1, Relaxed);
    ///     }
    /// });
    /// let _ = policy.run_blocking(|_| Err::<(), _>("busy"));
    /// drop(listener);
    /// let _ = policy.run_blocking(|_| Err::<(), _>("busy"));
    /// assert_eq!(REFUSED.load(Relaxed), 1);
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    #[doc(alias("OnRetry", "getEventPublisher", "on_retry"))]
    pub fn on_event(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.engine.listen(f)
    }

    /// Replaces the numbers, while calls run. All clones of the policy and all layers made of them have the new numbers.
    ///
    /// Each decision uses the numbers of one configuration: those in force when it is made. So a call in progress obeys them
    /// from its next failed attempt on. It keeps its time limit ([`max_elapsed`](Builder::max_elapsed)), which is set at its
    /// beginning; a wait that has begun ends as planned, and an attempt follows it. More
    /// [attempts](Builder::attempts) do not help a call whose last attempt runs: its request was not copied.
    ///
    /// The [`seed`](Builder::seed) of `to` has no effect. Closures, budget, name and listeners stay. Calls wait for nothing.
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::build`]; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{Backoff, RetryPolicy};
    ///
    /// let numbers = RetryPolicy::builder().backoff(Backoff::none());
    /// let policy = numbers.attempts(5).build()?;
    /// let clone = policy.clone();
    /// policy.reconfigure(numbers.attempts(2))?;
    /// assert_eq!(clone.run_blocking(|attempt| Err::<(), _>(attempt)), Err(2));
    /// assert!(policy.reconfigure(numbers.attempts(0)).is_err());
    /// assert_eq!(clone.run_blocking(|attempt| Err::<(), _>(attempt)), Err(2));
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        let refused = |kind: InvalidConfigKind| match self.engine.given_name() {
            Some(name) => kind.of(Object::Policy, name),
            None => kind.unnamed(),
        };
        self.engine.change(&to.0.check().map_err(refused)?);
        Ok(())
    }

    /// Takes the handles of the metrics from the recorder now, instead of at the first use after it was installed.
    /// The counters then exist, at zero, before the first call. A policy without a [name](Self::named) has none.
    /// Feature `metrics`.
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        self.engine.resolve_metrics();
    }

    /// The beginning of a call for `request`: its state, the token of the budget that `engine` has, and the copy to send again
    /// if another attempt may follow.
    #[inline]
    pub(crate) fn begin<Req, C: Budget>(
        &self,
        engine: &Engine<V, Q, C>,
        timed: bool,
        request: &Req,
    ) -> (CallState, C::Call, Option<Req>)
    where
        Q: Replay<Req>,
        D: DeadlineOf<Req>,
    {
        let plan = engine.plan();
        let deadline = if plan.allows_retries() {
            self.deadline.deadline_of(request)
        } else {
            None
        };
        let (call, token, may_follow) = engine.begin(plan, timed, deadline);
        let copy = if may_follow {
            engine.replay(request)
        } else {
            None
        };
        (call, token, copy)
    }

    /// The beginning of an attempt that may be hedged: its time limit, and the copy that the hedge sends. `None` if the
    /// request must not be repeated.
    #[inline]
    pub(crate) fn begin_hedge<Req>(&self, timed: bool, request: &Req) -> Option<(CallState, Req)>
    where
        Q: Replay<Req>,
        D: DeadlineOf<Req>,
    {
        let copy = self.engine.replay(request)?;
        let deadline = self.deadline.deadline_of(request);
        let (started, limit) = if self.engine.plan().has_no_limits() && !timed && deadline.is_none()
        {
            (None, None)
        } else {
            let (started, limit, _) = self.engine.limits(timed, deadline);
            (started, limit)
        };
        Some((CallState::new(started, limit), copy))
    }

    pub(crate) const fn engine(&self) -> &Engine<V, Q, B> {
        &self.engine
    }

    fn map<V2, Q2, B2>(
        self,
        parts: impl FnOnce(V, Q, B) -> (V2, Q2, B2),
    ) -> RetryPolicy<V2, Q2, D, B2> {
        RetryPolicy {
            engine: self.engine.map(parts),
            deadline: self.deadline,
        }
    }
}

impl<V, Q, D, B> fmt::Debug for RetryPolicy<V, Q, D, B>
where
    V: fmt::Debug,
    Q: fmt::Debug,
    D: fmt::Debug,
    B: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RetryPolicy");
        self.engine.describe(&mut debug);
        debug.field("deadline", &self.deadline).finish()
    }
}
