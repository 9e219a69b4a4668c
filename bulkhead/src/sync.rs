//! The atomics and the lock of this crate: std's and `parking_lot`'s, or loom's in a model.
//!
//! No other file names one of them. The reference count of a handle stays std's: loom's `Arc` has no `Borrow`, and std's
//! count needs no model here.
//!
//! The locks, and when each is taken:
//!
//! - The waiters of a bulkhead: a caller waits, a limit changes, or the bulkhead closes. Under an override also each caller
//!   that finds no place.
//! - The law of an adaptive limit: once a window, and in `set_law`.
//! - The members of a family: a new key, `get`, `iter`, `len`, a reconfiguration, another law, and the first listener.
//! - The listeners of a bulkhead, and those of a family: a listener comes or goes, or an event is told. A bulkhead without a
//!   listener has none. The feature `tracing` listens to changes.
//! - Of the process: the owned names (when something is built), the names in rejections (the first rejection of a
//!   bulkhead), and the keys that families show (a member is made or goes, or the text of a key is read).
//! - With the feature `test-util`, the state of a script: each call of it.
//!
//! A call that finds a place takes none of them. The lock of a law may be held when that of the waiters is taken, that of the
//! waiters when that of listeners or keys is, and the lock of the members when any of these three is; never the other way round.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

#[cfg(all(test, loom))]
use loom::sync::{Mutex as Inner, MutexGuard as Guard};
#[cfg(not(all(test, loom)))]
use parking_lot::{Mutex as Inner, MutexGuard as Guard};

/// Declares a `const fn`, or a plain function under loom, whose atomics have no const constructor.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(all(test, loom)))]
        $(#[$meta])*
        $vis const fn $($rest)*

        #[cfg(all(test, loom))]
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
pub(crate) use const_fn;

/// An array of zeros, in a `const fn` where that is possible.
#[cfg(all(any(test, feature = "http-body"), not(all(test, loom))))]
macro_rules! zeros {
    ($n:expr) => {
        [const { $crate::sync::atomic::AtomicU64::new(0) }; $n]
    };
}
#[cfg(all(test, loom))]
macro_rules! zeros {
    ($n:expr) => {
        std::array::from_fn::<_, { $n }, _>(|_| $crate::sync::atomic::AtomicU64::new(0))
    };
}
#[cfg(any(test, feature = "http-body"))]
pub(crate) use zeros;

/// A lock for cold paths in a `static`. Not loom's, which does not outlive a model.
pub(crate) use parking_lot::Mutex as StaticMutex;

/// A lock without poisoning: no foreign code runs between two writes to what it protects.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    const_fn! {
        pub(crate) fn new(value: T) -> Self {
            Self(Inner::new(value))
        }
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let guard = self.0.lock();
        #[cfg(all(test, loom))]
        let guard = guard.expect("a model that panicked has failed already");
        guard
    }

    #[cfg(feature = "family")]
    pub(crate) fn into_inner(self) -> T {
        let value = self.0.into_inner();
        #[cfg(all(test, loom))]
        let value = value.expect("a model that panicked has failed already");
        value
    }

    /// `None` when it is locked.
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        let guard = self.0.try_lock();
        #[cfg(all(test, loom))]
        let guard = guard.ok();
        guard
    }
}
