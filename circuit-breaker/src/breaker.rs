use std::{borrow::Borrow, fmt, future::IntoFuture, sync::Arc};

use tokio::{sync::watch, time::Instant};

use crate::{
    acquire::Acquire,
    call::{Call, Core},
    config::Builder,
    observe::Listener,
    state::Snapshot,
    sync::const_fn,
    types::{InvalidConfig, MayReject, Name, Open, Outcome, Override, State, Transition},
};

/// A circuit breaker: a cheap handle to a state that all its clones share.
///
/// In ordinary code the type is written `CircuitBreaker`; the parameter is the pointer to the
/// shared state, an [`Arc`] unless the breaker lives in a `static` (see [`StaticCircuitBreaker`]).
///
/// No task runs behind it. What is due at an instant, from open to half-open when the wait is over,
/// and from half-open when a probe is overdue, happens at the first call or read after it, and then
/// as if it had happened on time.
///
/// # Examples
///
/// ```
/// use maestro_circuit_breaker::{CircuitBreaker, State};
///
/// let store = CircuitBreaker::builder().consecutive_failures(2).build("store")?;
/// store.try_acquire()?.success();
/// store.try_acquire()?.failure();
/// store.try_acquire()?.failure();
/// assert_eq!(store.state(), State::Open);
/// assert!(store.try_acquire().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker<P = Arc<Core>>(P);

/// A circuit breaker that lives in a `static`: no reference count, made by
/// [`Builder::build_static`].
///
/// A `&'static` reference to it is a handle, for
/// [`CircuitBreakerLayer::new`](crate::CircuitBreakerLayer::new) too.
pub type StaticCircuitBreaker = CircuitBreaker<Core>;

// === impl Builder ===

impl Builder {
    /// Builds an isolated circuit breaker: it shares its state with no other.
    ///
    /// The name may be owned, such as one from a file, see [`Name`].
    /// With the feature `metrics`, the series of two breakers with one name add up: give each its own.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range, or the name is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::CircuitBreaker;
    ///
    /// for name in ["orders", "prices"] {
    ///     let breaker = CircuitBreaker::builder().build(format!("db-{name}"))?;
    ///     assert!(breaker.name().ends_with(name));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self, name: impl Into<Name>) -> Result<CircuitBreaker, InvalidConfig> {
        let name = name.into().as_str();
        let config = self.validate_for(name).map_err(|kind| kind.of(name))?;
        Ok(CircuitBreaker(Arc::new(
            Core::new(name, config).allocated(),
        )))
    }

    const_fn! {
        /// Builds a circuit breaker for a `static`. The first calls that are recorded, or the first transition, allocate its
        /// window.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_circuit_breaker::{CircuitBreaker, StaticCircuitBreaker};
        /// static DB: StaticCircuitBreaker = CircuitBreaker::builder().failure_ratio(1.5).build_static("db");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticCircuitBreaker {
            match self.validate_for(name) {
                Ok(config) => CircuitBreaker(Core::new(name, config)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}

// === impl CircuitBreaker ===

impl CircuitBreaker {
    /// A circuit breaker with the defaults of [`Builder`]: it opens when half of at least twenty
    /// calls within 10 s failed, waits 5 s, or longer where it opens again soon, and closes after
    /// three probes of which fewer than half failed. An empty `name` is accepted, and names nothing in messages and
    /// metrics: [`Builder::build`] refuses it.
    ///
    /// # Panics
    ///
    /// Never: the defaults are legal.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        let config = Builder::new().validate();
        let config = config.expect("the defaults are legal");
        Self(Arc::new(
            Core::new(name.into().as_str(), config).allocated(),
        ))
    }

    /// The configuration, to be completed by [`Builder::build`] or [`Builder::build_static`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Asks whether a call may be made now. The token counts as that call until it says how the
    /// call ended.
    ///
    /// Costs one read while closed, and one reference count into the token. A rejection only reads.
    ///
    /// # Errors
    ///
    /// [`Open`] when the breaker is open, or half-open with all slots for probes taken.
    #[inline]
    #[doc(alias("tryAcquirePermission", "is_call_permitted"))]
    pub fn try_acquire(&self) -> Result<Call, Open> {
        Call::try_new(&self.0, Instant::now)
    }

    /// [`try_acquire`](Self::try_acquire) at `now`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_at(&self, now: Instant) -> Result<Call, Open> {
        Call::try_new(&self.0, || now)
    }

    /// Waits until a call may be made. The token counts as that call until it says how the call
    /// ended.
    ///
    /// Returns at once while closed. Otherwise it is woken by any transition, an operator's
    /// included, and at the instant from which time alone admits a call. A transition wakes 32 calls
    /// in its thread, and each of them wakes others when it is polled or dropped. Half-open, each slot that
    /// a probe gives back wakes the call that has waited for the longest time, once the transition has
    /// woken all; a call that comes at that very moment may be faster. On a [`Ramp`](crate::Ramp) it asks once a step.
    ///
    /// Each call sets its timer. If a slot is offered to a call that is not polled, the others look
    /// for it within a second. If no call of a batch of 32 is polled or dropped, the calls behind it
    /// wait for their timers, a minute at most.
    ///
    /// The wait has no limit, and for a forced-open breaker may not end: put a timeout around it.
    ///
    /// Nothing is asked and nothing taken before the first poll. Waiting takes a lock, a node in a
    /// tree and a timer of the tokio runtime. While open, a waiting call is polled once a minute;
    /// half-open, once a second.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Override, State};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mail = CircuitBreaker::builder().consecutive_failures(1).build("mail")?;
    /// mail.try_acquire()?.failure();
    /// let begun = tokio::time::Instant::now();
    /// let probe = mail.acquire().await;
    /// assert_eq!((mail.state(), begun.elapsed().as_secs()), (State::HalfOpen, 5));
    /// probe.success();
    /// # Ok(())
    /// # }
    /// ```
    pub fn acquire(&self) -> Acquire {
        Acquire::new(Arc::clone(&self.0))
    }

    /// Makes a call unless the breaker rejects it. `Err` is a failure, and so is a panic. An `Err` that is a rejection by
    /// another layer ([`MayReject`]) is ignored.
    ///
    /// `f` is not called when the breaker rejects. Where the result has to be inspected to classify
    /// it, use [`try_acquire`](Self::try_acquire) and [`Call::finish`].
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], converted to the error type, when it was rejected.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens before the first poll. Dropped after it, the call is a cancelled one, see
    /// [`Builder::on_cancel`](crate::Builder::on_cancel).
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, State};
    /// # type BoxError = Box<dyn std::error::Error>;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let mail = CircuitBreaker::builder().consecutive_failures(1).build("mail")?;
    /// let sent = mail.run(async || Err::<(), BoxError>("refused".into())).await;
    /// assert_eq!(sent.unwrap_err().to_string(), "refused");
    /// assert_eq!(mail.state(), State::Open);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("executeCallable", "ExecuteAsync"))]
    pub async fn run<F, T, E, M>(&self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Open> + MayReject<M>,
    {
        let call = self.try_acquire()?;
        ended(call, f().await)
    }

    /// Makes a call that blocks its thread, unless the breaker rejects it. `Err` and a panic count as in
    /// [`run`](Self::run). Needs no runtime.
    ///
    /// `f` is not called when the breaker rejects.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], converted to the error type, when it was rejected.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Open};
    /// # let disk = CircuitBreaker::builder().consecutive_failures(1).build("disk")?;
    /// type BoxError = Box<dyn std::error::Error>;
    /// let read = || disk.run_blocking(|| std::fs::read("/no/such/file").map_err(BoxError::from));
    /// assert!(Open::find(read().unwrap_err().as_ref()).is_none());
    /// assert!(Open::find(read().unwrap_err().as_ref()).is_some());
    /// # Ok::<(), BoxError>(())
    /// ```
    pub fn run_blocking<T, E, M>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Open> + MayReject<M>,
    {
        let call = self.try_acquire()?;
        ended(call, f())
    }

    /// The handle of a shared state.
    #[cfg(feature = "family")]
    pub(crate) const fn of(core: Arc<Core>) -> Self {
        Self(core)
    }
}

impl StaticCircuitBreaker {
    /// Asks whether a call may be made now, as [`CircuitBreaker::try_acquire`] does.
    ///
    /// Costs one read while closed. A rejection only reads.
    ///
    /// # Errors
    ///
    /// [`Open`] when the breaker is open, or half-open with all slots for probes taken.
    #[inline]
    pub fn try_acquire(&'static self) -> Result<Call<&'static Core>, Open> {
        Call::try_new(&&self.0, Instant::now)
    }

    /// [`try_acquire`](Self::try_acquire) at `now`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_at(&'static self, now: Instant) -> Result<Call<&'static Core>, Open> {
        Call::try_new(&&self.0, || now)
    }

    /// Waits until a call may be made, as [`CircuitBreaker::acquire`] does.
    pub fn acquire(&'static self) -> Acquire<&'static Core> {
        Acquire::new(&self.0)
    }

    /// Makes a call unless the breaker rejects it, as [`CircuitBreaker::run`] does.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], converted to the error type, when it was rejected.
    ///
    /// # Cancel safety
    ///
    /// As that of [`CircuitBreaker::run`].
    pub async fn run<F, T, E, M>(&'static self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Open> + MayReject<M>,
    {
        let call = self.try_acquire()?;
        ended(call, f().await)
    }

    /// Makes a call that blocks its thread, as [`CircuitBreaker::run_blocking`] does.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], converted to the error type, when it was rejected.
    pub fn run_blocking<T, E, M>(&'static self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Open> + MayReject<M>,
    {
        let call = self.try_acquire()?;
        ended(call, f())
    }
}

fn ended<P: Borrow<Core>, T, E: MayReject<M>, M>(
    call: Call<P>,
    result: Result<T, E>,
) -> Result<T, E> {
    call.finish(match &result {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::of_error(error),
    });
    result
}

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.core().name()
    }

    /// The key of a member of a family, if the family shows its keys
    /// ([`show_keys`](crate::CircuitBreakers::show_keys)); else `None`. For people and logs: it takes a lock, for which no
    /// call waits but the first ones of new keys.
    pub fn key(&self) -> Option<Arc<str>> {
        self.core().observers().key().text()
    }

    /// The state now. If a wait or the time of a probe is over, the transition happens here.
    #[doc(alias("CircuitBreakerStateProvider"))]
    pub fn state(&self) -> State {
        self.state_at(Instant::now())
    }

    /// [`state`](Self::state) at `now`.
    pub fn state_at(&self, now: Instant) -> State {
        let core = self.core();
        core.machine().state_at(core.ticks(now))
    }

    /// State and counts of one moment, without what has expired. For people and gauges, not for a
    /// call: it takes a lock, for which no call waits unless it opens or closes the breaker.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// [`snapshot`](Self::snapshot) at `now`.
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        let core = self.core();
        core.machine().snapshot(core.ticks(now))
    }

    /// How many calls wait now to be admitted. For people and gauges: it takes the lock of the
    /// waiting calls.
    pub fn waiting(&self) -> usize {
        self.core().machine().waiting()
    }

    /// Closes the breaker, with nothing counted and no cause. Calls in flight are late from now on:
    /// their results change nothing. A state that an operator has forced stays, with nothing
    /// counted either. How long `by` lasts does not matter.
    #[doc(alias("transitionToClosedState", "Close"))]
    pub fn reset(&self, by: Override) {
        self.reset_at(by, Instant::now());
    }

    /// [`reset`](Self::reset) at `now`.
    pub fn reset_at(&self, by: Override, now: Instant) {
        let core = self.core();
        core.machine().reset(by, core.ticks(now));
    }

    /// Opens the breaker now, from any state but open. From here on it goes on as usual: it waits,
    /// admits probes, and they decide. Returns whether it opened; nothing happens to a breaker that
    /// is open already, so a second trip makes no wait longer.
    ///
    /// The wait is that of any opening, and the opening is remembered as any other
    /// ([`Wait::exponential`](crate::Wait::exponential)). An override that holds ends with it, so
    /// after a [forced](Self::force_open) outage probes come first, where a
    /// [`resume`](Self::resume) admits all calls at once. How long `by` lasts does not matter.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use maestro_circuit_breaker::{Cause, CircuitBreaker, Override, Probes, State};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = CircuitBreaker::builder().probes(Probes::one()).build("store")?;
    /// assert!(store.trip(Override::new("alice", "it answers with old rows")));
    /// assert_eq!(store.try_acquire().unwrap_err().cause(), Some(Cause::Tripped));
    ///
    /// tokio::time::advance(Duration::from_secs(5)).await;
    /// store.try_acquire()?.success(); // the probe
    /// assert_eq!(store.state(), State::Closed);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("transitionToOpenState"))]
    pub fn trip(&self, by: Override) -> bool {
        self.trip_at(by, Instant::now())
    }

    /// [`trip`](Self::trip) at `now`.
    pub fn trip_at(&self, by: Override, now: Instant) -> bool {
        let core = self.core();
        core.machine().trip(by, core.ticks(now))
    }

    /// Rejects every call, until an operator [resumes](Self::resume) or the override ends: no wait
    /// in open admits probes. Replaces an override that holds. The rejections name the actor and the
    /// reason, see [`Open::by`](crate::Open::by).
    ///
    /// No task waits for the end of the override: the first call or read at or after it makes the
    /// transition.
    #[doc(alias(
        "transitionToForcedOpenState",
        "Isolate",
        "CircuitBreakerManualControl"
    ))]
    pub fn force_open(&self, by: Override) {
        self.force_open_at(by, Instant::now());
    }

    /// [`force_open`](Self::force_open) at `now`, from which the time of the override counts.
    pub fn force_open_at(&self, by: Override, now: Instant) {
        let core = self.core();
        core.machine().force_open(by, core.ticks(now));
    }

    /// Admits every call and records none, until an operator [resumes](Self::resume) or the
    /// override ends. Replaces an override that holds.
    #[doc(alias("transitionToDisabledState", "force_closed"))]
    pub fn disable(&self, by: Override) {
        self.disable_at(by, Instant::now());
    }

    /// [`disable`](Self::disable) at `now`, from which the time of the override counts.
    pub fn disable_at(&self, by: Override, now: Instant) {
        let core = self.core();
        core.machine().disable(by, core.ticks(now));
    }

    /// Admits every call and records it, until an operator [resumes](Self::resume) or the override
    /// ends. Replaces an override that holds.
    ///
    /// What would have opened the breaker is counted, see
    /// [`Snapshot::would_have_opened`](crate::Snapshot::would_have_opened), and becomes its
    /// [`cause`](crate::Snapshot::cause); then it measures from nothing again.
    #[doc(alias("transitionToMetricsOnlyState"))]
    pub fn metrics_only(&self, by: Override) {
        self.metrics_only_at(by, Instant::now());
    }

    /// [`metrics_only`](Self::metrics_only) at `now`, from which the time of the override counts.
    pub fn metrics_only_at(&self, by: Override, now: Instant) {
        let core = self.core();
        core.machine().metrics_only(by, core.ticks(now));
    }

    /// Ends an override: the breaker is closed, with nothing counted, and its numbers hold again.
    /// Returns whether there was one; nothing happens if there was none. How long `by` lasts does
    /// not matter.
    pub fn resume(&self, by: Override) -> bool {
        self.resume_at(by, Instant::now())
    }

    /// [`resume`](Self::resume) at `now`.
    pub fn resume_at(&self, by: Override, now: Instant) -> bool {
        let core = self.core();
        core.machine().resume(by, core.ticks(now))
    }

    /// The operator's decision that holds now: by [`force_open`](Self::force_open),
    /// [`disable`](Self::disable) or [`metrics_only`](Self::metrics_only), until a
    /// [`resume`](Self::resume), a [`trip`](Self::trip) or its end. `None` if none holds. The
    /// [`state`](Self::state) says which one it is. It takes a lock, as [`snapshot`](Self::snapshot) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Override};
    /// # let ledger = CircuitBreaker::new("ledger");
    /// ledger.force_open(Override::new("alice", "it moves to another rack"));
    /// assert_eq!(ledger.forced().unwrap().reason(), "it moves to another rack");
    /// ledger.resume(Override::new("bob", "it has moved"));
    /// assert_eq!(ledger.forced(), None);
    /// ```
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.forced_at(Instant::now())
    }

    /// [`forced`](Self::forced) at `now`.
    #[must_use]
    pub fn forced_at(&self, now: Instant) -> Option<Override> {
        let core = self.core();
        core.machine().forced(core.ticks(now))
    }

    /// Replaces the numbers while calls are in flight. No call waits for it, and none decides by a
    /// mixture of both: a call that ends at this very moment uses the old numbers or the new ones
    /// as a whole.
    ///
    /// The state stays, and with it failures in a row, probes and their results, an override, and
    /// the end of a wait, ramp or probe that has begun. What begins from now on uses the new
    /// numbers. Nothing opens or closes by the change, with two exceptions: probes decide at once
    /// where enough have ended, and a ramp that is no longer configured is over. Calls in flight
    /// count when they end; one that began while slowness was not configured is not slow.
    ///
    /// The window stays where its shape does. Where its kind, its length or size, or whether it counts
    /// failures or slow calls changes, it begins empty, in the same state.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::CircuitBreaker;
    ///
    /// let builder = CircuitBreaker::builder().failure_ratio(0.5).minimum_calls(2);
    /// let store = builder.build("store")?;
    /// store.try_acquire()?.failure();
    /// store.reconfigure(builder.minimum_calls(10))?;
    /// store.try_acquire()?.failure();
    /// assert_eq!(store.snapshot().failures(), 2); // both count, and two are too few now
    /// assert!(store.reconfigure(builder.minimum_calls(0)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        self.reconfigure_at(to, Instant::now())
    }

    /// [`reconfigure`](Self::reconfigure) at `now`.
    ///
    /// # Errors
    ///
    /// As [`reconfigure`](Self::reconfigure).
    pub fn reconfigure_at(&self, to: Builder, now: Instant) -> Result<(), InvalidConfig> {
        let core = self.core();
        let config = to.validate().map_err(|kind| kind.of(core.name()))?;
        core.machine().reconfigure(config, core.ticks(now));
        core.observers().reconfigured();
        Ok(())
    }

    /// Calls `f` with every [`Transition`] from now on, in order: for logs, metrics, an audit.
    ///
    /// It is called after the state has changed, with no lock held, by the call or read that
    /// changed it. A slow `f` delays only that one, and a panic in it harms no other. It may ask
    /// and steer the breaker. It must not own the breaker that it listens to, or neither is ever
    /// dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::CircuitBreaker;
    /// let store = CircuitBreaker::new("store");
    /// let _listener = store.on_transition(|transition| eprintln!("{transition}"));
    /// ```
    #[doc(alias("onStateTransition", "OnOpened", "OnClosed", "OnHalfOpened"))]
    pub fn on_transition(&self, f: impl Fn(&Transition) + Send + Sync + 'static) -> Listener {
        let core = self.core();
        let (observers, start) = (core.observers(), core.start(Instant::now()));
        let (name, key) = (observers.name(), observers.key());
        observers.listen(move |change| f(&Transition::new(name, key, start, change.clone())))
    }

    /// The latest transition, `None` if there was none since the first call of this method. A
    /// receiver is woken by each, but may miss one that is followed at once by another.
    ///
    /// As no task runs behind the breaker, a transition that is due happens when it is called or
    /// read: a receiver that only watches an open breaker is not told when the wait is over.
    pub fn watch(&self) -> watch::Receiver<Option<Transition>> {
        self.core().observers().watch(|| {
            let watched = watch::Sender::new(None);
            let sender = watched.clone();
            // As a listener, so that transitions come in order, and wake with no lock held.
            self.on_transition(move |transition| {
                sender.send_replace(Some(transition.clone()));
            })
            .detach();
            watched
        })
    }

    /// Takes the handles of its metrics from the recorder now, instead of at the first use at which
    /// there is one. The counters are then there, at zero, and the gauge of its state, before
    /// anything happens.
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        let state = self.state();
        self.core().observers().meter().resolve(state);
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        self.0.borrow()
    }

    /// What a token of this handle holds.
    #[inline]
    pub(crate) const fn pointer(&self) -> &P {
        &self.0
    }
}

impl<P: Borrow<Core>> fmt::Debug for CircuitBreaker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
