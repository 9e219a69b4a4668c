//! Reports when a budget begins to refuse retries, and when it grants them again.
//!
//! A budget near its bound refuses one retry and grants the next. So it grants again only at a grant after ten seconds
//! without a refusal, and at most two events come in ten seconds. Only a refusal, and a grant after one, reads the clock.
//!
//! # Ordering
//!
//! Every operation is Relaxed: the word is the whole state, and nothing else is published with it. Each change from and to 0 is
//! one read-modify-write, so it is reported once.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

#[cfg(feature = "family")]
use crate::types::Key;
use crate::{
    observe::{Listener, Listeners, budget_changed},
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
    types::{BudgetEvent, BudgetState, Now},
};

pub(super) struct Watch {
    name: &'static str,
    #[cfg(feature = "family")]
    key: Option<Key>,
    /// When it last refused, in nanoseconds since it first did, and one more; 0 while it grants.
    refused: AtomicU64,
    first: OnceLock<Instant>,
    listeners: OnceLock<Arc<Listeners<BudgetEvent>>>,
}

const QUIET: Duration = Duration::from_secs(10);

impl Watch {
    const_fn! {
        pub(super) fn new(name: &'static str) -> Self {
            Self {
                name,
                #[cfg(feature = "family")]
                key: None,
                refused: AtomicU64::new(0),
                first: OnceLock::new(),
                listeners: OnceLock::new(),
            }
        }
    }

    #[cfg(feature = "family")]
    pub(super) fn show(&mut self, key: Option<Key>) {
        self.key = key;
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn listen(&self, f: impl Fn(&BudgetEvent) + Send + Sync + 'static) -> Listener {
        self.listeners.get_or_init(Listeners::new).listen(f)
    }

    /// A retry was granted, or refused.
    #[inline]
    pub(super) fn decided(&self, is_granted: bool, now: &Now) {
        if !is_granted {
            self.refuses(now);
        } else if self.refused.load(Relaxed) > 0 {
            self.grants(now);
        }
    }

    #[cold]
    fn refuses(&self, now: &Now) {
        if self
            .refused
            .swap(self.nanos(now).saturating_add(1), Relaxed)
            == 0
        {
            self.report(BudgetState::Refusing);
        }
    }

    #[cold]
    fn grants(&self, now: &Now) {
        let last = self.refused.load(Relaxed);
        let quiet = Duration::from_nanos(self.nanos(now).saturating_sub(last));
        // A swap that fails was overtaken: by a refusal, or by a grant that reports.
        if last > 0
            && quiet >= QUIET
            && (self.refused.compare_exchange(last, 0, Relaxed, Relaxed)).is_ok()
        {
            self.report(BudgetState::Granting);
        }
    }

    fn report(&self, state: BudgetState) {
        #[cfg(feature = "family")]
        let key = self.key.as_ref().and_then(|key| key.number().text());
        #[cfg(not(feature = "family"))]
        let key = None;
        let event = BudgetEvent::new(self.name, key, state);
        budget_changed(&event);
        if let Some(listeners) = self.listeners.get() {
            listeners.put(event);
            listeners.deliver();
        }
    }

    fn nanos(&self, now: &Now) -> u64 {
        let now = now.get();
        let since = now.saturating_duration_since(*self.first.get_or_init(|| now));
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_budget_grants_again_after_ten_quiet_seconds() {
        let (watch, begin) = (Watch::new("api"), Instant::now());
        let (log, heard) = mpsc::channel();
        let _listener = watch.listen(move |event| log.send(event.state()).unwrap());
        let at = |millis| Now::at(begin + Duration::from_millis(millis));
        watch.decided(true, &at(0));
        for (millis, is_granted) in [(1, false), (2, true), (5_000, false), (14_999, true)] {
            watch.decided(is_granted, &at(millis));
        }
        assert_eq!(
            heard.try_iter().collect::<Vec<_>>(),
            [BudgetState::Refusing]
        );
        for (millis, is_granted) in [(15_001, true), (15_002, true), (15_003, false)] {
            watch.decided(is_granted, &at(millis));
        }
        let states = [BudgetState::Granting, BudgetState::Refusing];
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), states);
    }
}

#[cfg(all(test, loom))]
#[test]
fn a_beginning_is_reported_once() {
    loom::model(|| {
        let watch = loom::sync::Arc::new(Watch::new("model"));
        let heard = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = Arc::clone(&heard);
        let _listener = watch.listen(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let refuse = |watch: &Watch| watch.decided(false, &Now::unread());
        crate::sync::both(&watch, refuse, refuse);
        assert_eq!(heard.load(std::sync::atomic::Ordering::SeqCst), 1);
    });
}
