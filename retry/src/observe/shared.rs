use std::sync::Arc;

use rand::rngs::SmallRng;

use crate::{backoff::seeds::Seeds, observe::watch::Watch, types::Event};

/// What all calls of a policy share besides its budget: who watches it, and the count behind its seed. Nothing by
/// default: then a call pays one comparison, and otherwise for a reference count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Option<Arc<Parts>>);

#[derive(Debug)]
struct Parts {
    seeds: Seeds,
    watch: Watch,
}

impl Shared {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(seed.map(|seed| {
            Arc::new(Parts {
                seeds: Seeds::new(Some(seed)),
                watch: Watch::default(),
            })
        }))
    }

    /// The same, watched otherwise.
    pub(crate) fn watched(&self, by: impl FnOnce(&Watch) -> Watch) -> Self {
        let (seeds, watch) = match self.0.as_deref() {
            Some(parts) => (parts.seeds.clone(), by(&parts.watch)),
            None => (Seeds::new(None), by(&Watch::default())),
        };
        Self(Some(Arc::new(Parts { seeds, watch })))
    }

    /// A generator that no other request has.
    pub(crate) fn generator(&self) -> SmallRng {
        match self.0.as_deref() {
            Some(parts) => parts.seeds.next(),
            None => Seeds::new(None).next(),
        }
    }

    pub(crate) fn watch(&self) -> Option<&Watch> {
        Some(&self.0.as_deref()?.watch)
    }

    /// A call is over. All that this costs while nobody watches is the comparison.
    #[inline]
    pub(crate) fn done(&self, attempts: u32) {
        if let Some(parts) = self.0.as_deref() {
            parts.watch.tell(&Event::Done { attempts });
        }
    }
}
