use std::{fmt, sync::OnceLock, time::Duration};

use tokio::time::Instant;

use crate::{
    budget::{ratio::ledger::Ledger, ratio::terms::Terms},
    sync::const_fn,
};

/// The shared state behind a [`RetryBudget`](crate::RetryBudget): opaque, named only in types such as
/// [`Hold<&'static Core>`](crate::Hold).
pub struct Core {
    name: &'static str,
    // A `static` has no clock to read when it is made: there, the first call that looks sets it.
    epoch: OnceLock<Instant>,
    ledger: Ledger,
}

impl Core {
    const_fn! {
        pub(crate) fn new(name: &'static str, terms: Terms) -> Self {
            Self { name, epoch: OnceLock::new(), ledger: Ledger::new(terms) }
        }
    }

    pub(crate) fn made_at(name: &'static str, terms: Terms, now: Instant) -> Self {
        let core = Self::new(name, terms);
        core.nanos(now);
        core
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(crate) fn deposit(&self, now: Instant) {
        // To add to an `Instant` and compare costs half of what it costs to subtract two.
        let marked = Duration::from_nanos(self.ledger.marked());
        let marked = (self.epoch.get()).and_then(|epoch| epoch.checked_add(marked));
        if marked.is_some_and(|marked| now < marked) {
            self.ledger.count();
        } else {
            self.deposit_first(now);
        }
    }

    /// The first call of a slot.
    #[cold]
    #[inline(never)]
    fn deposit_first(&self, now: Instant) {
        self.ledger.deposit(self.nanos(now));
    }

    pub(crate) fn withdraw(&self, now: Instant) -> Option<u64> {
        self.ledger.withdraw(self.nanos(now))
    }

    pub(crate) fn refund(&self, end: u64, now: Instant) {
        self.ledger.refund(end, self.nanos(now));
    }

    pub(crate) fn balance(&self, now: Instant) -> u64 {
        self.ledger.balance(self.nanos(now))
    }

    /// Nanoseconds since the first moment; 0 for a `now` before it, the largest after 584 years.
    fn nanos(&self, now: Instant) -> u64 {
        let epoch = *self.epoch.get_or_init(|| now);
        let since: Duration = now.saturating_duration_since(epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("name", &self.name)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}
