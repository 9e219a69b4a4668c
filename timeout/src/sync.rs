//! The atomics. In loom tests they are loom's. No other file of this crate names an atomic.
//!
//! The reference counts of the handles are std's `Arc`, which is not modelled here.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;
