use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The source of the requests' random generators: the thread's generator, or a seed for tests.
///
/// A request draws its generator when it is retried for the first time. A generator in the policy would be cloned
/// with every service, and all connections of a process would draw the same delays.
#[derive(Clone)]
pub(crate) struct Seeds(Option<Arc<Seeded>>);

struct Seeded {
    /// Drawn from the seed. With the seed itself, seed 8 would be seed 7 one request later.
    base: u64,
    /// Shared by all clones of the policy: a clone with its own count would repeat the delays of every other clone.
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
            // Relaxed: the number only has to differ each time. `seed_from_u64` mixes it.
            Some(seeded) => {
                let request = seeded.requests.fetch_add(1, Relaxed);
                SmallRng::seed_from_u64(seeded.base.wrapping_add(request))
            }
        }
    }
}
