use std::sync::OnceLock;

use crate::{budget::ErrorBudget, gate::Gate};

/// The budget of one key, and the gates on it.
pub(super) struct Member {
    budget: ErrorBudget,
    gates: Gates,
}

/// A list of gates, one for each family of gates. There is nearly always one at most. It only grows, so that a check
/// takes no lock; it goes with its member.
#[derive(Default)]
struct Gates(OnceLock<Box<Entry>>);

struct Entry {
    /// The family that built the gate.
    owner: u64,
    gate: Gate,
    next: Gates,
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
    pub(super) fn gate(&self, owner: u64) -> Option<&Gate> {
        let mut list = &self.gates;
        while let Some(entry) = list.0.get() {
            if entry.owner == owner {
                return Some(&entry.gate);
            }
            list = &entry.next;
        }
        None
    }

    /// The gate of the family `owner`, built if there is none. Concurrent calls build one gate.
    pub(super) fn gate_or(&self, owner: u64, build: impl Fn(ErrorBudget) -> Gate) -> &Gate {
        let mut list = &self.gates;
        loop {
            let entry = list.0.get_or_init(|| {
                Box::new(Entry {
                    owner,
                    gate: build(self.budget.clone()),
                    next: Gates::default(),
                })
            });
            if entry.owner == owner {
                return &entry.gate;
            }
            list = &entry.next;
        }
    }
}
