//! What the counters said at the beginning of each slot, for as long as anybody may ask.
//!
//! Four tiers of cumulative snapshots, finer for what is near: with a resolution of 10 s they are
//! 10 s × 360 (1 h), 60 s × 360 (6 h), 300 s × 864 (3 d), 3600 s × 720 (30 d): 2,304 snapshots, 37 KB.
//! Any window is the difference of two cumulative counts: nothing is summed, nothing drifts.

use crate::{history::bytes::Reader, types::Counts};

/// Of each tier: how many times the resolution a slot is wide, and how many slots it keeps.
const TIERS: [(u64, usize); 4] = [(1, 360), (6, 360), (30, 864), (360, 720)];

/// How many times the resolution the coarsest tier looks back.
pub(crate) const SPAN: u32 = 360 * 720;

#[derive(Clone, Debug)]
pub(crate) struct Rings {
    tiers: [Tier; 4],
    /// The latest tick seen: time stands still while the clock is behind it.
    latest: u64,
    /// What the counters said at tick 0.
    base: Counts,
    /// How often the clock was seen to step back by more than a slot, and whether it is still behind.
    steps_back: u64,
    is_behind: bool,
}

#[derive(Clone, Debug)]
struct Tier {
    width: u64,
    /// The slot of the latest tick, and where in `starts` it is: found once a slot, as a question should not have to divide.
    current: u64,
    place: usize,
    /// Slot `s` is at `s % len`; kept are the slots in `(current - len, current]`.
    starts: Box<[Counts]>,
}

impl Rings {
    /// `resolution` is at least 1 tick, and [`SPAN`] of it fit a `u64`.
    pub(crate) fn new(resolution: u64, base: Counts) -> Self {
        Self {
            tiers: TIERS.map(|(width, len)| Tier {
                width: width * resolution,
                current: 0,
                place: 0,
                starts: vec![base; len].into_boxed_slice(),
            }),
            latest: 0,
            base,
            steps_back: 0,
            is_behind: false,
        }
    }

    /// Everything but what was seen of the clock: a fixed number of words.
    pub(crate) fn write(&self, to: &mut Vec<u64>) {
        to.extend([
            self.resolution(),
            self.latest,
            self.base.good,
            self.base.bad,
        ]);
        let starts = self.tiers.iter().flat_map(|tier| tier.starts.iter());
        to.extend(starts.flat_map(|counts| [counts.good, counts.bad]));
    }

    /// What was written; `None` when there is not enough of it, or no such rings could be.
    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (resolution, latest) = (from.next()?, from.next()?);
        resolution
            .checked_mul(SPAN.into())
            .filter(|span| *span > 0)?;
        let mut rings = Self::new(resolution, from.counts()?);
        rings.latest = latest;
        for tier in &mut rings.tiers {
            tier.begin(latest / tier.width);
        }
        for start in rings
            .tiers
            .iter_mut()
            .flat_map(|tier| tier.starts.iter_mut())
        {
            *start = from.counts()?;
        }
        Some(rings)
    }

    /// Moves time on to `tick`, if it is not there yet. `at` says what the counts were at the beginning of every
    /// slot that has begun since: of events that is what they are now for all, as the first event after a gap moves
    /// time on before it is counted. After whatever gap at most one round of each ring is written.
    pub(crate) fn advance(&mut self, tick: u64, at: impl Fn(u64) -> Counts) {
        if tick <= self.latest {
            // Threads that overtake each other are apart by less; that is no step of a clock.
            if !self.is_behind && self.latest - tick > self.resolution() {
                self.is_behind = true;
                self.steps_back = self.steps_back.saturating_add(1);
            }
            return;
        }
        self.is_behind = false;
        for tier in &mut self.tiers {
            let from = tier.current;
            tier.begin(tick / tier.width);
            for slot in (from + 1).max(tier.oldest())..=tier.current {
                *tier.start_mut(slot) = at(slot * tier.width);
            }
        }
        self.latest = tick;
    }

    /// The tick at which the next slot of the finest tier begins.
    pub(crate) fn next_slot(&self) -> u64 {
        let width = self.resolution();
        // Saturates after 584 years.
        (self.latest / width)
            .saturating_add(1)
            .saturating_mul(width)
    }

    pub(crate) const fn latest(&self) -> u64 {
        self.latest
    }

    pub(crate) const fn resolution(&self) -> u64 {
        self.tiers[0].width
    }

    pub(crate) const fn steps_back(&self) -> u64 {
        self.steps_back
    }

    /// What was counted in the `window` ticks before the latest, the counters being at `counts`.
    pub(crate) fn window(&self, window: u64, counts: Counts) -> Counts {
        self.at_start_of(window)
            .map_or_else(Counts::default, |(_, start)| counts.since(start))
    }

    /// How much of the `window` before the latest tick is known, and what the counters said as that began.
    pub(crate) fn since_start_of(&self, window: u64, counts: Counts) -> (u64, Counts) {
        match self.at_start_of(window) {
            Some((tick, start)) => (self.latest - tick, start),
            None => (0, counts),
        }
    }

    /// The earliest beginning of a slot that is within `window` before the latest tick and still kept, and what
    /// the counters said then; `None` when there is none, and so nothing in the window.
    ///
    /// The earliest over all tiers, so that a longer window never holds less than a shorter one. A window
    /// never looks back further than it says; it falls short by less than a slot of the finest tier that
    /// reaches so far.
    fn at_start_of(&self, window: u64) -> Option<(u64, Counts)> {
        // Beyond what is kept there is no longer window, however long it all runs.
        let [.., coarsest] = &self.tiers;
        let window = window.min(coarsest.width * coarsest.starts.len() as u64);
        let Some(from) = self.latest.checked_sub(window) else {
            return Some((0, self.base));
        };
        let mut earliest: Option<(u64, Counts)> = None;
        for tier in &self.tiers {
            // Strictly after `from`: at a boundary, the slot that begins there is just outside.
            let first = (from / tier.width).saturating_add(1);
            let slot = first.max(tier.oldest());
            if slot <= tier.current {
                let begins = slot * tier.width;
                if earliest.is_none_or(|(tick, _)| begins < tick) {
                    earliest = Some((begins, tier.start(slot)));
                }
            }
            if slot == first {
                // It reaches so far, and every boundary of a coarser tier is one of this, too.
                break;
            }
        }
        earliest
    }
}

impl Tier {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of the length, which is a usize"
    )]
    const fn begin(&mut self, slot: u64) {
        self.current = slot;
        self.place = (slot % self.starts.len() as u64) as usize;
    }

    const fn oldest(&self) -> u64 {
        self.current.saturating_sub(self.starts.len() as u64 - 1)
    }

    fn start(&self, slot: u64) -> Counts {
        self.starts[self.place(slot)]
    }

    fn start_mut(&mut self, slot: u64) -> &mut Counts {
        let place = self.place(slot);
        &mut self.starts[place]
    }

    /// Where `slot` is, one of those that are kept.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than the length, which is a usize"
    )]
    const fn place(&self, slot: u64) -> usize {
        let back = (self.current - slot) as usize;
        match self.place.checked_sub(back) {
            Some(place) => place,
            None => self.place + self.starts.len() - back,
        }
    }
}
