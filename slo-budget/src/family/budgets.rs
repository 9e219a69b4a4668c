use std::{
    fmt::{self, Display},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use papaya::HashMap;
use tokio::time::Instant;

use crate::{
    budget::ErrorBudget,
    builder::Builder,
    family::{
        By,
        keys::{Keys, Texts},
        member::Member,
    },
    history::{History, Restored, Unusable},
    record::Settings,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    types::{Counts, InvalidConfig, InvalidConfigKind, Name, Object, subject::Identity},
};

/// An error budget for each key, such as a route or a tenant. A cheap handle; all clones share the family. Feature
/// `family`.
///
/// The first keys get their own budgets, up to the capacity. The events of all other keys are counted in one more
/// budget, the [`overflow`](Self::overflow). So memory is bounded whatever the keys are: less than 4 KB for a
/// budget with few events in its first ten minutes, and at most 39 KB for an old one, 39 MB for a thousand. A budget is a
/// history of weeks, so the family evicts none to make room; call [`forget`](Self::forget) or
/// [`evict_idle`](Self::evict_idle) for that.
///
/// # Cost
///
/// One lookup in a concurrent map, without a lock, and the cost of the budget. A new key takes a lock if there is
/// room.
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
    capacity: usize,
    map: HashMap<K, Member>,
    /// Has the name and the settings of all members.
    overflow: ErrorBudget,
    keys: Keys<K>,
    /// Whether the last new key found no room. Other new keys then do not take the lock.
    is_full: AtomicBool,
    /// The number of members. Taken to add or to forget one. Of the code of the user only `Hash` and `Eq` of keys run under
    /// it.
    members: Mutex<usize>,
}

// === impl Builder ===

impl Builder {
    /// Builds a family: a budget with this configuration for each key, at most `capacity` of them.
    ///
    /// # Errors
    ///
    /// The errors of [`build`](Self::build), and a capacity of 0.
    pub fn build_family<K>(
        self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<ErrorBudgets<K>, InvalidConfig> {
        ErrorBudgets::new(self.build(name)?, capacity)
    }

    /// As [`build_family`](Self::build_family), with an overflow that continues with the history in `bytes`, as
    /// in [`restore`](Self::restore). [`ErrorBudgets::restore`] restores the history of each key.
    ///
    /// # Errors
    ///
    /// The errors of [`build`](Self::build), and a capacity of 0. Unusable bytes are no error.
    pub fn restore_family<K>(
        self,
        name: impl Into<Name>,
        capacity: usize,
        bytes: &[u8],
        wall: Duration,
    ) -> Result<(ErrorBudgets<K>, Restored), InvalidConfig> {
        let (overflow, restored) = self.restore(name, bytes, wall)?;
        Ok((ErrorBudgets::new(overflow, capacity)?, restored))
    }
}

// === impl ErrorBudgets ===

impl<K> ErrorBudgets<K> {
    fn new(overflow: ErrorBudget, capacity: usize) -> Result<Self, InvalidConfig> {
        if capacity == 0 {
            return Err(InvalidConfigKind::Capacity.of(Object::Budget, overflow.name()));
        }
        Ok(Self(Arc::new(Shared {
            capacity,
            map: HashMap::new(),
            overflow,
            keys: Keys::new(),
            is_full: AtomicBool::new(false),
            members: Mutex::new(0),
        })))
    }

    /// Shows keys as they are displayed: in reports, in refusals and transitions of [gates](crate::Gates) and in the events of
    /// [alerts](crate::Alerts) on the members. By default keys never appear there, as they may be secret.
    ///
    /// Call it before the first member is built: members that exist show no key. The text is cut at 128 characters, and
    /// control characters are replaced. The overflow has no key.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{Class, ErrorBudget, Gate, Override};
    ///
    /// let tenants = ErrorBudget::builder().build_family("tenants", 1000)?.show_keys();
    /// let gates = Gate::builder().build_family(tenants)?;
    /// let seven = gates.get(&7);
    /// seven.force_closed(Override::new("alice", "a migration"));
    /// let spent = seven.check(Class::Optional).unwrap_err();
    /// assert_eq!(spent.key().as_deref(), Some("7"));
    /// assert!(spent.to_string().starts_with("error budget `tenants` [7] refuses optional work"));
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    #[must_use]
    pub fn show_keys(self) -> Self
    where
        K: Display,
    {
        self.0.keys.show();
        self
    }

    /// Labels metrics with the key of the member, as it is displayed: `key="…"`. Without it the members share their metrics.
    /// Feature `metrics`.
    ///
    /// Call it before the first member is built: members that exist have no label. Only [`capacity`](Self::capacity) keys
    /// ever get a label of their own. Later ones, like the [overflow](Self::overflow), have the label `_overflow`, so the
    /// number of time series is bounded however many keys come and go.
    ///
    /// # Cost
    ///
    /// Each label is four time series of the budget and one for each of its [windows](Builder::windows), which is 7 by
    /// default; 10 of each family of [gates](crate::Gates) that is published, and 2 of [alerts](crate::Alerts) on a member.
    /// With a capacity of 1,000 and gates that is 17,017, with those of the overflow.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn label_metrics(self) -> Self
    where
        K: Display,
    {
        self.0.keys.label(self.0.overflow.core().identity());
        self
    }

    /// The labels that members have, or had.
    #[cfg(feature = "metrics")]
    pub(crate) fn labels(&self) -> Vec<Arc<str>> {
        self.0.keys.labels()
    }

    /// What the budget of a new member is called.
    fn identity(&self, texts: Texts) -> Identity {
        (self.0.keys).identity(self.name(), texts, self.0.capacity)
    }

    /// Chooses the budget of a call by the key of its request, for a layer.
    ///
    /// `key` is called once a call, so a key that is cheap to make (a number, a `&'static str`) is best. Use the
    /// pattern of the route and not the path: paths of unknown resources would fill the family.
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By {
            family: self.clone(),
            key,
        }
    }

    /// The name that all budgets share.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.overflow.name()
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.0.overflow.core().settings()
    }

    /// The maximum number of keys with their own budgets.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The budget that counts the events of all keys for which there is no room.
    #[must_use]
    pub fn overflow(&self) -> &ErrorBudget {
        &self.0.overflow
    }

    /// The number of keys with their own budgets.
    #[must_use]
    pub fn len(&self) -> usize {
        *self.0.members.lock()
    }

    /// Whether no key has its own budget.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone> ErrorBudgets<K> {
    /// The budget of `key`. Built if it does not exist; the overflow if there is no room for it.
    #[must_use]
    pub fn get(&self, key: &K) -> ErrorBudget {
        self.with(key, |member| match member {
            Some(member) => member.budget().clone(),
            None => self.0.overflow.clone(),
        })
    }

    /// Calls `f` with the member of `key`, added if it does not exist; with `None` if there is no room for it.
    pub(super) fn with<T>(&self, key: &K, f: impl FnOnce(Option<&Member>) -> T) -> T {
        let map = self.0.map.pin();
        if let Some(member) = map.get(key) {
            return f(Some(member));
        }
        // Relaxed: a hint. A caller that misses a place that has become free counts in the overflow once more.
        if self.0.is_full.load(Relaxed) {
            return f(None);
        }
        // `f` runs with no lock held.
        f(self.add(key, &map))
    }

    #[cold]
    fn add<'m>(
        &self,
        key: &K,
        map: &'m papaya::HashMapRef<'_, K, Member, impl std::hash::BuildHasher, impl papaya::Guard>,
    ) -> Option<&'m Member> {
        let shared = &*self.0;
        // With no lock held, as it is code of the user.
        let (own, texts) = (key.clone(), shared.keys.texts(key));
        let mut members = shared.members.lock();
        // Another thread may have added it. Under the lock no thread does.
        if let Some(member) = map.get(key) {
            return Some(member);
        }
        if *members >= shared.capacity {
            shared.is_full.store(true, Relaxed);
            return None;
        }
        let budget = ErrorBudget::of(self.identity(texts), self.settings());
        let member = map.get_or_insert(own, Member::new(budget));
        // Last: a key whose `Hash` panics takes no place.
        *members += 1;
        Some(member)
    }

    /// Continues with the history in `bytes` for `key`, if it is usable and there is room, and returns what was
    /// found, as [`Builder::restore`] does. Call it before the first requests: a key that has a budget already keeps
    /// that. Unusable bytes take no place.
    ///
    /// `wall` is the time since the Unix epoch. [`Builder::restore_family`] restores the overflow.
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
        let history = match History::usable(bytes, &self.settings()) {
            Ok(history) => history,
            Err(why) => return Restored::Empty(why),
        };
        // With no lock held, as it is code of the user.
        let (own, texts) = (key.clone(), shared.keys.texts(key));
        let map = shared.map.pin();
        let mut members = shared.members.lock();
        if map.get(key).is_some() {
            return Restored::Empty(Unusable::InUse);
        }
        if *members >= shared.capacity {
            return Restored::Empty(Unusable::NoRoom);
        }
        // The family may have been reconfigured meanwhile. What makes a history unusable cannot have changed.
        let identity = self.identity(texts);
        let (budget, restored) = ErrorBudget::resuming(identity, self.settings(), history, wall);
        map.insert(own, Member::new(budget));
        // Last, as in `add`.
        *members += 1;
        restored
    }

    /// All keys with their own budgets, in no particular order. The overflow is not among them.
    pub fn iter(&self) -> impl Iterator<Item = (K, ErrorBudget)> {
        self.collect(|member| Some(member.budget().clone()))
            .into_iter()
    }

    /// What `f` returns for each key with its own budget.
    pub(super) fn collect<T>(&self, f: impl Fn(&Member) -> Option<T>) -> Vec<(K, T)> {
        let map = self.0.map.pin();
        let all = map.iter();
        all.filter_map(|(key, member)| Some((key.clone(), f(member)?)))
            .collect()
    }

    /// What was counted in the `window` that ends now, in the budgets of all keys and in the overflow. Forgotten
    /// budgets are not included.
    #[must_use]
    pub fn counts(&self, window: Duration) -> Counts {
        let members = self.iter().map(|(_, budget)| budget.counts(window));
        members.sum::<Counts>() + self.0.overflow.counts(window)
    }

    /// Changes the configuration of all budgets, present and future, while they are in use: each as by
    /// [`ErrorBudget::reconfigure`].
    ///
    /// New keys wait for it.
    ///
    /// # Errors
    ///
    /// As [`ErrorBudget::reconfigure`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::ErrorBudget;
    ///
    /// let builder = ErrorBudget::builder();
    /// let tenants = builder.build_family("tenants", 1000)?;
    /// let seven = tenants.get(&7);
    /// tenants.reconfigure(builder.objective("99%".parse()?))?;
    /// assert_eq!(seven.objective().to_string(), "99%");
    /// assert_eq!(tenants.get(&8).objective().to_string(), "99%");
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        // Under the lock no member is added with the old settings, nor does another thread reconfigure some of them.
        let _members = self.0.members.lock();
        self.0.overflow.reconfigure(to)?;
        let settings = self.settings();
        self.for_each(|member| member.budget().core().follow(&settings));
        Ok(())
    }

    /// Calls `f` with the member of each key with its own budget.
    pub(super) fn for_each(&self, f: impl Fn(&Member)) {
        let map = self.0.map.pin();
        map.values().for_each(f);
    }

    /// Forgets the budget of `key` with its counts, so that another key can take its place. Returns whether there
    /// was one.
    ///
    /// Running calls and remaining handles continue to count in the forgotten budget. What was counted since the last
    /// `publish_metrics` is not published.
    pub fn forget(&self, key: &K) -> bool {
        // First, so that it is released after the lock: that may drop keys.
        let map = self.0.map.pin();
        let mut members = self.0.members.lock();
        if map.remove(key).is_none() {
            return false;
        }
        *members -= 1;
        // Under the lock, as where it is set.
        self.0.is_full.store(false, Relaxed);
        true
    }

    /// Removes every member in whose budget nothing was counted for its whole period, with its gates. A member with a gate
    /// that an operator forces stays. Returns how many went. An event recorded at the same moment is gone too, and so is that
    /// of the first call of a key which still runs.
    ///
    /// Call it from time to time if keys come and go: no new key takes the place of another one by itself.
    #[doc(alias = "forget_idle")]
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn evict_idle(&self) -> usize {
        let (period, now) = (self.settings().period, Instant::now());
        let idle = self.collect(|member| {
            let is_idle = member.budget().core().view(now).is_idle(period);
            (is_idle && !member.is_forced(now)).then_some(())
        });
        let gone = idle.iter().filter(|(key, ())| self.forget(key));
        gone.count()
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
            .field("name", &self.name())
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
