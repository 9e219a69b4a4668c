//~ Builder` is not an error budget
//~ an `ErrorBudgetLayer` cannot be made of this
//~ build it: `ErrorBudget::builder()` ends with `.build("name")`,
//~ of a family choose the member: `budgets.by(|request| ...)`
//~ ErrorBudget` is not a gate
//~ a `GateLayer` cannot be made of this
//~ build it: `Gate::builder()` ends with `.build(budget)`,
//~ of a family choose the member: `gates.by(|request| ...)`

use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, GateLayer};

fn layers(budget: ErrorBudget) {
    let _ = ErrorBudgetLayer::new(ErrorBudget::builder());
    let _ = GateLayer::new(budget);
}

fn main() {
    let _ = layers;
}
