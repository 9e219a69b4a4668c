use std::sync::Arc;

use rand::rngs::SmallRng;

use crate::{
    backoff::Seeds,
    observe::{Listener, Observers},
    policy::{
        builder::Numbers,
        config::{Config, ConfigCell},
        plan::Plan,
    },
    types::Event,
};

/// What the clones of a policy and all its calls share besides the budget: the numbers, the seeds and the observers.
///
/// Always behind one `Arc`, so that every policy can be changed and listened to while its layers run. A copy of the numbers
/// in each call costs as many instructions as the two changes of the reference count, and a `&'static` policy
/// ([`leak`](crate::RetryPolicy::leak)) has neither price. A type parameter for the listener would be in every signature
/// that names the policy or its future.
#[derive(Clone)]
pub(super) struct Shared(Arc<Parts>);

struct Parts {
    numbers: ConfigCell,
    observers: Observers,
    seeds: Seeds,
}

impl Shared {
    pub(super) fn new(numbers: &Numbers) -> Self {
        Self(Arc::new(Parts {
            numbers: ConfigCell::new(numbers),
            observers: Observers::new(None),
            seeds: Seeds::new(numbers.seed),
        }))
    }

    /// Names the policy. If it has clones or calls, it is separate from them afterwards.
    pub(super) fn name(&mut self, name: &'static str) {
        if let Some(parts) = Arc::get_mut(&mut self.0) {
            parts.observers.name(name);
            return;
        }
        self.0 = Arc::new(Parts {
            numbers: self.0.numbers.copied(),
            observers: Observers::new(Some(name)),
            seeds: self.0.seeds.clone(),
        });
    }

    #[inline]
    pub(super) fn plan(&self) -> Plan {
        self.0.numbers.plan()
    }

    pub(super) fn config(&self) -> Config {
        self.0.numbers.read()
    }

    pub(super) fn change(&self, to: &Numbers) {
        self.0.numbers.change(to);
    }

    /// A random generator that no other request has.
    pub(super) fn generator(&self) -> SmallRng {
        self.0.seeds.next()
    }

    pub(super) fn observers(&self) -> &Observers {
        &self.0.observers
    }

    pub(super) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.0.observers.listen(f)
    }

    /// A call is over. Without observers this is one comparison.
    #[inline]
    pub(super) fn done(&self, attempts: u32) {
        if self.0.observers.are_on() {
            self.0.observers.notify(&Event::Done { attempts });
        }
    }
}
