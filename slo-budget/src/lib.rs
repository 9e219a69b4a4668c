#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admit;
mod alert;
mod alert_rule;
mod alert_state;
mod alerts;
mod alerts_builder;
#[cfg(feature = "http-body")]
mod body;
mod budget;
mod budgeting;
mod builder;
mod burn;
mod bytes;
#[cfg(feature = "calendar")]
mod calendar;
#[cfg(not(feature = "calendar"))]
#[path = "calendar_off.rs"]
mod calendar;
mod class;
mod classify;
mod clocks;
mod counters;
mod counts;
mod decimal;
mod decision;
mod door;
mod error;
mod event;
mod evidence;
mod factor;
mod family;
mod forced;
mod gate;
mod gate_builder;
mod gate_layer;
mod gate_service;
mod gates;
mod guard;
mod history;
mod layer;
mod ledger;
mod listener;
mod objective;
mod observation;
mod outbox;
mod page;
mod period;
mod policy;
mod reasons;
mod recorder;
mod reject;
mod report;
mod restored;
mod rings;
#[cfg(feature = "serde")]
mod serde;
mod service;
mod slices;
mod span;
#[cfg(feature = "spec")]
mod spec;
mod spent;
mod sync;
mod timekeeper;
mod transition;
mod warning;
mod written;

pub mod canary;
pub mod future;

#[cfg(test)]
mod tests;

pub use admit::Admit;
pub use alert::{Alert, AlertEvent, AlertsSnapshot};
pub use alert_rule::{AlertRule, Severity};
pub use alert_state::AlertState;
pub use alerts::Alerts;
pub use alerts_builder::{AlertsBuilder, WithoutData};
#[cfg(feature = "http-body")]
pub use body::{BodyFuture, BodyLayer, BodyService, ObservedBody};
pub use budget::{Core, ErrorBudget};
pub use budgeting::Budgeting;
pub use builder::Builder;
pub use burn::BurnRate;
#[cfg(feature = "calendar")]
pub use calendar::Calendar;
pub use canary::{Canary, CanaryPolicy};
pub use class::{AllOptional, Class, ClassBy, ClassOf};
pub use classify::{BadIf, Classify, ClassifyWith, ErrIsBad};
pub use counts::Counts;
pub use decision::{Decision, NoData};
pub use error::InvalidConfig;
pub use event::Event;
pub use factor::Factor;
pub use family::{By, ErrorBudgets};
pub use forced::Override;
pub use gate::{Gate, Snapshot};
pub use gate_builder::{Admission, GateBuilder};
pub use gate_layer::GateLayer;
pub use gate_service::GateService;
pub use gates::{GateBy, Gates};
pub use guard::Guard;
pub use history::History;
pub use layer::ErrorBudgetLayer;
pub use listener::Listener;
pub use objective::Objective;
pub use observation::Observation;
pub use page::{Limit, Page};
pub use reasons::{Reason, Reasons};
pub use reject::{Answer, Fallback, IntoError, OnReject};
pub use report::{Report, WindowReport};
pub use restored::{Restored, Unusable};
pub use service::ErrorBudgetService;
pub use span::Window;
#[cfg(feature = "spec")]
pub use spec::{Mistake, Mistakes, Spec};
pub use spent::Spent;
pub use transition::{Change, Transition};
pub use warning::Warning;
