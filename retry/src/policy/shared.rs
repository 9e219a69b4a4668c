use std::sync::Arc;

use rand::rngs::SmallRng;

use crate::{
    backoff::{Backoff, Seeds},
    observe::Observers,
    types::Event,
};

/// What all calls of a policy share besides its budget: the seeds, the observers, and the backoff for throttling.
///
/// One optional `Arc`, so that a policy without these costs a call one comparison, and a word in the future. A type
/// parameter for the listener would be in every signature that names the policy or its future.
#[derive(Clone, Default)]
pub(super) struct Shared(Option<Arc<Parts>>);

struct Parts {
    seeds: Seeds,
    observers: Observers,
    throttle_backoff: Option<Backoff>,
}

impl Shared {
    pub(super) fn new(seed: Option<u64>, throttle_backoff: Option<Backoff>) -> Self {
        if seed.is_none() && throttle_backoff.is_none() {
            return Self(None);
        }
        Self(Some(Arc::new(Parts {
            seeds: Seeds::new(seed),
            observers: Observers::default(),
            throttle_backoff,
        })))
    }

    /// The same with other observers.
    pub(super) fn observed(&self, by: impl FnOnce(&Observers) -> Observers) -> Self {
        let parts = match self.0.as_deref() {
            Some(parts) => Parts {
                seeds: parts.seeds.clone(),
                observers: by(&parts.observers),
                throttle_backoff: parts.throttle_backoff,
            },
            None => Parts {
                seeds: Seeds::new(None),
                observers: by(&Observers::default()),
                throttle_backoff: None,
            },
        };
        Self(Some(Arc::new(parts)))
    }

    /// The backoff for throttling, if there is one and it is `wanted`.
    pub(super) fn throttle_backoff(&self, wanted: bool) -> Option<Backoff> {
        self.0.as_deref().filter(|_| wanted)?.throttle_backoff
    }

    /// A random generator that no other request has.
    pub(super) fn generator(&self) -> SmallRng {
        match self.0.as_deref() {
            Some(parts) => parts.seeds.next(),
            None => Seeds::new(None).next(),
        }
    }

    pub(super) fn observers(&self) -> Option<&Observers> {
        Some(&self.0.as_deref()?.observers)
    }

    /// A call is over. Without observers this is one comparison.
    #[inline]
    pub(super) fn done(&self, attempts: u32) {
        if let Some(parts) = self.0.as_deref() {
            parts.observers.notify(&Event::Done { attempts });
        }
    }
}
