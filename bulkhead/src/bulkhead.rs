mod listen;
mod operate;

use std::{fmt, future::IntoFuture, num::NonZeroU32, sync::Arc};

use crate::{
    acquire::Acquire,
    config::Builder,
    drain::Drain,
    limit::{Adaptive, Fixed, Limit},
    observe::Figures,
    permit::Permit,
    state::{Core, Many, Pointer},
    sync::const_fn,
    types::{Full, InvalidConfig, Label, Name, Outcome},
};

/// A cap on the calls in flight: a cheap handle, whose clones share the same places.
///
/// The usual type is `Bulkhead`. The parameter is the pointer to the shared state: an [`Arc`], unless the bulkhead lives in
/// a `static` (see [`StaticBulkhead`]).
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::Bulkhead;
///
/// let pool = Bulkhead::builder().limit(1).build("postgres")?;
/// let permit = pool.try_acquire()?;
/// assert!(pool.try_acquire().is_err());
/// drop(permit);
/// assert!(pool.try_acquire().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "ConcurrencyLimit")]
#[doc(alias = "ConcurrencyLimiter")]
#[doc(alias = "Semaphore")]
#[doc(alias = "SemaphoreBulkhead")]
#[doc(alias = "ThreadPoolBulkhead")]
pub struct Bulkhead<P = Arc<Core>>(pub(crate) P);

/// A bulkhead that lives in a `static`: no reference count, made by [`Builder::build_static`].
///
/// A `&'static` reference to it is a handle, also for [`BulkheadLayer::new`](crate::BulkheadLayer::new).
pub type StaticBulkhead = Bulkhead<Core>;

/// A bulkhead whose limit follows the law `L`. Made by [`Builder::build_adaptive`].
#[doc(alias = "SimpleLimiter")]
#[doc(alias = "AdaptiveLimiter")]
pub type AdaptiveBulkhead<L> = Bulkhead<Arc<Core<Adaptive<L>>>>;

// === Building ===

impl Bulkhead {
    /// A bulkhead for `limit` calls in flight, with defaults for all other numbers.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0, or the name is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::Bulkhead;
    ///
    /// let pool = Bulkhead::new("postgres", 20)?;
    /// assert_eq!(pool.limit(), 20);
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn new(name: impl Into<Name>, limit: usize) -> Result<Self, InvalidConfig> {
        Builder::new().limit(limit).build(name)
    }

    /// The configuration, to be completed by [`Builder::build`] or [`Builder::build_static`].
    pub const fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// Builds a bulkhead that shares its places with no other one.
    ///
    /// The `name` is a literal, or an owned string of a configuration file ([`Name`]). With the feature `metrics`, the series
    /// of two bulkheads with one name add up: give each its own.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0, or the name is empty.
    pub fn build(self, name: impl Into<Name>) -> Result<Bulkhead, InvalidConfig> {
        let name = name.into().as_str();
        self.check_for(name)?;
        Ok(Bulkhead(Arc::new(Core::new(Label::new(name), self, Fixed))))
    }

    /// Builds a bulkhead with an adaptive limit: it begins with [`limit`](Self::limit) and then follows `law`.
    ///
    /// Its permits read the clock when a call begins and when a call reports its outcome. Without a classifier the layer reports
    /// each `Ok` as a success, with its latency, and nothing else. Tell it with
    /// [`overload_if`](crate::BulkheadLayer::overload_if) which results mean overload, and put a timeout *inside* the
    /// bulkhead: a call that is dropped from outside reports nothing.
    ///
    /// # Errors
    ///
    /// The errors of [`build`](Self::build), and a number of `law` that is not legal.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Full};
    ///
    /// let pool = Bulkhead::builder().limit(20).build_adaptive("search", Aimd::new())?;
    /// let layer = BulkheadLayer::new(pool.clone()).overload_if(|r: &Result<u16, Full>| matches!(r, Ok(503)));
    /// # use tower::{Layer, service_fn};
    /// # let _ = layer.layer(service_fn(async |()| Ok::<_, Full>(200)));
    /// assert_eq!(pool.limit(), 20);
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn build_adaptive<L: Limit>(
        self,
        name: impl Into<Name>,
        law: L,
    ) -> Result<AdaptiveBulkhead<L>, InvalidConfig> {
        let name = name.into().as_str();
        self.check_for(name)?;
        law.check().map_err(|refused| refused.of(name))?;
        let regulator = Adaptive::new(law, self.window);
        Ok(Bulkhead(Arc::new(Core::new(
            Label::new(name),
            self,
            regulator,
        ))))
    }

    const_fn! {
        /// Builds a bulkhead for a `static`.
        ///
        /// # Panics
        ///
        /// On a configuration that [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_bulkhead::{Bulkhead, StaticBulkhead};
        /// static NONE: StaticBulkhead = Bulkhead::builder().limit(0).build_static("none");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticBulkhead {
            if let Err(kind) = self.validate_for(name) {
                panic!("{}", kind.message());
            }
            Bulkhead(Core::new(Label::new(name), self, Fixed))
        }
    }
}

// === Taking a place ===

impl<P: Pointer + Clone> Bulkhead<P> {
    /// Takes a place if one is free. Dropping the permit gives it back.
    ///
    /// Costs one compare-and-swap, and one reference count for the permit. A refusal only reads. The caller does not
    /// overtake callers that wait in [`acquire`](Self::acquire) or a [`QueueLayer`](crate::QueueLayer).
    ///
    /// # Errors
    ///
    /// [`Full`] when no place is free.
    pub fn try_acquire(&self) -> Result<Permit<P>, Full> {
        self.0.core().try_acquire(1)?;
        Ok(Permit::new(self.0.clone()))
    }

    /// Takes `places` in one step if they are free, for a call that is heavier than others. One permit holds them.
    ///
    /// Costs what [`try_acquire`](Self::try_acquire) costs. Two permits that are taken one after the other may wait for each
    /// other; the places of one permit are taken in one step.
    ///
    /// # Errors
    ///
    /// [`Full`] when fewer places are free, with [`Cause::TooHeavy`](crate::Cause::TooHeavy) when the limit is lower.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Cause};
    /// use std::num::NonZeroU32;
    ///
    /// let places = |n| NonZeroU32::new(n).expect("above zero");
    /// let memory = Bulkhead::builder().limit(8).build("megabytes")?;
    /// let permit = memory.try_acquire_many(places(6))?;
    /// assert_eq!(memory.in_flight(), 6);
    /// assert_eq!(memory.try_acquire_many(places(3)).unwrap_err().cause(), Cause::AtLimit);
    /// let full = memory.try_acquire_many(places(9)).unwrap_err();
    /// assert_eq!((full.cause(), full.places()), (Cause::TooHeavy, Some(9)));
    /// drop(permit);
    /// assert_eq!(memory.in_flight(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_acquire_many(&self, places: NonZeroU32) -> Result<Permit<Many<P>>, Full> {
        self.0.core().try_acquire(places.get())?;
        Ok(Permit::new(Many::new(self.0.clone(), places)))
    }

    /// Waits until `places` are free, behind the callers that wait already, as [`acquire`](Self::acquire) does.
    ///
    /// Callers behind it do not overtake it, though they may want fewer places. So it gets its places when enough calls
    /// have ended.
    ///
    /// # Errors
    ///
    /// The future gives [`Full`] at its first poll when the line is full or the limit is below `places`, and later when the
    /// limit falls below `places` ([`Cause::TooHeavy`](crate::Cause::TooHeavy)) or the bulkhead is
    /// [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// See [`Acquire`].
    pub fn acquire_many(&self, places: NonZeroU32) -> Acquire<Many<P>> {
        let pointer = Many::new(self.0.clone(), places);
        Acquire::new(pointer, self.0.core().line())
    }

    /// Refuses every later call, refuses the calls that wait, and returns a future that is ready when no call is in flight:
    /// for a shutdown that finishes what has begun.
    ///
    /// The bulkhead is closed when this returns, whether or not the future is polled. The refusals say
    /// [`Cause::Closed`](crate::Cause::Closed). Calls in flight go on. A bulkhead that is closed stays closed, also when it
    /// is [reconfigured](Self::reconfigure) and where it [only counts](Builder::metrics_only): one that opens again is a
    /// circuit breaker. Of a family this closes one member. A closed member is not evicted.
    ///
    /// The future is bounded by the calls. Bound it with `tokio::time::timeout`.
    ///
    /// All calls that wait are woken before this returns, one by one. With 100,000 of them that takes 3 ms and what the wakers
    /// take. Each of them takes a short lock, and other callers may take it in between.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not open the bulkhead. A second `close` returns another future.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Cause};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Bulkhead::builder().limit(2).build("postgres")?;
    /// let permit = pool.try_acquire()?;
    /// let drained = tokio::spawn(pool.close());
    /// assert_eq!(pool.try_acquire().unwrap_err().cause(), Cause::Closed);
    /// drop(permit);
    /// drained.await?;
    /// assert_eq!(pool.in_flight(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) -> Drain<P> {
        self.0.core().close();
        Drain::new(self.0.clone())
    }

    /// Waits for a place, behind the callers that wait already.
    ///
    /// At most [`Builder::max_queued`] callers wait: a line without a bound turns an overload into memory. The caller bounds
    /// the time, with `tokio::time::timeout` or a [`QueueLayer`](crate::QueueLayer). No timer and no runtime is needed.
    ///
    /// A place is given to the first waiter at once. It is taken from then on, also while the future is not polled (a kept
    /// arm of `select!`, a buffer with a slow reader), as with tokio's `Semaphore`. Drop a future that you do not poll. The
    /// calls behind a [`QueueLayer`](crate::QueueLayer) lose such a place, and their seat, when their bound has passed.
    ///
    /// With a free place it costs what [`try_acquire`](Self::try_acquire) costs. A waiter takes a short lock when it starts,
    /// when it is woken and when it leaves; a call that ends while another one waits takes it too.
    ///
    /// # Errors
    ///
    /// The future gives [`Full`] at its first poll when the line is full.
    ///
    /// # Cancel safety
    ///
    /// See [`Acquire`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = maestro_bulkhead::Bulkhead::builder().limit(1).build("postgres")?;
    /// let held = pool.try_acquire()?;
    /// let waiting = tokio::spawn(pool.acquire());
    /// tokio::task::yield_now().await;
    /// assert_eq!(pool.queued(), 1);
    /// drop(held);
    /// let _permit = waiting.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn acquire(&self) -> Acquire<P> {
        Acquire::new(self.0.clone(), self.0.core().line())
    }

    /// Runs `f` in a place of this bulkhead, or refuses at once.
    ///
    /// `f` is called only with a place. To wait for one, use [`acquire`](Self::acquire). An `Ok` is reported to an adaptive
    /// limit as a success; an `Err` reports nothing. To report more, hold the permit yourself.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or the error of `f`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the future of `f` and then gives the place back.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Full};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Bulkhead::builder().limit(4).build("postgres")?;
    /// let rows = pool.run(async || Ok::<_, Full>(3)).await?;
    /// assert_eq!((rows, pool.in_flight()), (3, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<F, T, E>(&self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Full>,
    {
        within(self.try_acquire()?, f()).await
    }

    /// Runs `f` on this thread in a place of this bulkhead, or refuses at once.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or the error of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Full};
    ///
    /// let disk = Bulkhead::builder().limit(4).build("disk")?;
    /// let read = disk.run_blocking(|| Ok::<_, Full>("a file"));
    /// assert_eq!(read?, "a file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_blocking<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Full>,
    {
        report(self.try_acquire()?, f())
    }
}

impl StaticBulkhead {
    /// Takes a place if one is free. Dropping the permit gives it back.
    ///
    /// Costs one compare-and-swap. A refusal only reads.
    ///
    /// # Errors
    ///
    /// [`Full`] when no place is free.
    pub fn try_acquire(&'static self) -> Result<Permit<&'static Core>, Full> {
        self.0.try_acquire(1)?;
        Ok(Permit::new(&self.0))
    }

    /// Takes `places` in one step if they are free, as [`Bulkhead::try_acquire_many`] does.
    ///
    /// # Errors
    ///
    /// [`Full`] when fewer places are free, with [`Cause::TooHeavy`](crate::Cause::TooHeavy) when the limit is lower.
    pub fn try_acquire_many(
        &'static self,
        places: NonZeroU32,
    ) -> Result<Permit<Many<&'static Core>>, Full> {
        self.0.try_acquire(places.get())?;
        Ok(Permit::new(Many::new(&self.0, places)))
    }

    /// Waits until `places` are free, as [`Bulkhead::acquire_many`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Bulkhead::acquire_many`].
    ///
    /// # Cancel safety
    ///
    /// See [`Acquire`].
    pub fn acquire_many(&'static self, places: NonZeroU32) -> Acquire<Many<&'static Core>> {
        Acquire::new(Many::new(&self.0, places), self.0.line())
    }

    /// Refuses every later call and those that wait, as [`Bulkhead::close`] does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not open the bulkhead.
    pub fn close(&'static self) -> Drain<&'static Core> {
        self.0.close();
        Drain::new(&self.0)
    }

    /// Waits for a place, as [`Bulkhead::acquire`] does.
    ///
    /// # Errors
    ///
    /// The future gives [`Full`] at its first poll when the line is full.
    ///
    /// # Cancel safety
    ///
    /// See [`Acquire`].
    pub fn acquire(&'static self) -> Acquire<&'static Core> {
        Acquire::new(&self.0, self.0.line())
    }

    /// Runs `f` in a place of this bulkhead, or refuses at once, as [`Bulkhead::run`] does.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or the error of `f`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the future of `f` and then gives the place back.
    pub async fn run<F, T, E>(&'static self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Full>,
    {
        within(self.try_acquire()?, f()).await
    }

    /// Runs `f` on this thread in a place of this bulkhead, or refuses at once.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or the error of `f`.
    pub fn run_blocking<T, E>(&'static self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Full>,
    {
        report(self.try_acquire()?, f())
    }
}

async fn within<P: Pointer, F, T, E>(permit: Permit<P>, call: F) -> Result<T, E>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    // The call is dropped before its place is given back, as it may still hold a connection.
    let result = call.into_future().await;
    report(permit, result)
}

fn report<P: Pointer, T, E>(permit: Permit<P>, result: Result<T, E>) -> Result<T, E> {
    permit.finish(if result.is_ok() {
        Outcome::Success
    } else {
        Outcome::Ignored
    });
    result
}

// === Changing it ===

impl<P: Pointer> Bulkhead<P> {
    /// Changes the limit at once and waits for no call.
    ///
    /// Calls in flight stay. While there are more of them than a lowered limit allows, no call is admitted. Waiting calls
    /// that have a place now are admitted. While a limit is [forced](Self::force_limit), it is the limit afterwards.
    ///
    /// All calls that a raised limit admits are woken before this returns, as by [`close`](Self::close). So are those that it
    /// finds late.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0; nothing is changed then.
    pub fn set_limit(&self, limit: usize) -> Result<(), InvalidConfig> {
        Builder::new().limit(limit).check_for(self.name())?;
        self.0.core().resize(limit);
        Ok(())
    }

    /// Takes another configuration while calls are in flight and waiting. None of them is lost, interrupted or waited for.
    /// An adaptive limit goes on from [`Builder::limit`]. A [forced](Self::force_limit) limit stays.
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::build`]; nothing is changed then.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        self.0.core().reconfigure(to)
    }

    /// Takes the metric handles from the recorder now, and not at the first event that finds one: gauges and counters
    /// then exist before the first call.
    ///
    /// The gauge of calls in flight is exact if no call begins or ends on another thread meanwhile.
    #[cfg(feature = "metrics")]
    pub fn resolve_metrics(&self) {
        self.0.core().resolve_metrics();
    }
}

impl<L: Limit> AdaptiveBulkhead<L> {
    /// Follows `law` from the next window on, starting at the current limit. What the former law has learnt is lost.
    ///
    /// For a law with other numbers. Also for the same law anew, when a slow-down is known to be permanent and should be learnt
    /// at once: a release of the dependency that does more for each call.
    ///
    /// # Errors
    ///
    /// A number of `law` that is not legal; nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Gradient2};
    ///
    /// let law = Gradient2::new().max(200);
    /// let search = Bulkhead::builder().limit(20).build_adaptive("search", law)?;
    /// search.set_law(law.tolerance(2.0))?; // also forgets what it has learnt
    /// assert!(search.set_law(law.tolerance(0.5)).is_err());
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn set_law(&self, law: L) -> Result<(), InvalidConfig> {
        let followed = self.0.regulator().follow(law);
        followed.map_err(|refused| refused.of(self.name()))
    }
}

// === Figures ===

impl<P: Pointer> Bulkhead<P> {
    /// The name of the bulkhead.
    pub fn name(&self) -> &'static str {
        self.0.core().name()
    }

    /// The key of a member of a family, if the family [shows its keys](crate::Bulkheads::show_keys); else `None`. For people and
    /// logs: it takes a lock, for which no call waits but the first ones of new keys, and those that read a key.
    pub fn key(&self) -> Option<Arc<str>> {
        self.0.core().events().label().key()
    }

    /// The most calls in flight at once; `usize::MAX` for any limit above 1,073,741,822.
    ///
    /// Ends a [forced limit](Self::force_limit) that has run out.
    pub fn limit(&self) -> usize {
        self.0.core().end_override();
        self.0.core().limit()
    }

    /// Whether it was [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.0.core().snapshot().is_closed()
    }

    /// How many calls are in flight now: the places that are taken, if calls have
    /// [weights](crate::BulkheadLayer::weight). Others may start and end meanwhile.
    pub fn in_flight(&self) -> usize {
        self.0.core().in_flight()
    }

    /// How many calls wait for a place now. 1,048,575 also stands for more.
    pub fn queued(&self) -> usize {
        self.0.core().queued()
    }

    /// The share of places in use, from 0.0 to 1.0. It is above 1.0 while more calls are in flight than a lowered limit
    /// allows, and where the limit is not enforced.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share for people to look at; 2^53 calls in flight are not"
    )]
    pub fn utilisation(&self) -> f64 {
        let seen = self.0.core().seen();
        seen.held() as f64 / seen.limit() as f64
    }

    /// How many calls ended with an overload since the bulkhead was built: by the classifier of the layer, or by
    /// [`Permit::overload`].
    pub fn overloads(&self) -> u64 {
        self.0.core().overloads()
    }

    /// How many calls were refused since the bulkhead was built, where [`Builder::count_rejections`] is set. With
    /// [`Builder::metrics_only`], how many would have been refused.
    pub fn rejections(&self) -> u64 {
        self.0.core().rejections()
    }
}

impl<P: Pointer> fmt::Debug for Bulkhead<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.core().fmt(f)
    }
}
