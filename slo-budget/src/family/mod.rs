//! Budgets and gates by key.
//!
//! A family evicts nothing to make room: a budget is a history of weeks, and evicting the least used one would make
//! the figures of the rest look better and bring the key back empty.
//!
//! A restart restores a family key by key, as the user knows where histories are kept. A key that counts already
//! keeps its counts; replacing its budget would leave its handles counting for nothing.

mod budgets;
mod by;
mod gates;
mod keys;
mod labels;
mod member;

pub use budgets::ErrorBudgets;
pub use by::By;
pub use gates::{GateBy, Gates};
