//! The types loom must see. Nothing else in this crate names an atomic.
//!
//! The handle's reference count is not among them: it is `std`'s, proven elsewhere, and loom's `Arc` has
//! no `Borrow`.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

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
