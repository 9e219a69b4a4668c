use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::Arc,
};

use tokio::time::Instant;

use super::{Series, budget, gate};
use crate::{
    budget::ErrorBudget,
    family::{ErrorBudgets, Gates},
    gate::Gate,
};

/// The value of the label `key`, if there is one.
type Label = Option<Arc<str>>;

impl<K: Hash + Eq + Clone> ErrorBudgets<K> {
    /// Publishes the figures of all budgets of the family as metrics; see [`ErrorBudget::publish_metrics`] for their names
    /// and when to call it. Feature `metrics`.
    ///
    /// Without [`label_metrics`](Self::label_metrics) the family has one set of metrics: the counters are sums, and burn rates
    /// and what is left are those of all budgets together. With it each label has a set. The label of a key that was
    /// forgotten stays, without data. What a forgotten budget counted since it was published is not published.
    pub fn publish_metrics(&self) {
        let (now, overflow) = (Instant::now(), self.overflow());
        let first = budget::Figures::take(overflow, now);
        let mut all: HashMap<Label, _> = (self.labels().into_iter())
            .map(|label| (Some(label), first.none()))
            .collect();
        let mut add = |budget: &ErrorBudget, figures| match all.entry(label(budget)) {
            Entry::Occupied(mut sum) => budget::Figures::add(sum.get_mut(), &figures),
            Entry::Vacant(place) => drop(place.insert(figures)),
        };
        add(overflow, first);
        for (_, budget) in self.iter() {
            add(&budget, budget::Figures::take(&budget, now));
        }
        for (label, figures) in all {
            figures.publish(&Series::new(self.name(), label), overflow.objective());
        }
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Gates<K> {
    /// Publishes the figures of all gates of the family as metrics; see [`Gate::publish_metrics`] for their names and when to
    /// call it. Feature `metrics`.
    ///
    /// Gates share a set of metrics, or have one for each label, as their [budgets](ErrorBudgets::publish_metrics) do. Of
    /// several gates with the same labels the counters add up, the share is that of the gate that admits least, and
    /// `maestro_slo_budget_gate_forced` is how many are forced.
    pub fn publish_metrics(&self) {
        let now = Instant::now();
        let mut all: HashMap<Label, _> = (self.budgets().labels().into_iter())
            .map(|label| (Some(label), gate::Figures::none()))
            .collect();
        let mut add = |gate: &Gate| {
            let sum = all.entry(label(gate.budget()));
            sum.or_insert_with(gate::Figures::none)
                .add(&gate::Figures::take(gate, now));
        };
        add(self.overflow());
        for (_, gate) in self.iter() {
            add(&gate);
        }
        for (label, figures) in all {
            figures.publish(&Series::new(self.budgets().name(), label));
        }
    }
}

fn label(budget: &ErrorBudget) -> Label {
    budget.core().identity().label().cloned()
}
