use std::{fmt, hash::Hash, sync::Arc};

use papaya::HashMap;

use crate::{
    budget::ErrorBudget,
    family::ErrorBudgets,
    gate::{Gate, GateBuilder},
    sync::Mutex,
    types::InvalidConfig,
};

/// A gate for each key of a family of budgets: a tenant that has spent its budget is refused, and no other. A cheap handle; clones
/// share.
///
/// Made by [`GateBuilder::build_family`]. It is bounded as the [`ErrorBudgets`] are: keys without a budget of their own share the gate
/// of the overflow. A key that was forgotten there has a new gate with its next budget, open and without an override.
///
/// # Cost
///
/// Two lookups in concurrent maps, without a lock, and then what a gate costs (bench: `slo, gate open, layer, one of a family`). A new key takes a lock.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Class, ErrorBudget, ErrorBudgetLayer, Event, Gate, GateLayer, Spent};
/// use tower::{BoxError, ServiceBuilder, service_fn};
///
/// struct Request { tenant: u32 }
///
/// let tenants = ErrorBudget::builder().build_family("tenants", 1000)?;
/// let gates = Gate::builder().build_family(tenants.clone())?;
/// let service = ServiceBuilder::new()
///     .layer(GateLayer::new(gates.by(|request: &Request| request.tenant)))
///     .layer(ErrorBudgetLayer::new(tenants.by(|request: &Request| request.tenant)))
///     .service(service_fn(async |_: Request| Ok::<_, BoxError>(())));
/// for _ in 0..100 {
///     tenants.get(&7).record(Event::Bad);
/// }
/// assert!(!gates.get(&7).is_open() && gates.get(&8).is_open());
/// # let _ = service;
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
pub struct Gates<K>(Arc<Shared<K>>);

struct Shared<K> {
    builder: GateBuilder,
    budgets: ErrorBudgets<K>,
    map: HashMap<K, Gate>,
    overflow: Gate,
    /// Taken to make a gate, so that a key has one.
    making: Mutex<()>,
}

/// A family of gates, and how a request says its key. Given to [`GateLayer::new`](crate::GateLayer::new).
pub struct GateBy<K, F> {
    gates: Gates<K>,
    key: F,
}

impl GateBuilder {
    /// Builds a gate for each key of `budgets`, and one for their overflow.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_family<K>(self, budgets: ErrorBudgets<K>) -> Result<Gates<K>, InvalidConfig> {
        let overflow = self.build(budgets.overflow().clone())?;
        Ok(Gates(Arc::new(Shared {
            builder: self,
            budgets,
            map: HashMap::new(),
            overflow,
            making: Mutex::new(()),
        })))
    }
}

// === impl Gates ===

impl<K> Gates<K> {
    /// Chooses the gate of a call by its request, for a layer. `key` is asked once a call that is not essential, and should be
    /// that of the budgets.
    pub fn by<Req, F>(&self, key: F) -> GateBy<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        GateBy {
            gates: self.clone(),
            key,
        }
    }

    /// The budgets that they look at.
    #[must_use]
    pub fn budgets(&self) -> &ErrorBudgets<K> {
        &self.0.budgets
    }

    /// The one of all keys that have no budget of their own.
    #[must_use]
    pub fn overflow(&self) -> &Gate {
        &self.0.overflow
    }
}

impl<K: Hash + Eq + Clone> Gates<K> {
    /// The gate of `key`, made (with its budget) if it does not exist; that of the overflow if there is no room for it.
    #[must_use]
    pub fn get(&self, key: &K) -> Gate {
        self.with(key, Gate::clone)
    }

    /// All that were asked for and whose budgets exist now, in no particular order, without the overflow.
    pub fn iter(&self) -> impl Iterator<Item = (K, Gate)> {
        let map = self.0.map.pin();
        let all: Vec<_> = (self.0.budgets.iter())
            .filter_map(|(key, budget)| {
                let gate = map.get(&key).filter(|gate| gate.is_on(&budget))?.clone();
                Some((key, gate))
            })
            .collect();
        all.into_iter()
    }

    /// `ask`s the gate of `key`.
    pub(crate) fn with<T>(&self, key: &K, ask: impl FnOnce(&Gate) -> T) -> T {
        let shared = &*self.0;
        let map = shared.map.pin();
        if let Some(gate) = map.get(key) {
            // A key that was forgotten meanwhile may have another budget.
            if shared.budgets.has(key, gate.budget()) {
                return ask(gate);
            }
        }
        let budget = shared.budgets.get(key);
        if shared.overflow.is_on(&budget) {
            return ask(&shared.overflow);
        }
        ask(&self.make(key, budget))
    }

    #[cold]
    fn make(&self, key: &K, budget: ErrorBudget) -> Gate {
        let shared = &*self.0;
        let map = shared.map.pin();
        let _one_by_one = shared.making.lock();
        // Another may have made it meanwhile.
        if let Some(gate) = map.get(key).filter(|gate| gate.is_on(&budget)) {
            return gate.clone();
        }
        // Keys that were forgotten leave their gates behind: when there are more than budgets can be, they go.
        if map.len() >= shared.budgets.capacity() {
            map.retain(|key, gate| shared.budgets.has(key, gate.budget()));
        }
        let gate = (shared.builder.build(budget)).expect(
            "all budgets of a family have the numbers with which the overflow's gate was built",
        );
        // Not if the key was forgotten meanwhile: there may be no room for it.
        if shared.budgets.has(key, gate.budget()) {
            map.insert(key.clone(), gate.clone());
        }
        gate
    }
}

impl<K> Clone for Gates<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Gates<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gates").field(&self.0.budgets).finish()
    }
}

// === impl GateBy ===

impl<K, F> GateBy<K, F> {
    pub(crate) const fn parts(&self) -> (&Gates<K>, &F) {
        (&self.gates, &self.key)
    }
}

impl<K, F: Clone> Clone for GateBy<K, F> {
    fn clone(&self) -> Self {
        Self {
            gates: self.gates.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F> fmt::Debug for GateBy<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateBy").field(&self.gates).finish()
    }
}
