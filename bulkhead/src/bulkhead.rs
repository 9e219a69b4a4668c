use std::{borrow::Borrow, fmt, num::NonZeroUsize, sync::Arc};

use crate::{
    Builder, Full, Permit,
    permits::Permits,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
};

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

/// The shared state behind a [`Bulkhead`]: opaque, named only in types such as [`Permit<&'static Core>`](Permit).
pub struct Core {
    name: &'static str,
    limit: usize,
    permits: Permits,
    overloads: AtomicU64,
}

// === impl Bulkhead ===

impl Bulkhead {
    /// A bulkhead for `limit` calls in flight, with defaults for all else.
    #[must_use]
    pub fn new(name: &'static str, limit: NonZeroUsize) -> Self {
        Self(Arc::new(Core::new(name, limit.get())))
    }

    /// The configuration, to be completed by [`Builder::build`] or [`Builder::build_static`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Takes a place, if there is one. The permit gives it back when it is dropped.
    ///
    /// Costs one compare-and-swap, and one reference count into the permit. A refusal only reads.
    ///
    /// # Errors
    ///
    /// [`Full`] when as many calls as the limit allows are in flight.
    pub fn try_acquire(&self) -> Result<Permit, Full> {
        self.0.try_acquire()?;
        Ok(Permit::new(Arc::clone(&self.0)))
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
}

impl<P: Borrow<Core>> Bulkhead<P> {
    /// The name it was built with.
    pub fn name(&self) -> &'static str {
        self.core().name
    }

    /// How many calls may be in flight at once.
    pub fn limit(&self) -> usize {
        self.core().limit
    }

    /// How many calls are in flight now. Others may start and end while you look.
    pub fn in_flight(&self) -> usize {
        self.core().permits.held()
    }

    /// The share of places in use, from 0.0 to 1.0.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share for people to look at; 2^53 calls in flight are not"
    )]
    pub fn utilisation(&self) -> f64 {
        self.in_flight() as f64 / self.limit() as f64
    }

    /// How many calls ended with what the layer's classifier, or [`Permit::overload`], called overload,
    /// since the bulkhead was built.
    pub fn overloads(&self) -> u64 {
        // Relaxed: a figure to look at.
        self.core().overloads.load(Relaxed)
    }

    pub(crate) fn core(&self) -> &Core {
        self.0.borrow()
    }
}

impl<P: Borrow<Core>> fmt::Debug for Bulkhead<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}

// === impl Core ===

impl Core {
    const_fn! {
        pub(crate) fn new(name: &'static str, limit: usize) -> Self {
            Self { name, limit, permits: Permits::new(), overloads: AtomicU64::new(0) }
        }
    }

    pub(crate) fn try_acquire(&self) -> Result<(), Full> {
        self.permits
            .try_acquire(self.limit)
            .map_err(|held| Full::new(self.name, self.limit, held))
    }

    pub(crate) fn release(&self) {
        self.permits.release();
    }

    pub(crate) fn overloaded(&self) {
        // Relaxed: a count that orders nothing. Only calls that met an overload pay for it.
        self.overloads.fetch_add(1, Relaxed);
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .field("in_flight", &self.permits.held())
            .finish_non_exhaustive()
    }
}
