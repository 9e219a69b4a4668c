//! The types loom must see. Nothing else in this crate names an atomic.
//!
//! The handles' reference counts are not among them: they are `std`'s, proven elsewhere.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;
