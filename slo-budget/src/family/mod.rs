//! Budgets and gates by key.

mod budgets;
mod gates;

pub use budgets::{By, ErrorBudgets};
pub use gates::{GateBy, Gates};
