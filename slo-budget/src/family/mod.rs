//! Budgets and gates by key.

mod budgets;
mod gates;
mod member;

pub use budgets::{By, ErrorBudgets};
pub use gates::{GateBy, Gates};
