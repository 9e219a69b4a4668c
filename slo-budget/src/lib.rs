#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
mod builder;
mod burn;
mod class;
mod classify;
mod counters;
mod counts;
mod decimal;
mod decision;
mod door;
mod error;
mod event;
mod evidence;
mod factor;
mod forced;
mod gate;
mod gate_builder;
mod gate_layer;
mod gate_service;
mod guard;
mod layer;
mod listener;
mod objective;
mod observation;
mod outbox;
mod page;
mod policy;
mod reasons;
mod recorder;
mod reject;
mod report;
mod rings;
mod service;
mod span;
mod spent;
mod sync;
mod transition;

pub mod future;

#[cfg(test)]
mod tests;

pub use budget::{Core, ErrorBudget};
pub use builder::Builder;
pub use burn::BurnRate;
pub use class::{AllOptional, Class, ClassBy, ClassOf};
pub use classify::{BadIf, Classify, ClassifyWith, ErrIsBad};
pub use counts::Counts;
pub use decision::{Decision, NoData};
pub use error::InvalidConfig;
pub use event::Event;
pub use factor::Factor;
pub use forced::Override;
pub use gate::{Gate, Snapshot};
pub use gate_builder::{Admission, GateBuilder};
pub use gate_layer::GateLayer;
pub use gate_service::GateService;
pub use guard::Guard;
pub use layer::ErrorBudgetLayer;
pub use listener::Listener;
pub use objective::Objective;
pub use observation::Observation;
pub use page::{Limit, Page};
pub use reasons::{Reason, Reasons};
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use report::{Report, WindowReport};
pub use service::ErrorBudgetService;
pub use spent::Spent;
pub use transition::{Change, Transition};
