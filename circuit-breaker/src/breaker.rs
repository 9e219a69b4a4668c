use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{
    Builder, Call, Open, Snapshot, State,
    admission::Admission,
    circuit::{Circuit, End, Refusal},
    epoch::Epoch,
    metrics::{self, Begun},
    settings::Settings,
    sync::{atomic::AtomicBool, const_fn},
};

/// A circuit breaker: a cheap handle to a state that all its clones share.
///
/// In ordinary code the type is written `CircuitBreaker`; the parameter is the pointer to the shared
/// state, an [`Arc`] unless the breaker lives in a `static` (see [`StaticCircuitBreaker`]).
///
/// No task runs behind it. What time brings, from open to half-open when the wait is over, and from
/// half-open when a probe is overdue, happens at the first call or read after the instant, and then as
/// if it had happened on time.
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
pub struct CircuitBreaker<P = Arc<Core>>(pub(crate) P);

/// A circuit breaker that lives in a `static`: no reference count, made by [`Builder::build_static`].
///
/// A `&'static` reference to it is a handle, for [`CircuitBreakerLayer::new`](crate::CircuitBreakerLayer::new) too.
pub type StaticCircuitBreaker = CircuitBreaker<Core>;

/// The shared state behind a [`CircuitBreaker`]: opaque, named only in types such as [`Call<&'static Core>`](Call).
pub struct Core {
    epoch: Epoch,
    circuit: Circuit,
    /// In a family: that it was used since somebody looked for one that may go.
    pub(crate) used: AtomicBool,
}

// === impl CircuitBreaker ===

impl CircuitBreaker {
    /// A circuit breaker with the defaults of [`Builder`]: it opens when half of at least twenty calls
    /// within 10 s failed, waits 5 s, and closes after three probes of which fewer than half failed.
    ///
    /// # Panics
    ///
    /// Never: the defaults are legal.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self::builder().build(name).expect("the defaults are legal")
    }

    /// The configuration, to be completed by [`Builder::build`] or [`Builder::build_static`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Asks whether a call may be made now, as which it then counts until it says how it ended.
    ///
    /// Costs one read while closed, and one reference count into the token. A rejection only reads.
    ///
    /// # Errors
    ///
    /// [`Open`] when the circuit is open, or half-open with all places for probes taken.
    #[inline]
    pub fn try_acquire(&self) -> Result<Call, Open> {
        let admission = self.0.admit(Instant::now)?;
        Ok(Call::new(Arc::clone(&self.0), admission, Instant::now))
    }

    /// [`try_acquire`](Self::try_acquire) at `now`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_at(&self, now: Instant) -> Result<Call, Open> {
        let admission = self.0.admit(|| now)?;
        Ok(Call::new(Arc::clone(&self.0), admission, || now))
    }
}

impl StaticCircuitBreaker {
    /// Asks whether a call may be made now, as which it then counts until it says how it ended.
    ///
    /// Costs one read while closed. A rejection only reads.
    ///
    /// # Errors
    ///
    /// [`Open`] when the circuit is open, or half-open with all places for probes taken.
    #[inline]
    pub fn try_acquire(&'static self) -> Result<Call<&'static Core>, Open> {
        Ok(Call::new(
            &self.0,
            self.0.admit(Instant::now)?,
            Instant::now,
        ))
    }

    /// [`try_acquire`](Self::try_acquire) at `now`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_at(&'static self, now: Instant) -> Result<Call<&'static Core>, Open> {
        Ok(Call::new(&self.0, self.0.admit(|| now)?, || now))
    }
}

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.core().name()
    }

    /// The state now. If a wait or a probe's time is over, the transition happens here.
    pub fn state(&self) -> State {
        self.state_at(Instant::now())
    }

    /// [`state`](Self::state) at `now`.
    pub fn state_at(&self, now: Instant) -> State {
        let core = self.core();
        core.circuit.advance(core.epoch.ticks(now)).phase().state()
    }

    /// State and counts of one moment, without what has expired. For people and gauges, not for a call:
    /// it takes a lock, for which no call waits unless it opens or closes the circuit.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(Instant::now())
    }

    /// [`snapshot`](Self::snapshot) at `now`.
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        let core = self.core();
        Snapshot::new(core.name(), core.circuit.counters(core.epoch.ticks(now)))
    }

    /// Closes the circuit, with nothing counted and no cause. Calls under way are late from now on: what they
    /// say changes nothing. A state that an operator has put it into stays, with nothing counted either.
    pub fn reset(&self) {
        self.reset_at(Instant::now());
    }

    /// [`reset`](Self::reset) at `now`.
    pub fn reset_at(&self, now: Instant) {
        let core = self.core();
        core.circuit.reset(core.epoch.ticks(now));
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        self.0.borrow()
    }
}

impl<P: Borrow<Core>> fmt::Debug for CircuitBreaker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

// === impl Core ===

impl Core {
    const_fn! {
        pub(crate) fn new(name: &'static str, settings: Settings) -> Self {
            Self {
                epoch: Epoch::new(),
                circuit: Circuit::named(name, settings),
                used: AtomicBool::new(true),
            }
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.circuit.name
    }

    /// The instant that ticks are counted from.
    pub(crate) fn start(&self, now: Instant) -> Instant {
        self.epoch.start(now)
    }

    pub(crate) const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        self.epoch.ticks(now)
    }

    /// Whether a call would be rejected now.
    #[inline]
    pub(crate) fn is_rejecting(&self) -> bool {
        self.circuit
            .is_rejecting(|| self.epoch.ticks(Instant::now()))
    }

    /// The rejection of a call which must not be made though the circuit might let it in. Where it is open the clock is not
    /// read.
    #[inline]
    pub(crate) fn refuse(&self) -> Open {
        self.rejected(self.circuit.refuse(|| self.epoch.ticks(Instant::now())))
    }

    /// Whether a success of this call changes nothing, and nobody counts it.
    #[inline(always)]
    pub(crate) fn stays_as_it_is(&self, admission: Admission) -> bool {
        !metrics::IS_ON && self.circuit.is_unchanged_by_success(admission)
    }

    #[inline]
    pub(crate) fn settle(
        &self,
        admission: Admission,
        begun: Begun,
        end: End,
        now: impl Fn() -> Instant,
    ) {
        self.circuit
            .settle(admission, end, || self.epoch.ticks(now()));
        let meter = &self.circuit.meter;
        meter.ended(begun, end, now, || self.circuit.load().phase().state());
    }

    #[inline]
    pub(crate) fn admit(&self, now: impl FnOnce() -> Instant) -> Result<Admission, Open> {
        self.circuit
            .admit(|| self.epoch.ticks(now()))
            .map_err(|refusal| self.rejected(refusal))
    }

    fn rejected(&self, refusal: Refusal) -> Open {
        let meter = &self.circuit.meter;
        meter.rejected(refusal.state, || self.circuit.load().phase().state());
        Open::new(self.name(), refusal, self.epoch.since_origin(refusal.until))
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a look at the clock, and so without a transition: printing changes nothing.
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &self.circuit.load().phase())
            .finish_non_exhaustive()
    }
}
