use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use papaya::HashMap;
use tokio::time::Instant;

use crate::{
    budget::{Core, ErrorBudget, Settings},
    history::{Restored, Unusable},
    layer::Guard,
    observation::Observation,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    types::Counts,
};

/// An error budget for each key: a route, a tenant. A cheap handle; clones share.
///
/// The first so many keys that come get a budget of their own, as many as the capacity says; the events of all
/// others are counted in one further budget, the [`overflow`](Self::overflow). So memory is bounded whatever keys
/// come: 39 KB for each, 39 MB for a thousand. A budget is a history of weeks, so none is thrown away to make
/// room; [`forget`](Self::forget) and [`forget_idle`](Self::forget_idle) do that, when you say so.
///
/// # Cost
///
/// One lookup in a concurrent map, without a lock, and then what the budget costs. A new key takes a lock, while there
/// is room.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Event};
///
/// struct Request { route: &'static str }
///
/// let routes = ErrorBudget::builder().build_family("routes", 100)?;
/// let layer = ErrorBudgetLayer::new(routes.by(|request: &Request| request.route));
/// routes.get(&"/runs").record(Event::Bad);
/// for (route, budget) in routes.iter() {
///     println!("{route}: {}", budget.report());
/// }
/// # let _ = layer;
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
pub struct ErrorBudgets<K>(Arc<Shared<K>>);

struct Shared<K> {
    name: &'static str,
    settings: Settings,
    capacity: usize,
    map: HashMap<K, ErrorBudget>,
    overflow: ErrorBudget,
    /// Whether the last key that came found no room: who finds it so does not ask for the lock.
    is_full: AtomicBool,
    /// How many there are; taken to make or to forget one.
    members: Mutex<usize>,
}

/// A family, and how a request says its key. Given to [`ErrorBudgetLayer::new`](crate::ErrorBudgetLayer::new).
pub struct By<K, F> {
    family: ErrorBudgets<K>,
    key: F,
}

// === impl ErrorBudgets ===

impl<K> ErrorBudgets<K> {
    pub(crate) fn new(
        name: &'static str,
        settings: Settings,
        capacity: usize,
        overflow: ErrorBudget,
    ) -> Self {
        Self(Arc::new(Shared {
            name,
            overflow,
            settings,
            capacity,
            map: HashMap::new(),
            is_full: AtomicBool::new(capacity == 0),
            members: Mutex::new(0),
        }))
    }

    /// Chooses the budget of a call by its request, for a layer.
    ///
    /// `key` is asked once a call; a key that costs nothing to make (a number, a `&'static str`) is best. Let it
    /// be the route's pattern, not the path: paths that nobody serves would take all places.
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By {
            family: self.clone(),
            key,
        }
    }

    /// The name that all of them have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many keys have a budget of their own, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The one in which the events of all keys are counted for which there is no room.
    #[must_use]
    pub fn overflow(&self) -> &ErrorBudget {
        &self.0.overflow
    }

    /// How many keys have a budget of their own now.
    #[must_use]
    pub fn len(&self) -> usize {
        *self.0.members.lock()
    }

    /// Whether no key has one yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone> ErrorBudgets<K> {
    /// The budget of `key`, made if it does not exist; the overflow if there is no room for it.
    #[must_use]
    pub fn get(&self, key: &K) -> ErrorBudget {
        let shared = &*self.0;
        let map = shared.map.pin();
        if let Some(budget) = map.get(key) {
            return budget.clone();
        }
        // Relaxed: a hint. Who misses that a place has become free is counted in the overflow once more.
        if shared.is_full.load(Relaxed) {
            return shared.overflow.clone();
        }
        let mut members = shared.members.lock();
        // Another may have made it meanwhile; under the lock nobody does.
        if let Some(budget) = map.get(key) {
            return budget.clone();
        }
        if *members >= shared.capacity {
            shared.is_full.store(true, Relaxed);
            return shared.overflow.clone();
        }
        let budget = ErrorBudget::of(shared.name, shared.settings.clone());
        map.insert(key.clone(), budget.clone());
        // Last: a key whose `Clone` or `Hash` panics costs no place.
        *members += 1;
        budget
    }

    /// Goes on with the history in `bytes` for `key`, if that is of use and there is room, and says what was found, as
    /// [`Builder::restore`](crate::Builder::restore) does. To be called before the first calls: a key that counts already goes on
    /// with that. What is of no use takes no place.
    ///
    /// `wall` is the time since the Unix epoch. The overflow is restored by
    /// [`Builder::restore_family`](crate::Builder::restore_family).
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Event};
    /// use std::time::Duration;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let wall = Duration::from_secs(1_700_000_000); // since the Unix epoch
    /// let before = ErrorBudget::builder().build_family("tenants", 1000)?;
    /// before.get(&"a").record(Event::Bad);
    /// let kept: Vec<_> = (before.iter())
    ///     .map(|(tenant, budget)| (tenant, budget.history(wall).to_bytes()))
    ///     .collect();
    /// let overflow = before.overflow().history(wall).to_bytes();
    ///
    /// let (tenants, restored) = ErrorBudget::builder().restore_family("tenants", 1000, &overflow, wall)?;
    /// println!("the overflow: {restored}");
    /// for (tenant, bytes) in &kept {
    ///     println!("{tenant}: {}", tenants.restore(tenant, bytes, wall));
    /// }
    /// assert_eq!(tenants.get(&"a").counts(hour).bad(), 1);
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn restore(&self, key: &K, bytes: &[u8], wall: Duration) -> Restored {
        let shared = &*self.0;
        let (budget, restored) =
            ErrorBudget::restoring(shared.name, shared.settings.clone(), bytes, wall);
        if let Restored::Empty(_) = restored {
            return restored;
        }
        let map = shared.map.pin();
        let mut members = shared.members.lock();
        if map.get(key).is_some() {
            return Restored::Empty(Unusable::InUse);
        }
        if *members >= shared.capacity {
            return Restored::Empty(Unusable::NoRoom);
        }
        map.insert(key.clone(), budget);
        // Last, as in `get`.
        *members += 1;
        restored
    }

    /// Whether this very budget is that of `key` now.
    pub(crate) fn has(&self, key: &K, budget: &ErrorBudget) -> bool {
        let map = self.0.map.pin();
        (map.get(key)).is_some_and(|own| std::ptr::eq(own.core(), budget.core()))
    }

    /// All that exist now, in no particular order, without the overflow.
    pub fn iter(&self) -> impl Iterator<Item = (K, ErrorBudget)> {
        let map = self.0.map.pin();
        let all: Vec<_> = (map.iter())
            .map(|(key, budget)| (key.clone(), budget.clone()))
            .collect();
        all.into_iter()
    }

    /// What was counted in the `window` that ends now, of all keys and the overflow. What was forgotten is not in it.
    #[must_use]
    pub fn counts(&self, window: Duration) -> Counts {
        let members = self.iter().map(|(_, budget)| budget.counts(window));
        members.sum::<Counts>() + self.0.overflow.counts(window)
    }

    /// Forgets the budget of `key`, and all that was counted in it; its place is free for another. Whether
    /// there was one.
    ///
    /// Calls that are under way, and handles of it, go on counting in what nobody sees any more.
    pub fn forget(&self, key: &K) -> bool {
        let mut members = self.0.members.lock();
        if self.0.map.pin().remove(key).is_none() {
            return false;
        }
        *members -= 1;
        // Under the lock, as where it is set.
        self.0.is_full.store(false, Relaxed);
        true
    }

    /// Forgets all budgets in which nothing was counted for their whole period, and says how many: they have
    /// nothing to remember. For keys that come and go, to be called now and then. An event that comes at that very
    /// moment is forgotten with the rest.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn forget_idle(&self) -> usize {
        let (period, now) = (self.0.settings.period, Instant::now());
        let idle = self
            .iter()
            .filter(|(_, b)| b.core().view(now).is_idle(period));
        idle.filter(|(key, _)| self.forget(key)).count()
    }
}

impl<K> Clone for ErrorBudgets<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for ErrorBudgets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBudgets")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}

// === impl By ===

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Guard<Req> for By<K, F> {
    type Pointer = Arc<Core>;

    fn observe(&self, request: &Req) -> Observation {
        self.family.get(&(self.key)(request)).into_observation()
    }
}

impl<K, F: Clone> Clone for By<K, F> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F> fmt::Debug for By<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
