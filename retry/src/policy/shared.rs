use std::sync::Arc;

use rand::rngs::SmallRng;

use crate::{backoff::Seeds, observe::Observers, types::Event};

/// What all calls of a policy share besides its budget: the seeds and the observers.
///
/// One optional `Arc`, so that a policy without either costs a call one comparison, and a word in the future. A type
/// parameter for the listener would be in every signature that names the policy or its future.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Option<Arc<Parts>>);

#[derive(Debug)]
struct Parts {
    seeds: Seeds,
    observers: Observers,
}

impl Shared {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self(seed.map(|seed| {
            Arc::new(Parts {
                seeds: Seeds::new(Some(seed)),
                observers: Observers::default(),
            })
        }))
    }

    /// The same seeds with other observers.
    pub(super) fn observed(&self, by: impl FnOnce(&Observers) -> Observers) -> Self {
        let (seeds, observers) = match self.0.as_deref() {
            Some(parts) => (parts.seeds.clone(), by(&parts.observers)),
            None => (Seeds::new(None), by(&Observers::default())),
        };
        Self(Some(Arc::new(Parts { seeds, observers })))
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
