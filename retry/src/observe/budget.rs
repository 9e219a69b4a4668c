//! Reports when a budget begins to refuse retries, as a tracing event (feature `tracing`).

use crate::types::BudgetEvent;

/// At most two lines in ten seconds for each budget, so above the debug level of the retries.
#[cfg(feature = "tracing")]
pub(crate) fn budget_changed(event: &BudgetEvent) {
    use crate::types::BudgetState;

    let (name, key) = (event.name(), event.key());
    let key = key.as_deref();
    let state = event.state().as_str();
    match event.state() {
        BudgetState::Refusing => {
            tracing::warn!(target: "maestro_retry", kind = "retry_budget", name, key, state, "budget refuses retries");
        }
        BudgetState::Granting => {
            tracing::info!(target: "maestro_retry", kind = "retry_budget", name, key, state, "budget grants retries");
        }
    }
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn budget_changed(_: &BudgetEvent) {}
