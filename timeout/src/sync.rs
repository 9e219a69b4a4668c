//! The atomics and the lock. In loom tests they are loom's. No other file of this crate names one.
//!
//! The reference counts of the handles are std's `Arc`, which is not modelled here.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

/// A lock for cold paths, without poisoning, also in a `static`. Not loom's, which does not outlive a model.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "`parking_lot` would be the only use of seven more crates"
)]
pub(crate) struct StaticMutex<T>(std::sync::Mutex<T>);

#[expect(clippy::disallowed_types, reason = "as above")]
impl<T> StaticMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(all(test, loom)))]
pub(crate) use StaticMutex as Mutex;

/// loom's lock, with the methods of the other one.
#[cfg(all(test, loom))]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(all(test, loom))]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("nothing panics under this lock")
    }
}
