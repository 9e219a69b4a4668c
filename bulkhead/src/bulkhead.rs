use std::{fmt, num::NonZeroUsize, sync::Arc};

use crate::{Acquire, Builder, Core, Fixed, Full, InvalidConfig, Permit, Pointer, state::Line};

/// A cap on calls in flight: a cheap handle to places that all its clones share.
///
/// In ordinary code the type is written `Bulkhead`; the parameter is the pointer to the shared state,
/// an [`Arc`] unless the bulkhead lives in a `static` (see [`StaticBulkhead`]).
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
pub struct Bulkhead<P = Arc<Core>>(pub(crate) P);

/// A bulkhead that lives in a `static`: no reference count, made by [`Builder::build_static`].
///
/// A `&'static` reference to it is a handle, for [`BulkheadLayer::new`](crate::BulkheadLayer::new) too.
pub type StaticBulkhead = Bulkhead<Core>;

// === impl Bulkhead ===

impl Bulkhead {
    /// A bulkhead for `limit` calls in flight, with defaults for all else.
    #[must_use]
    pub fn new(name: &'static str, limit: NonZeroUsize) -> Self {
        Self(Arc::new(Core::new(
            name,
            Builder::new().limit(limit.get()),
            Fixed,
        )))
    }

    /// The configuration, to be completed by [`Builder::build`] or [`Builder::build_static`].
    pub const fn builder() -> Builder {
        Builder::new()
    }
}

impl<P: Pointer + Clone> Bulkhead<P> {
    /// Takes a place, if there is one. The permit gives it back when it is dropped.
    ///
    /// Costs one compare-and-swap, and one reference count into the permit. A refusal only reads. Where
    /// others wait ([`acquire`](Self::acquire), a [`QueueLayer`](crate::QueueLayer)) it does not overtake them.
    ///
    /// # Errors
    ///
    /// [`Full`] when as many calls as the limit allows are in flight.
    pub fn try_acquire(&self) -> Result<Permit<P>, Full> {
        self.0.core().try_acquire()?;
        Ok(Permit::new(self.0.clone()))
    }

    /// Waits for a place, behind those who wait already.
    ///
    /// At most [`Builder::max_queued`] wait so. How long is the caller's to bound: put it into
    /// `tokio::time::timeout`, or use a [`QueueLayer`](crate::QueueLayer). It needs no timer and no particular runtime.
    ///
    /// Uncontended it costs what [`try_acquire`](Self::try_acquire) does; who waits takes a short lock
    /// when it starts, when it is woken and when it leaves, and so does who releases while somebody waits.
    ///
    /// # Errors
    ///
    /// The future gives [`Full`], at its first poll, when too many wait already.
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
        Acquire::new(self.0.clone(), self.line())
    }

    fn line(&self) -> Line {
        Line {
            length: self.0.core().max_queued(),
            newest_first: false,
        }
    }
}

impl StaticBulkhead {
    /// Takes a place, if there is one. The permit gives it back when it is dropped.
    ///
    /// Costs one compare-and-swap. A refusal only reads.
    ///
    /// # Errors
    ///
    /// [`Full`] when as many calls as the limit allows are in flight.
    pub fn try_acquire(&'static self) -> Result<Permit<&'static Core>, Full> {
        self.0.try_acquire()?;
        Ok(Permit::new(&self.0))
    }

    /// Waits for a place, behind those who wait already, as [`Bulkhead::acquire`] does.
    ///
    /// # Errors
    ///
    /// The future gives [`Full`], at its first poll, when too many wait already.
    ///
    /// # Cancel safety
    ///
    /// See [`Acquire`].
    pub fn acquire(&'static self) -> Acquire<&'static Core> {
        let line = Line {
            length: self.0.max_queued(),
            newest_first: false,
        };
        Acquire::new(&self.0, line)
    }
}

impl<P: Pointer> Bulkhead<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.0.core().name()
    }

    /// How many calls may be in flight at once; `usize::MAX` for any limit above 1,073,741,822.
    pub fn limit(&self) -> usize {
        self.0.core().seen().limit()
    }

    /// Changes the limit, at once and without waiting for anybody: calls in flight stay, and while there
    /// are more of them than a lowered limit allows, none is let in. Who waits is let in where there is room now.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when the limit is 0; nothing is changed then.
    pub fn set_limit(&self, limit: usize) -> Result<(), InvalidConfig> {
        if limit == 0 {
            return Err(InvalidConfig::ZeroLimit);
        }
        self.0.core().resize(limit);
        Ok(())
    }

    /// Takes another configuration while calls are in flight and waiting; none of them is lost or
    /// interrupted, and nobody is waited for. An adaptive limit goes on from [`Builder::limit`].
    ///
    /// # Errors
    ///
    /// What [`Builder::build`] refuses; nothing is changed then.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        self.0.core().reconfigure(to)
    }

    /// How many calls are in flight now. Others may start and end while you look.
    pub fn in_flight(&self) -> usize {
        self.0.core().seen().held()
    }

    /// How many calls wait for a place now; 16,777,215 also stands for more.
    pub fn queued(&self) -> usize {
        self.0.core().queued()
    }

    /// The share of places in use, from 0.0 to 1.0; above while a lowered limit has not yet come to bear,
    /// or is not enforced.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share for people to look at; 2^53 calls in flight are not"
    )]
    pub fn utilisation(&self) -> f64 {
        let seen = self.0.core().seen();
        seen.held() as f64 / seen.limit() as f64
    }

    /// How many calls ended with what the layer's classifier, or [`Permit::overload`], called overload,
    /// since the bulkhead was built.
    pub fn overloads(&self) -> u64 {
        self.0.core().overloads()
    }

    /// How many calls were refused since the bulkhead was built, where it was told to count them
    /// ([`Builder::count_rejections`]); how many would have been, where it only watches
    /// ([`Builder::metrics_only`]).
    pub fn rejections(&self) -> u64 {
        self.0.core().rejections()
    }
}

impl<P: Pointer> fmt::Debug for Bulkhead<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.core().fmt(f)
    }
}
