use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use crate::{budget::ErrorBudget, gate::Gate};

/// The budget of one key, and the gates on it.
pub(super) struct Member {
    budget: ErrorBudget,
    gates: Gates,
}

/// A list of gates, one for each family of gates, so that a budget may have several policies. There is nearly always
/// one. The list only grows, so that a check takes no lock, and goes with its member.
///
/// Rejected: a map of gates beside that of the budgets. Every check then looks up both and compares the gate's budget
/// with the one that the key has now, and gates of forgotten keys need sweeping.
#[derive(Default)]
struct Gates(OnceLock<Box<Entry>>);

struct Entry {
    owner: Owner,
    gate: Gate,
    next: Gates,
}

/// The family that built a gate: distinguishes families of gates on the same budgets.
#[derive(Clone, Default)]
pub(super) struct Owner(Arc<()>);

impl Owner {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Member {
    pub(super) fn new(budget: ErrorBudget) -> Self {
        Self {
            budget,
            gates: Gates::default(),
        }
    }

    pub(super) const fn budget(&self) -> &ErrorBudget {
        &self.budget
    }

    /// The gate of the family `owner`, if there is one.
    pub(super) fn gate(&self, owner: &Owner) -> Option<&Gate> {
        let mut list = &self.gates;
        while let Some(entry) = list.0.get() {
            if entry.owner.is(owner) {
                return Some(&entry.gate);
            }
            list = &entry.next;
        }
        None
    }

    /// Whether an operator forces one of its gates at `now`.
    pub(super) fn is_forced(&self, now: Instant) -> bool {
        let mut list = &self.gates;
        while let Some(entry) = list.0.get() {
            if entry.gate.forced_at(now).is_some() {
                return true;
            }
            list = &entry.next;
        }
        false
    }

    /// The gate of the family `owner`, built if there is none. Concurrent calls build one gate.
    pub(super) fn gate_or(&self, owner: &Owner, build: impl Fn(ErrorBudget) -> Gate) -> &Gate {
        let mut list = &self.gates;
        loop {
            let entry = list.0.get_or_init(|| {
                Box::new(Entry {
                    owner: owner.clone(),
                    gate: build(self.budget.clone()),
                    next: Gates::default(),
                })
            });
            if entry.owner.is(owner) {
                return &entry.gate;
            }
            list = &entry.next;
        }
    }
}
