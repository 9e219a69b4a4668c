use std::sync::Arc;

use rand::rngs::SmallRng;

use tokio::time::Instant;

use crate::{
    backoff::Seeds,
    observe::{Listener, Observers},
    policy::{
        builder::Numbers,
        config::{Config, ConfigCell},
        plan::Plan,
        switch::Switch,
    },
    types::{Event, Now, Override, SwitchCause},
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
    switch: Switch,
}

impl Shared {
    pub(super) fn new(numbers: &Numbers) -> Self {
        Self(Arc::new(Parts {
            numbers: ConfigCell::new(numbers),
            observers: Observers::new(None),
            seeds: Seeds::new(numbers.seed),
            switch: Switch::new(),
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
            switch: Switch::new(),
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

    /// Whether there is no override, also none that is over. One load.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.0.switch.is_free()
    }

    /// Whether an operator has turned retries off. Without an override this is one load.
    #[inline]
    pub(super) fn is_off(&self, now: &Now) -> bool {
        !self.is_free() && self.is_still_off(now)
    }

    #[cold]
    fn is_still_off(&self, now: &Now) -> bool {
        let cause = SwitchCause::OverrideOver;
        self.announce(|put| self.0.switch.holds(now, |by| put(cause, by)))
    }

    pub(super) fn force_off(&self, by: Override, now: Instant) {
        let cause = SwitchCause::Forced;
        self.announce(|put| self.0.switch.force(by, now, |by| put(cause, by)));
    }

    pub(super) fn resume(&self, by: Override) -> bool {
        let cause = SwitchCause::Resumed;
        self.announce(|put| self.0.switch.resume(|| put(cause, by)))
    }

    pub(super) fn forced(&self) -> Option<Override> {
        self.0.switch.forced()
    }

    /// Runs `f`, which may move the switch, and announces that once no lock is held.
    fn announce<T>(&self, f: impl FnOnce(&mut dyn FnMut(SwitchCause, Override)) -> T) -> T {
        let observers = &self.0.observers;
        let mut moved = None;
        let result = f(&mut |cause, by| {
            let event = Event::Switched { cause, by };
            observers.put(&event);
            moved = Some(event);
        });
        if let Some(event) = moved {
            observers.deliver(&event);
        }
        result
    }
}
