//! The tower layers: `record` counts the calls of a service, `gate` refuses them.
//!
//! Neither layer creates state in `Layer::layer`: every service that a layer makes uses the budget or the gate of
//! the layer, however often the layer is applied.

#[cfg(feature = "http-body")]
mod body;
mod classify;
mod end;
mod gate;
#[cfg(feature = "http")]
mod http;
mod record;
mod reject;
pub(crate) mod source;

#[cfg(all(test, feature = "http-body", not(loom)))]
mod tests;

#[cfg(feature = "http-body")]
pub use body::ObservedBody;
pub use classify::{BadIf, Classify, ClassifyTimed, ClassifyWith, ErrIsBad};
#[cfg(feature = "http-body")]
pub use end::AtBodyEnd;
pub use end::{AtHead, CallEnd};
pub use gate::{GateFuture, GateLayer, GateService};
#[cfg(feature = "http")]
pub use http::{ClassifyChosen, ClassifyHttp};
pub use record::{ErrorBudgetFuture, ErrorBudgetLayer, ErrorBudgetService};
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use source::{Admit, Source};
