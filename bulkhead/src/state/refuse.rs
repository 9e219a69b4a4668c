//! Refusals, and the two modes that change what a refusal does.

// By default a refusal only reads, so that callers that are refused in large numbers write to no cache line that the
// calls in flight need. A mode adds one write: `COUNTS` counts the refusal, `WATCHES` admits the caller beyond the limit
// and counts it as one that would have been refused.
//
// The modes share a word with the length of the line and with `retry_after`, because a refusal reports both: one load for
// all, and one shift puts the two into a `Full`.
//
// A refusal is reported under no lock: a recorder and a subscriber are foreign code, and may use this bulkhead.

use std::time::Duration;

use super::{Core, permits::Admit};
use crate::{
    config::{Builder, Line},
    observe::Observe,
    sync::atomic::Ordering::Relaxed,
    types::{Cause, Event, Full, Snapshot},
};

/// Where a caller is when it is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    Outside,
    InLine,
    /// The caller has its places, and the inner service does not become ready.
    Inside(u32),
}

// The bulkhead only counts what it would refuse.
pub(super) const WATCHES: u64 = 1 << TOLD_BITS;
// The bulkhead counts what it refuses.
const COUNTS: u64 = 2 << TOLD_BITS;
// Places are leased: a caller without a place looks for leases that are over.
pub(super) const LEASES: u64 = 4 << TOLD_BITS;
// Callers wait with a bound: a caller without a place looks for those that are late.
pub(super) const BOUNDED: u64 = 8 << TOLD_BITS;
// The last call has left a closed bulkhead.
pub(super) const DRAINED: u64 = 16 << TOLD_BITS;
// An operator has forced a limit: a caller without a place looks whether it has run out, and whether it is raised.
pub(super) const FORCED: u64 = 32 << TOLD_BITS;

// What a `Full` tells: the length of the line, and above it `retry_after` in seconds.
const TOLD_BITS: u32 = QUEUED_BITS + 8;
const MAX_TOLD: u64 = (1 << TOLD_BITS) - 1;
pub(super) const QUEUED_BITS: u32 = 20;
// A longer line is reported with this length.
pub(super) const MAX_QUEUED: u64 = (1 << QUEUED_BITS) - 1;

/// The modes of `numbers` and what a refusal tells of them, with an empty line.
pub(super) const fn modes(numbers: Builder) -> u64 {
    let watches = if numbers.metrics_only { WATCHES } else { 0 };
    let counts = if numbers.count_rejections { COUNTS } else { 0 };
    watches | counts | (numbers.retry_seconds() as u64) << QUEUED_BITS
}

impl<R> Core<R> {
    #[inline]
    pub(super) fn no_place(&self, places: u32, seen: Snapshot) -> Result<(), Full> {
        // Relaxed: a setting that takes effect soon and orders nothing.
        let aside = self.aside.load(Relaxed);
        // One comparison for all modes: each is a bit above what is told.
        let mut seen = seen;
        if aside > MAX_TOLD {
            match self.enters_or_counts(places, seen, aside) {
                None => return Ok(()),
                Some(limited) => seen = limited,
            }
        }
        Err(self.refuse_without_mode(Cause::AtLimit, places, seen, aside))
    }

    /// The refusal of a caller that does not wait. No mode is left to be asked.
    #[inline]
    pub(super) fn refuse_without_mode(
        &self,
        cause: Cause,
        places: u32,
        seen: Snapshot,
        aside: u64,
    ) -> Full {
        let told = aside & MAX_TOLD;
        let origin = self.events.label().origin();
        // A call of one place fits under every limit.
        let full = if places > 1 && !seen.fits(places) {
            Full::too_heavy(origin, seen, told, places)
        } else {
            Full::new(origin, cause, seen, told, Duration::ZERO)
        };
        self.report(&full);
        full
    }

    /// `None` if the caller is inside. Otherwise the word that its refusal tells.
    // Out of line, so that the refusal without a mode pays for the comparison alone. It returns no `Full`, which would put
    // the results of healthy calls into memory: 27 instructions more.
    #[cold]
    #[inline(never)]
    fn enters_or_counts(&self, places: u32, seen: Snapshot, aside: u64) -> Option<Snapshot> {
        if aside & (LEASES | BOUNDED | FORCED) != 0
            && self.reclaim()
            && self.permits.try_acquire(places).is_ok()
        {
            self.meter.entered(self, places);
            return None;
        }
        if aside & FORCED != 0 && self.enters_raised(places) {
            return None;
        }
        if aside & WATCHES != 0 && matches!(self.enter_beyond_limit(places), Admit::Inside) {
            return None;
        }
        self.count_refusal(aside);
        Some(if aside & FORCED == 0 {
            seen
        } else {
            self.seen()
        })
    }

    /// The refusal of a caller that finds no place, and as many waiters as may wait. `None` where a closer look is needed.
    // Two loads, so that in an overload no caller waits for the lock. While a caller waits the word admits no newcomer, so
    // both are full at the moment of the second load: the word has the mark whenever the length is above 0 (`queue` and
    // `withdraw_if_last`). A line of length 0 is always full. The models `a_line_that_a_waiter_left_refuses_nobody` and
    // `a_full_line_refuses_only_beside_a_waiter` hold it.
    #[inline]
    pub(super) fn refuse_at_full_line(
        &self,
        places: u32,
        line: &Line,
        seen: Snapshot,
    ) -> Option<Full> {
        // Relaxed: a setting, and a length that is written under the lock. A seat that was given up before this call is
        // seen as free.
        let aside = self.aside.load(Relaxed);
        let is_full = (aside & MAX_QUEUED) as usize >= self.length(line);
        if !is_full || seen.is_retired() {
            return None;
        }
        // One comparison for all modes and for all that may make room: each is a bit above what is told.
        if aside > MAX_TOLD && !self.stays_full(aside) {
            return None;
        }
        Some(self.refuse_without_mode(Cause::QueueFull, places, seen, aside))
    }

    /// Whether a full line is full after a look at what may make room. A refusal is then counted where a mode asks for it.
    // It returns no `Full`, as `enters_or_counts`.
    #[cold]
    #[inline(never)]
    fn stays_full(&self, aside: u64) -> bool {
        // Without an override this is all that `reclaim` does.
        if aside & (WATCHES | FORCED) != 0
            || aside & LEASES != 0 && self.reclaim_leases()
            || self.refuse_late()
        {
            return false;
        }
        self.count_refusal(aside);
        true
    }

    // Relaxed: a setting. A call that finds a place does not read it.
    #[inline]
    pub(super) fn length(&self, line: &Line) -> usize {
        if line.of_bulkhead {
            self.max_queued.load(Relaxed)
        } else {
            line.length
        }
    }

    /// Admits a caller that finds no place, and counts it.
    #[cold]
    pub(super) fn enter_beyond_limit(&self, places: u32) -> Admit {
        let admit = self.permits.acquire_beyond_limit(places);
        if let Admit::Inside = admit {
            self.would_refuse();
            self.meter.entered(self, places);
        }
        admit
    }

    /// A refusal by a queue. `None` where the bulkhead only counts: the caller goes on without bounds.
    pub(crate) fn refuse(&self, cause: Cause, waited: Duration, from: Caller) -> Option<Full> {
        if self.watches() {
            self.would_refuse();
            return None;
        }
        Some(self.refusal(cause, waited, from))
    }

    /// The refusal of a call that takes more places than the limit allows.
    #[cold]
    pub(super) fn too_heavy(&self, places: u32) -> Full {
        let aside = self.aside.load(Relaxed);
        self.count_refusal(aside);
        let told = aside & MAX_TOLD;
        let full = Full::too_heavy(self.events.label().origin(), self.seen(), told, places);
        self.report(&full);
        full
    }

    /// Counts a refusal where a mode asks for it.
    fn count_refusal(&self, aside: u64) {
        if aside & (WATCHES | COUNTS) != 0 {
            // Relaxed: a count that orders nothing.
            self.rejections.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn refusal(&self, cause: Cause, waited: Duration, from: Caller) -> Full {
        let aside = self.aside.load(Relaxed);
        self.count_refusal(aside);
        // The refused caller itself is reported neither as waiting nor as in flight.
        let (seen, told) = (self.seen(), aside & MAX_TOLD);
        let (seen, told) = match from {
            Caller::InLine if told & MAX_QUEUED > 0 => (seen, told - 1),
            Caller::Outside | Caller::InLine => (seen, told),
            Caller::Inside(places) => (seen.without(places), told),
        };
        let full = Full::new(self.events.label().origin(), cause, seen, told, waited);
        self.report(&full);
        full
    }

    /// Tells metrics, tracing and listeners.
    #[inline]
    fn report(&self, full: &Full) {
        self.meter.report_refusal(self, full);
        if self.events.are_heard() {
            // A copy: the refusal itself stays in registers.
            self.tell_refusal(full.clone());
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_refusal(&self, full: Full) {
        self.events.tell(&Event::Rejected(full));
    }

    fn would_refuse(&self) {
        // Relaxed: a count that orders nothing.
        self.rejections.fetch_add(1, Relaxed);
        self.meter.would_refuse(self);
    }

    pub(super) fn watches(&self) -> bool {
        // Relaxed. Where the answer must agree with the line, the caller holds the lock under which the mode is written.
        self.aside.load(Relaxed) & WATCHES != 0
    }
}
