// The package maestro-examples runs the examples of the README.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod alerts;
mod budget;
mod builder;
mod burn;
#[cfg(feature = "family")]
mod family;
mod file;
mod gate;
mod history;
mod layer;
#[cfg(feature = "metrics")]
mod metrics;
mod observation;
mod observe;
mod presets;
mod record;
mod report;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "spec")]
mod spec;
mod sync;
mod types;

#[cfg(feature = "canary")]
pub mod canary;

#[cfg(feature = "test-util")]
pub mod test_util;

#[doc = include_str!("guide.md")]
pub mod guide {
    #[doc = include_str!("meaning.md")]
    pub mod meaning {}
}

/// The futures of the services.
pub mod future {
    pub use crate::layer::{ErrorBudgetFuture, GateFuture};
}

pub use alerts::{
    Alert, AlertEvent, AlertRule, AlertState, Alerts, AlertsBuilder, AlertsSnapshot, Severity,
    WithoutData,
};
pub use budget::ErrorBudget;
pub use builder::Builder;
pub use burn::{Limit, Page, Warning};
#[cfg(feature = "canary")]
pub use canary::{Canary, CanaryPolicy};
#[cfg(feature = "family")]
pub use family::{By, ErrorBudgets, GateBy, Gates};
#[cfg(feature = "serde")]
pub use gate::SavedOverride;
pub use gate::{
    AllOptional, Change, Class, ClassBy, ClassOf, Decision, Gate, GateBuilder, NoData, Reason,
    Reasons, Snapshot, Spent, Transition, WhenSpent,
};
pub use history::{History, Restored, Unusable};
pub use layer::{
    Admit, Answer, AtHead, BadIf, CallEnd, Classify, ClassifyTimed, ClassifyWith, ErrIsBad,
    ErrorBudgetLayer, ErrorBudgetService, Fallback, GateLayer, GateService, IntoError, OnReject,
    Source,
};
#[cfg(feature = "http-body")]
pub use layer::{AtBodyEnd, ObservedBody};
#[cfg(feature = "http")]
pub use layer::{ClassifyChosen, ClassifyHttp};
pub use observation::Observation;
pub use observe::Listener;
#[cfg(feature = "calendar")]
pub use record::Calendar;
pub use record::{Budgeting, Core};
pub use report::{Report, WindowReport};
#[cfg(feature = "spec")]
pub use spec::{MissingSeries, Mistake, Mistakes, Spec};
#[cfg(feature = "http-body")]
pub use types::BodyEnd;
pub use types::{
    BurnRate, Counts, Event, Factor, InvalidConfig, InvalidConfigKind, Name, Objective, Override,
    Window,
};
