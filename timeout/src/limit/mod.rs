//! Limits that are changed while calls run.

mod forced;
#[cfg(any(feature = "http-body", all(test, loom)))]
mod plain;

pub(crate) use self::forced::ForcedLimit;
#[cfg(any(feature = "http-body", all(test, loom)))]
pub(crate) use self::plain::Limit;
