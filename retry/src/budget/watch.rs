//! Reports when a budget begins to refuse retries, and when it grants them again.
//!
//! A budget near its bound refuses one retry and grants the next. So it grants again only at a grant after ten seconds
//! without a refusal, and at most two events come in ten seconds. Only a refusal, and a grant after one, reads the clock.
//!
//! # Ordering
//!
//! Every operation is Relaxed: the word is the whole state, and nothing else is published with it. The word changes from and
//! to 0 under a lock, under which the event is queued: so each change is reported once, and in the order of the changes. A
//! further refusal moves the word without the lock, in one read-modify-write that leaves 0 as it is.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

#[cfg(all(feature = "family", feature = "metrics"))]
use crate::observe::BudgetMeter;
#[cfg(feature = "family")]
use crate::types::Key;
use crate::{
    observe::{Listener, Listeners, budget_changed},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
    types::{BudgetEvent, BudgetState, Now},
};

pub(super) struct Watch {
    name: &'static str,
    #[cfg(feature = "family")]
    key: Option<Key>,
    /// Behind a pointer: most budgets have none.
    #[cfg(all(feature = "family", feature = "metrics"))]
    meter: OnceLock<Box<BudgetMeter>>,
    /// When it last refused, in nanoseconds since it first did, and one more; 0 while it grants.
    refused: AtomicU64,
    first: OnceLock<Instant>,
    /// Held while the state changes and its event is queued.
    changing: Mutex<()>,
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
                #[cfg(all(feature = "family", feature = "metrics"))]
                meter: OnceLock::new(),
                refused: AtomicU64::new(0),
                first: OnceLock::new(),
                changing: Mutex::new(()),
                listeners: OnceLock::new(),
            }
        }
    }

    #[cfg(feature = "family")]
    pub(super) fn show(&mut self, key: Option<Key>) {
        self.key = key;
    }

    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(super) fn label(&self, key: Arc<str>) {
        self.meter
            .get_or_init(|| Box::new(BudgetMeter::new(self.name, key)));
    }

    /// Counts a decision, if the budget has metrics of its own. `level` is what it has left.
    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(super) fn measure(&self, is_granted: bool, level: impl FnOnce() -> u64) {
        if let Some(meter) = self.meter.get() {
            meter.decided(is_granted, level);
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn listen(&self, f: impl Fn(&BudgetEvent) + Send + Sync + 'static) -> Listener {
        self.listeners().listen(f)
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
        let word = self.nanos(now).saturating_add(1);
        let moved = |last: u64| (last > 0).then(|| last.max(word));
        if self.refused.fetch_update(Relaxed, Relaxed, moved).is_err() {
            self.change(BudgetState::Refusing, || {
                self.refused.swap(word, Relaxed) == 0
            });
        }
    }

    #[cold]
    fn grants(&self, now: &Now) {
        let last = self.refused.load(Relaxed);
        let quiet = Duration::from_nanos(self.nanos(now).saturating_sub(last));
        if last > 0 && quiet >= QUIET {
            // A swap that fails was overtaken: by a refusal, or by a grant that reports.
            self.change(BudgetState::Granting, || {
                (self.refused.compare_exchange(last, 0, Relaxed, Relaxed)).is_ok()
            });
        }
    }

    /// Reports that the budget is in `state`, if `by` has put it there. At most two in ten seconds.
    fn change(&self, state: BudgetState, by: impl FnOnce() -> bool) {
        let changing = self.changing.lock();
        if !by() {
            return;
        }
        let listeners = if cfg!(feature = "tracing") {
            Some(self.listeners())
        } else {
            self.listeners.get()
        };
        if let Some(listeners) = listeners {
            listeners.put(self.event(state));
            drop(changing);
            listeners.deliver();
        }
    }

    /// The key of the member, of a family that shows its keys.
    #[cfg(feature = "family")]
    pub(super) fn key(&self) -> Option<Arc<str>> {
        self.key.as_ref().and_then(|key| key.number().text())
    }

    fn event(&self, state: BudgetState) -> BudgetEvent {
        #[cfg(feature = "family")]
        let key = self.key();
        #[cfg(not(feature = "family"))]
        let key = None;
        BudgetEvent::new(self.name, key, state)
    }

    fn listeners(&self) -> &Arc<Listeners<BudgetEvent>> {
        self.listeners.get_or_init(|| {
            let listeners = Listeners::new();
            if cfg!(feature = "tracing") {
                listeners.listen(budget_changed).detach();
            }
            listeners
        })
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
mod models {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::sync::both;

    #[test]
    fn a_beginning_is_reported_once() {
        loom::model(|| {
            let watch = loom::sync::Arc::new(Watch::new("model"));
            let (events, heard) = channel();
            let _listener = watch.listen(move |_| events.send(()).expect("the model receives"));
            let refuse = |watch: &Watch| watch.decided(false, &Now::unread());
            both(&watch, refuse, refuse);
            assert_eq!(heard.try_iter().count(), 1);
        });
    }

    #[test]
    fn the_last_event_agrees_with_the_state() {
        let begin = Instant::now();
        loom::model(move || {
            let watch = loom::sync::Arc::new(Watch::new("model"));
            let (events, heard) = channel();
            let _listener = watch.listen(move |event| {
                events.send(event.state()).expect("the model receives");
            });
            watch.decided(false, &Now::at(begin));
            let decided = move |is_granted| {
                move |watch: &Watch| watch.decided(is_granted, &Now::at(begin + 2 * QUIET))
            };
            both(&watch, decided(true), decided(false));
            let is_refusing = watch.refused.load(Relaxed) > 0;
            assert!(is_refusing, "a refusal begins anew, or goes on");
            assert_eq!(heard.try_iter().last(), Some(BudgetState::Refusing));
        });
    }
}
