use std::{cell::Cell, fmt, hash::Hash, sync::Arc};

use crate::{
    family::{
        ErrorBudgets,
        member::{Member, Owner},
    },
    gate::{Class, Gate, GateBuilder, Spent, Transition},
    layer::source::{Admit, sealed},
    observe::{Listener, Listeners},
    sync::Mutex,
    types::InvalidConfig,
};

/// A gate for each key of a family of budgets: only tenants whose own budgets burn are refused. A cheap handle; all
/// clones share the gates. Feature `family`.
///
/// Made by [`GateBuilder::build_family`]. Each gate is kept beside its budget. Keys without their own budgets share
/// the gate of the overflow. A forgotten key gets a new gate with its next budget, open and without an override. Refusals
/// and transitions have the key if the [budgets show their keys](ErrorBudgets::show_keys).
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
    listeners: Arc<Heard<K>>,
}

/// The listeners of a family get the key with each transition; `None` is the overflow.
type Heard<K> = Listeners<(Option<K>, Transition)>;

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
    pub fn build_family<K>(self, budgets: ErrorBudgets<K>) -> Result<Gates<K>, InvalidConfig>
    where
        K: Clone + Send + Sync + 'static,
    {
        let overflow = self.build(budgets.overflow().clone())?;
        let listeners = Listeners::new();
        forward(None, &overflow, &listeners);
        Ok(Gates(Arc::new(Shared {
            building: Mutex::new(()),
            budgets,
            overflow,
            owner: Owner::default(),
            listeners,
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

impl<K: Send + 'static> Gates<K> {
    /// Calls `f` with every transition of every gate of the family from now on, and with the key of the gate; `None` is
    /// the overflow.
    ///
    /// The transitions of a gate come in order. Otherwise as [`Gate::on_transition`]: `f` runs with no lock held, one call at
    /// a time, and a panic in `f` is caught. A listener keeps no budget and no gate: a key that is forgotten is gone. `f`
    /// must not own the family.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Gate, Override};
    /// use std::sync::mpsc;
    ///
    /// let tenants = ErrorBudget::builder().build_family("tenants", 1000)?;
    /// let gates = Gate::builder().build_family(tenants)?;
    /// let (heard, changes) = mpsc::channel();
    /// let listener = gates.on_transition(move |tenant, transition| {
    ///     let _ = heard.send((tenant.copied(), transition.is_open()));
    /// });
    /// gates.get(&7).force_closed(Override::new("alice", "a migration"));
    /// assert_eq!(changes.try_iter().collect::<Vec<_>>(), [(Some(7), false)]);
    /// # drop(listener);
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn on_transition(
        &self,
        f: impl Fn(Option<&K>, &Transition) + Send + Sync + 'static,
    ) -> Listener {
        (self.0.listeners).listen(move |(key, transition)| f(key.as_ref(), transition))
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Gates<K> {
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
                    None => self.build(key, member),
                },
                None => &shared.overflow,
            })
        })
    }

    #[cold]
    fn build<'m>(&self, key: &K, member: &'m Member) -> &'m Gate {
        let shared = &*self.0;
        // Before the lock, as it is code of the user. Taken once: a second gate is not built.
        let own = Cell::new(Some(key.clone()));
        // Until the gate is found by `reconfigure`, or it would keep an old configuration.
        let _building = shared.building.lock();
        member.gate_or(&shared.owner, |budget| {
            let gate = shared.overflow.like(budget);
            forward(own.take(), &gate, &shared.listeners);
            gate
        })
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

/// Passes the transitions of a gate on to the listeners of its family. The gate holds these, and they hold no gate.
fn forward<K: Clone + Send + Sync + 'static>(key: Option<K>, gate: &Gate, to: &Arc<Heard<K>>) {
    let to = Arc::clone(to);
    gate.on_transition(move |transition| {
        to.put((key.clone(), transition.clone()));
        to.deliver();
    })
    .detach();
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

impl<Req, K, F> Admit<Req> for GateBy<K, F>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    F: Fn(&Req) -> K,
{
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
