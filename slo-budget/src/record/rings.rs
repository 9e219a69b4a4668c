//! What the counters said at the start of each slot, for as long as a window may reach back.
//!
//! Four tiers of cumulative snapshots, finer for what is recent. With a resolution of 10 s they are 10 s × 360
//! (1 h), 60 s × 360 (6 h), 300 s × 864 (3 d) and 3600 s × 720 (30 d): 2,304 snapshots, 37 KB.
//!
//! Property: a window is the difference of two cumulative counts. Nothing is summed, so nothing drifts, and a
//! gap of any length costs at most one round of each ring.
//!
//! A tier has memory for the slots that have begun, in three steps: a sixteenth, a quarter, and all of its slots. So
//! a budget allocates twelve times in its first eight days, each time at the start of a slot, and never again. The
//! thread that begins the slot allocates, which may be one that records an event.
//!
//! Rejected: one ring of 10 s × 30 d (4 MB); an event log (memory grows with traffic); averages that decay (no
//! window has an end, so no two figures can be compared); memory that only queries make, so that no event allocates
//! (without queries the snapshots would have no place).

use crate::types::Counts;

/// For each tier: the width of a slot in multiples of the resolution, and the number of slots.
const TIERS: [(u64, usize); 4] = [(1, 360), (6, 360), (30, 864), (360, 720)];

/// The parts of a tier that are allocated, as divisors of its length.
const PARTS: [usize; 3] = [16, 4, 1];

/// How many times the resolution the coarsest tier reaches back.
pub(crate) const SPAN: u32 = 360 * 720;

#[derive(Clone, Debug)]
pub(super) struct Rings {
    tiers: [Tier; 4],
    /// The latest tick seen. Time stands still while the clock is behind it.
    latest: u64,
    /// The tick at which the next slot of the finest tier starts; no other slot starts earlier.
    next_slot: u64,
    /// The counters at tick 0.
    base: Counts,
    /// How often the clock stepped back by more than a slot, and whether it is still behind.
    steps_back: u64,
    is_behind: bool,
}

#[derive(Clone, Debug)]
struct Tier {
    width: u64,
    /// The slots in `(current - len, current]` are kept.
    len: usize,
    /// The slot of the latest tick and its place in `starts`. Computed once a slot, so that a query divides less.
    current: u64,
    place: usize,
    /// A window that begins at this tick or later begins with a slot that is kept.
    reach: u64,
    /// The counters at the start of each slot. Slot `s` is at `s % len`; places of slots that have not begun may be
    /// missing.
    starts: Vec<Counts>,
}

impl Rings {
    /// `resolution` is at least 1 tick, and [`SPAN`] times it fits a `u64`.
    pub(super) fn new(resolution: u64, base: Counts) -> Self {
        Self {
            tiers: TIERS.map(|(width, len)| Tier {
                width: width * resolution,
                len,
                current: 0,
                place: 0,
                reach: 0,
                starts: Vec::new(),
            }),
            latest: 0,
            next_slot: resolution,
            base,
            steps_back: 0,
            is_behind: false,
        }
    }

    /// Appends a fixed number of words: everything but the steps of the clock.
    pub(super) fn write(&self, to: &mut Vec<u64>) {
        to.extend([self.resolution(), self.latest]);
        to.extend([self.base.good(), self.base.bad()]);
        for tier in &self.tiers {
            let missing = std::iter::repeat_n(&self.base, tier.len - tier.starts.len());
            let starts = tier.starts.iter().chain(missing);
            to.extend(starts.flat_map(|counts| [counts.good(), counts.bad()]));
        }
    }

    /// Reads what [`write`](Self::write) wrote. `None` if words are missing or describe no rings.
    pub(super) fn read(from: &mut impl Iterator<Item = u64>) -> Option<Self> {
        let (resolution, latest) = (from.next()?, from.next()?);
        resolution
            .checked_mul(SPAN.into())
            .filter(|span| *span > 0)?;
        let mut rings = Self::new(resolution, Counts::read(from)?);
        rings.latest = latest;
        for tier in &mut rings.tiers {
            tier.begin(latest / tier.width, rings.base);
            for place in 0..tier.len {
                let start = Counts::read(from)?;
                if let Some(held) = tier.starts.get_mut(place) {
                    *held = start;
                }
            }
        }
        rings.set_next_slot();
        Some(rings)
    }

    /// Moves time on to `tick`, unless it is there already. `at` gives the counts at the start of each slot that
    /// has begun since. For events that is the same for all of them, as the first event after a gap moves time on
    /// before it is counted.
    pub(super) fn advance(&mut self, tick: u64, at: impl Fn(u64) -> Counts) {
        if tick <= self.latest {
            // Threads that overtake each other differ by less than a slot; that is no step of the clock.
            if !self.is_behind && self.latest - tick > self.resolution() {
                self.is_behind = true;
                self.steps_back = self.steps_back.saturating_add(1);
            }
            return;
        }
        self.is_behind = false;
        self.latest = tick;
        if tick >= self.next_slot {
            self.begin_slots(at);
        }
    }

    // Out of line, as it happens once a slot.
    #[inline(never)]
    fn begin_slots(&mut self, at: impl Fn(u64) -> Counts) {
        for tier in &mut self.tiers {
            let from = tier.current;
            tier.begin(self.latest / tier.width, self.base);
            for slot in (from + 1).max(tier.oldest())..=tier.current {
                *tier.start_mut(slot) = at(slot * tier.width);
            }
        }
        self.set_next_slot();
    }

    const fn set_next_slot(&mut self) {
        let [finest, ..] = &self.tiers;
        // Saturates after 584 years.
        self.next_slot = (finest.current.saturating_add(1)).saturating_mul(finest.width);
    }

    /// The tick at which the next slot of the finest tier starts.
    pub(super) const fn next_slot(&self) -> u64 {
        self.next_slot
    }

    pub(super) const fn latest(&self) -> u64 {
        self.latest
    }

    pub(super) const fn resolution(&self) -> u64 {
        self.tiers[0].width
    }

    pub(super) const fn steps_back(&self) -> u64 {
        self.steps_back
    }

    /// What was counted in the `window` ticks before the latest, with the counters at `counts`.
    pub(super) fn window(&self, window: u64, counts: Counts) -> Counts {
        self.at_start_of(window)
            .map_or_else(Counts::default, |(_, start)| counts.since(start))
    }

    /// How much of the `window` before the latest tick is known, and the counters at the start of that.
    #[cold]
    pub(super) fn since_start_of(&self, window: u64, counts: Counts) -> (u64, Counts) {
        match self.at_start_of(window) {
            Some((tick, start)) => (self.latest - tick, start),
            None => (0, counts),
        }
    }

    /// The earliest start of a slot that lies within `window` before the latest tick and is still kept, and the
    /// counters then. `None` if there is none, so that the window is empty.
    ///
    /// Invariants: a window never looks back further than `window`, and falls short by less than a slot of the
    /// finest tier that reaches that far. The oldest slot of the tier before that one may start earlier than the first
    /// slot of the tier that reaches: without it 1 h 1 s could hold less than 1 h.
    // Always inlined: a query of eight windows is eight of these, and `since_start_of` would prevent it otherwise.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn at_start_of(&self, window: u64) -> Option<(u64, Counts)> {
        // No window is longer than what is kept, however long the process runs.
        let [.., coarsest] = &self.tiers;
        let window = window.min(coarsest.width * coarsest.len as u64);
        let Some(from) = self.latest.checked_sub(window) else {
            return Some((0, self.base));
        };
        let mut finer: Option<&Tier> = None;
        for tier in &self.tiers {
            if from < tier.reach {
                finer = Some(tier);
                continue;
            }
            // Strictly after `from`: a slot that starts exactly there is just outside.
            let first = (from / tier.width).saturating_add(1);
            let begins = first.saturating_mul(tier.width);
            // Each boundary of a coarser tier is also one of this tier, so no coarser tier has an earlier one.
            return match finer {
                Some(finer) if finer.reach + finer.width <= begins => {
                    Some((finer.reach + finer.width, finer.start(finer.oldest())))
                }
                _ => (first <= tier.current).then(|| (begins, tier.start(first))),
            };
        }
        None
    }
}

impl Tier {
    /// Moves on to `slot`. Places that are made are filled with `base`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of the length, which is a usize"
    )]
    fn begin(&mut self, slot: u64, base: Counts) {
        self.current = slot;
        self.place = (slot % self.len as u64) as usize;
        self.reach = self.oldest().saturating_sub(1) * self.width;
        if slot > 0 && self.starts.len() < self.len {
            // Once a place is reached, so are all before it.
            let needed =
                usize::try_from(slot).map_or(self.len, |slot| self.len.min(slot.saturating_add(1)));
            self.make_room(needed, base);
        }
    }

    fn make_room(&mut self, needed: usize, base: Counts) {
        if needed > self.starts.capacity() {
            let parts = PARTS.map(|part| self.len / part);
            let room = parts.into_iter().find(|room| *room >= needed);
            (self.starts).reserve_exact(room.unwrap_or(needed) - self.starts.len());
        }
        self.starts.resize(needed, base);
    }

    const fn oldest(&self) -> u64 {
        self.current.saturating_sub(self.len as u64 - 1)
    }

    fn start(&self, slot: u64) -> Counts {
        self.starts[self.place(slot)]
    }

    fn start_mut(&mut self, slot: u64) -> &mut Counts {
        let place = self.place(slot);
        &mut self.starts[place]
    }

    /// The place of `slot`, which must be one of those that are kept.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than the length, which is a usize"
    )]
    const fn place(&self, slot: u64) -> usize {
        let back = (self.current - slot) as usize;
        match self.place.checked_sub(back) {
            Some(place) => place,
            None => self.place + self.len - back,
        }
    }
}
