//! A retry budget for each key.

mod by;
mod members;
#[cfg(all(test, loom))]
mod models;
mod pause;
mod shown;
#[cfg(all(test, not(loom)))]
mod tests;
mod walk;

use std::{
    fmt,
    hash::Hash,
    sync::{Arc, Weak},
};

use tokio::time::Instant;

pub use self::by::By;
#[cfg(feature = "metrics")]
use self::shown::Labels;
use self::{
    members::{Heard, Member, Members},
    pause::Pause,
    shown::Shown,
    walk::Walk,
};
use crate::{
    budget::ratio::{BudgetBuilder, Core, RetryBudget},
    observe::Listener,
    sync::{Map, Mutex},
    types::{BudgetEvent, InvalidConfig, InvalidConfigKind, Key, Name, Object},
};

/// A retry budget for each key: a host, a tenant, a route. A cheap handle; clones share. Feature `family`.
///
/// Made by [`BudgetBuilder::build_family`]. With [`by`](Self::by) a policy takes the budget of a call by its request, once, at
/// the beginning of the call.
///
/// At most `capacity` budgets exist at a time. When a new key comes at that size, one makes room that is not needed, and
/// not one that was used lately if another can go. A budget never goes that
///
/// - has less credit than a new one, because retries have spent it: a client could otherwise get its credit back by the
///   use of many keys. A ttl after its last retry, each budget has that much again,
/// - has calls in flight, or a hold,
/// - has a handle.
///
/// A budget that goes has forgotten the credit that its calls brought beyond that of a new one. When none can be evicted, the
/// calls of the new key share one more budget of the same configuration, the [`overflow`](Self::overflow). So the memory and
/// the credit are bounded, however many keys the callers make up:
///
/// ```text
/// retries ≤ ratio × calls + floor × (capacity + 1) × (elapsed + ttl)
/// ```
///
/// A budget is evicted only with as much unspent credit as the new one begins with.
///
/// # Cost
///
/// A key that exists costs one lookup in a concurrent map, without a lock, two changes of the member's reference count, and
/// then what the budget costs. A new key takes a lock, and at full capacity looks at up to 64 others, twice; the next
/// one goes on with the next 64. When 16 such searches in a row, and as many as have looked at all members, found none to
/// evict, new keys take the overflow at once for 5 ms. Then one searches, and if it finds none there are 5 ms more. So while
/// new keys come, a member that can be evicted is found at most 5 ms for each 64 members, or part of 64, later: 5 ms in a
/// family of 64, 80 ms in one of 1,000, 7.8 s in one of 100,000. Until then the new keys share the overflow. A member takes half
/// a KB.
///
/// # Examples
///
/// ```
/// use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy};
/// use tower::{ServiceBuilder, service_fn};
/// # use tower::ServiceExt;
///
/// #[derive(Clone)]
/// struct Request { host: &'static str }
///
/// let hosts = RetryBudget::builder().floor_per_second(1).build_family("hosts", 1_000)?;
/// let policy = RetryPolicy::builder().build()?.budget(hosts.by(|request: &Request| request.host));
/// let service = ServiceBuilder::new()
///     .layer(RetryLayer::new(policy))
///     .service(service_fn(async |_: Request| Ok::<_, std::io::Error>(1)));
/// # let _ = service.oneshot(Request { host: "a.example" });
///
/// // Ten seconds of the floor are saved up for each host.
/// while let Some(hold) = hosts.get(&"a.example").try_hold() {
///     hold.spend();
/// }
/// assert_eq!(hosts.get(&"a.example").balance(), 0);
/// assert_eq!(hosts.get(&"b.example").balance(), 10);
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
pub struct RetryBudgets<K>(Arc<Shared<K>>);

struct Shared<K> {
    name: &'static str,
    capacity: usize,
    map: Map<K, Weak<Core>>,
    overflow: Arc<Core>,
    shown: Shown<K>,
    /// Taken to make, list or evict members; not to use one.
    members: Mutex<Members<K>>,
    pause: Pause,
}

// === impl BudgetBuilder ===

impl BudgetBuilder {
    /// Builds a family: a budget of this configuration for each key, for at most `capacity` keys at a time. Feature
    /// `family`.
    ///
    /// # Errors
    ///
    /// The errors of [`build`](Self::build), and a capacity of 0.
    pub fn build_family<K: Hash + Eq + Clone>(
        self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<RetryBudgets<K>, InvalidConfig> {
        let name = name.into().as_str();
        let overflow = Core::made(name, None, self, Instant::now())?;
        if capacity == 0 {
            return Err(InvalidConfigKind::Capacity.of(Object::Budget, name));
        }
        Ok(RetryBudgets(Arc::new(Shared {
            name,
            capacity,
            map: Map::new(),
            overflow: Arc::new(overflow),
            shown: Shown::nothing(),
            members: Mutex::new(Members {
                numbers: self,
                revision: 0,
                ring: Vec::new(),
                hand: 0,
                heard: None,
                #[cfg(feature = "metrics")]
                labels: Labels::default(),
            }),
            pause: Pause::none(Instant::now()),
        })))
    }
}

// === impl RetryBudgets ===

impl<K> RetryBudgets<K> {
    /// Chooses the budget of a call by its request, for [`RetryPolicy::budget`](crate::RetryPolicy::budget).
    ///
    /// `key` runs once a call, and once more with a [hedge](crate::RetryLayer::hedge) for each attempt. A key that is cheap to
    /// make is best: a number, or an `Arc<str>` that the request holds. Calls without a request
    /// ([`RetryPolicy::run`](crate::RetryPolicy::run)) take a member by [`get`](Self::get).
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By::new(self.clone(), key)
    }

    /// The name that all of them have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many keys have a separate budget, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The budget that keys without room share.
    #[must_use]
    pub fn overflow(&self) -> RetryBudget {
        RetryBudget::of(Arc::clone(&self.0.overflow))
    }

    /// All members that exist now, in no particular order, without the overflow: for an admin view.
    pub fn iter(&self) -> impl Iterator<Item = (K, RetryBudget)>
    where
        K: Clone,
    {
        let members = self.0.members.lock();
        let handle = |member: &Member<K>| {
            let core = Arc::clone(&member.core);
            (K::clone(&member.key), RetryBudget::of(core))
        };
        let all: Vec<_> = members.ring.iter().map(handle).collect();
        drop(members);
        all.into_iter()
    }

    /// How many keys have a separate budget now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.lock().ring.len()
    }

    /// Whether no key has one yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Clone + Send + Sync + 'static> RetryBudgets<K> {
    /// Tells `f` when a member, present or future, begins to refuse retries, and when it grants them again: see
    /// [`RetryBudget::on_event`]. The key is `None` for the overflow.
    ///
    /// The first listener of a family takes the lock of the members. A member then also has a listener.
    pub fn on_event(
        &self,
        f: impl Fn(Option<&K>, &BudgetEvent) + Send + Sync + 'static,
    ) -> Listener {
        let mut members = self.0.members.lock();
        let Members { heard, ring, .. } = &mut *members;
        let heard = heard.get_or_insert_with(|| {
            let heard = Heard::new();
            for Member { key, core } in ring {
                (heard.forward)(Some(key), core);
            }
            (heard.forward)(None, &self.0.overflow);
            heard
        });
        heard
            .listeners
            .listen(move |(key, event)| f(key.as_deref(), event))
    }
}

impl<K: Hash + Eq + Clone> RetryBudgets<K> {
    /// The budget of `key`, made if it does not exist; the overflow if there is no room for it.
    ///
    /// While the handle exists it is not evicted.
    #[must_use]
    pub fn get(&self, key: &K) -> RetryBudget {
        let core = self.0.find(key);
        RetryBudget::of(core.unwrap_or_else(|| self.0.find_or_make(key)))
    }

    /// Replaces the numbers: of the members that exist, each as by [`RetryBudget::reconfigure`], of the overflow, and of
    /// members to come. If several threads do so at once, all members have the last numbers once every thread has
    /// returned.
    ///
    /// # Errors
    ///
    /// The errors of [`BudgetBuilder::build`]; nothing has changed then.
    pub fn reconfigure(&self, to: BudgetBuilder) -> Result<(), InvalidConfig> {
        to.check_for(self.0.name)?;
        let mut members = self.0.members.lock();
        members.numbers = to;
        members.revision += 1;
        drop(members);
        loop {
            let members = self.0.members.lock();
            let (revision, numbers) = (members.revision, members.numbers);
            let singles = members.ring.iter().map(|member| &member.core);
            let cores: Vec<_> = singles.chain([&self.0.overflow]).cloned().collect();
            drop(members);
            for core in cores {
                RetryBudget::of(core).reconfigure(numbers)?;
            }
            // Another thread may have reached some of them first, with newer numbers: then those once more.
            if self.0.members.lock().revision == revision {
                return Ok(());
            }
        }
    }

    /// Removes every member that is not needed and was not used since the last call of this method (or since a new key
    /// looked at it): called every ten minutes, those that were idle for at least as long. Returns how many went.
    ///
    /// Only memory needs it: a new key finds room anyway. No call waits for it but the first ones of new keys: it gives the lock
    /// back after each 64 members.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn evict_idle(&self) -> usize {
        Walk::sum(|walk| self.0.evict_some(walk).len())
    }
}

impl<K> Shared<K> {
    fn make(&self, key: Option<Key>, numbers: BudgetBuilder, now: Instant) -> Core {
        Core::made(self.name, key, numbers, now).expect("checked when the family took them")
    }
}

impl<K> Clone for RetryBudgets<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for RetryBudgets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudgets")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
