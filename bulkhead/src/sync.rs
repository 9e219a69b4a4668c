//! The types loom must see. Nothing else in this crate names an atomic or a lock.
//!
//! The handle's reference count is not among them: it is `std`'s, proven elsewhere, and loom's `Arc` has
//! no `Borrow`.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

#[cfg(all(test, loom))]
use loom::sync::{Mutex as Inner, MutexGuard as Guard};
#[cfg(not(all(test, loom)))]
use parking_lot::{Mutex as Inner, MutexGuard as Guard};

/// Declares a `const fn`, or a plain one under loom, whose atomics have no const constructor.
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

/// The lock of the cold paths: who waits, what an adaptive limit has learnt, which keys there are. No
/// poisoning: what it guards is never left half-changed.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    const_fn! {
        pub(crate) fn new(value: T) -> Self {
            Self(Inner::new(value))
        }
    }

    #[cfg(not(all(test, loom)))]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock()
    }

    #[cfg(all(test, loom))]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0
            .lock()
            .expect("a model that panicked has failed already")
    }
}
