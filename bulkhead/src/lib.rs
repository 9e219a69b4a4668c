#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod bulkhead;
mod classify;
mod error;
mod full;
mod guard;
mod layer;
mod permit;
mod permits;
mod reject;
mod service;
mod sync;

pub mod future;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use bulkhead::{Bulkhead, Core, StaticBulkhead};
pub use classify::{Classify, ClassifyWith, Ignore, Outcome, OverloadIf};
pub use error::InvalidConfig;
pub use full::Full;
pub use guard::Guard;
pub use layer::BulkheadLayer;
pub use permit::Permit;
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use service::BulkheadService;
