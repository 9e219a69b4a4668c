use crate::{
    gate::order,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The counters of optional requests. Each request that may be refused takes its number by one read-modify-write.
#[derive(Debug)]
pub(super) struct Demand {
    /// The optional requests while a share was refused.
    asked: AtomicU64,
    /// Those of them that were admitted.
    admitted: AtomicU64,
    /// The requests that an override refused. An override lets no request through: the operator said closed, and the
    /// law learns from essential requests.
    turned_away: AtomicU64,
}

impl Demand {
    pub(super) fn new() -> Self {
        Self {
            asked: AtomicU64::new(0),
            admitted: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Counts an optional request that an override refused.
    pub(super) fn turn_away(&self) {
        // Relaxed: a statistic.
        self.turned_away.fetch_add(1, Relaxed);
    }

    /// Whether an optional request belongs to the `share` that is admitted.
    pub(super) fn admit(&self, share: u32) -> bool {
        // Relaxed: only the number matters, and one read-modify-write gives each request its own.
        let n = self.asked.fetch_add(1, Relaxed);
        let is_admitted = order::is_admitted(n, share);
        if is_admitted {
            self.admitted.fetch_add(1, Relaxed);
        }
        is_admitted
    }

    /// The number of requests refused.
    pub(super) fn refused(&self) -> u64 {
        let [by_policy, by_override] = self.refusals();
        by_policy.saturating_add(by_override)
    }

    /// The numbers of requests refused by the policy and by overrides.
    pub(super) fn refusals(&self) -> [u64; 2] {
        // Relaxed: statistics. In this order a request in between is counted for a moment, and not missing.
        let admitted = self.admitted.load(Relaxed);
        let by_policy = self.asked.load(Relaxed).saturating_sub(admitted);
        [by_policy, self.turned_away.load(Relaxed)]
    }
}
