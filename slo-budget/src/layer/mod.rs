//! The tower layers: one that counts calls, one that refuses them.

#[cfg(feature = "http-body")]
mod body;
mod classify;
mod future;
mod gate;
mod gate_service;
mod record;
mod reject;
mod service;
pub(crate) mod source;

#[cfg(feature = "http-body")]
pub use body::{BodyFuture, BodyLayer, BodyService, ObservedBody};
pub use classify::{BadIf, Classify, ClassifyWith, ErrIsBad};
pub use future::{ErrorBudgetFuture, GateFuture};
pub use gate::GateLayer;
pub use gate_service::GateService;
pub use record::ErrorBudgetLayer;
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use service::ErrorBudgetService;
pub use source::{Admit, Source};
