use std::{fmt, hash::Hash, sync::Arc};

use crate::{
    family::{
        ErrorBudgets,
        member::{Member, Owner},
    },
    gate::{Class, Gate, GateBuilder, Spent},
    layer::source::{Admit, sealed},
    sync::Mutex,
    types::InvalidConfig,
};

/// A gate for each key of a family of budgets: only tenants whose own budgets burn are refused. A cheap handle; all
/// clones share the gates.
///
/// Made by [`GateBuilder::build_family`]. Each gate is kept beside its budget. Keys without their own budgets share
/// the gate of the overflow. A forgotten key gets a new gate with its next budget, open and without an override.
///
/// # Cost
///
/// One lookup in a concurrent map, without a lock, and the cost of a gate (bench: `slo, gate open, layer, one of a
/// family`). A new key takes a lock.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Event, Gate, GateLayer};
/// use std::time::Duration;
/// use tokio::time::Instant;
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
/// let (seven, eight) = (gates.get(&7), gates.get(&8));
/// for _ in 0..1000 {
///     tenants.get(&7).record(Event::Bad);
/// }
/// let later = Instant::now() + Duration::from_secs(1);
/// assert!(!seven.snapshot_at(later).is_open() && eight.snapshot_at(later).is_open());
/// # let _ = service;
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
pub struct Gates<K>(Arc<Shared<K>>);

struct Shared<K> {
    /// Taken to build a gate or to reconfigure all.
    building: Mutex<()>,
    budgets: ErrorBudgets<K>,
    overflow: Gate,
    owner: Owner,
}

/// A family of gates, and the function that returns the key of a request. Passed to
/// [`GateLayer::new`](crate::GateLayer::new).
pub struct GateBy<K, F> {
    gates: Gates<K>,
    key: F,
}

impl GateBuilder {
    /// Builds a gate for each key of `budgets`, and one for their overflow.
    ///
    /// Build it once: the gates of a family stay beside their budgets until those are forgotten, even if the family is
    /// dropped.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_family<K>(self, budgets: ErrorBudgets<K>) -> Result<Gates<K>, InvalidConfig> {
        let overflow = self.build(budgets.overflow().clone())?;
        Ok(Gates(Arc::new(Shared {
            building: Mutex::new(()),
            budgets,
            overflow,
            owner: Owner::default(),
        })))
    }
}

// === impl Gates ===

impl<K> Gates<K> {
    /// Chooses the gate of a call by the key of its request, for a layer. `key` is called once a call that is not
    /// essential, and should return the key of the budgets.
    pub fn by<Req, F>(&self, key: F) -> GateBy<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        GateBy {
            gates: self.clone(),
            key,
        }
    }

    /// The budgets that the gates watch.
    #[must_use]
    pub fn budgets(&self) -> &ErrorBudgets<K> {
        &self.0.budgets
    }

    /// The gate of all keys without their own budgets.
    #[must_use]
    pub fn overflow(&self) -> &Gate {
        &self.0.overflow
    }
}

impl<K: Hash + Eq + Clone> Gates<K> {
    /// The gate of `key`. Built with its budget if it does not exist; that of the overflow if there is no room.
    #[must_use]
    pub fn get(&self, key: &K) -> Gate {
        self.with(key, Gate::clone)
    }

    /// All gates that were used and whose budgets exist, in no particular order. That of the overflow is not among
    /// them.
    pub fn iter(&self) -> impl Iterator<Item = (K, Gate)> {
        (self.0.budgets)
            .collect(|member| member.gate(&self.0.owner).cloned())
            .into_iter()
    }

    /// Calls `f` with the gate of `key`.
    fn with<T>(&self, key: &K, f: impl FnOnce(&Gate) -> T) -> T {
        let shared = &*self.0;
        shared.budgets.with(key, |member| {
            f(match member {
                Some(member) => match member.gate(&shared.owner) {
                    Some(gate) => gate,
                    None => self.build(member),
                },
                None => &shared.overflow,
            })
        })
    }

    #[cold]
    fn build<'m>(&self, member: &'m Member) -> &'m Gate {
        let shared = &*self.0;
        // Until the gate is found by `reconfigure`, or it would keep an old configuration.
        let _building = shared.building.lock();
        member.gate_or(&shared.owner, |budget| shared.overflow.like(budget))
    }

    /// Changes the configuration of all gates, present and future, while they are in use: each as by
    /// [`Gate::reconfigure`]. Overrides stay.
    ///
    /// # Errors
    ///
    /// As [`GateBuilder::build`] on the overflow of the budgets as it is configured now. Nothing has changed then.
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "as `build` takes it, and seldom called"
    )]
    pub fn reconfigure(&self, to: GateBuilder) -> Result<(), InvalidConfig> {
        let shared = &*self.0;
        let _building = shared.building.lock();
        shared.overflow.reconfigure(to)?;
        shared.budgets.for_each(|member| {
            if let Some(gate) = member.gate(&shared.owner) {
                gate.follow(&shared.overflow);
            }
        });
        Ok(())
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

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Admit<Req> for GateBy<K, F> {
    fn admit(&self, class: Class, request: &Req) -> Result<(), Spent> {
        if class == Class::Essential {
            // Admitted for any key, so none is looked up.
            return Ok(());
        }
        self.gates
            .with(&(self.key)(request), |gate| gate.check(class))
    }
}

impl<K, F> sealed::Admit for GateBy<K, F> {}

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
