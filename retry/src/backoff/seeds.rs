use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Where the generators of requests come from: the thread's own, or, for tests, a seed.
///
/// Asked only when a request is retried for the first time.
#[derive(Clone, Debug)]
pub(crate) struct Seeds(Option<Arc<Seeded>>);

#[derive(Debug)]
struct Seeded {
    /// Drawn from the seed, so that neighbouring seeds have nothing in common.
    base: u64,
    /// Shared by all clones of the policy: a clone that counted for itself would repeat the delays of
    /// every other clone, which is how a whole process comes to retry in lockstep.
    requests: AtomicU64,
}

impl Seeds {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(seed.map(|seed| {
            Arc::new(Seeded {
                base: SmallRng::seed_from_u64(seed).next_u64(),
                requests: AtomicU64::new(0),
            })
        }))
    }

    /// A generator that no other request has.
    pub(crate) fn next(&self) -> SmallRng {
        match self.0.as_deref() {
            None => rand::make_rng(),
            // Relaxed: it only has to be another number each time. `seed_from_u64` mixes it well.
            Some(seeded) => {
                let request = seeded.requests.fetch_add(1, Relaxed);
                SmallRng::seed_from_u64(seeded.base.wrapping_add(request))
            }
        }
    }
}
