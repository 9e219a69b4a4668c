//! The share of optional requests that is admitted, decided once a second. Plain memory and integers; the clock is a
//! number of seconds.
//!
//! Property: refusals are in proportion to the fault. A second that burns the budget faster than the pace allows cuts
//! the share by the share of bad events in it, at most by half. The share rises to the whole within 15 s once the
//! failures that were due are missing, or once it was quiet for as long as it had burned. So a fault of one second is
//! followed by at most 4 s of refusals, and a long one by 16 s, or 60 s in low traffic. `tests/simulation.rs` has the
//! bounds.
//!
//! What is compared with the pace is what was *asked*, refused requests included, so that shedding does not look like
//! recovery, nor few admitted requests like an outage. The time of a window that was not observed counts as busy and
//! well: three failures in the first second of a process are no trend.
//!
//! Rejected: closing to a fixed small share until windows of 5 or 30 minutes have forgotten (a fault of 5 s in a young
//! process is followed by half an hour of refusals); a share by the formula `pace / burn` over a minute (a minute of
//! refusals after each fault); plain additive increase (it admits half of an outage in low traffic).

use std::cmp::Ordering;

use crate::{
    burn::significance::is_unlikely,
    gate::recent::{Recent, Span, Tally},
    record::ledger::Whole,
    types::{Counts, Objective, decimal},
};

/// All requests, in millionths.
pub(super) const WHOLE: u32 = 1_000_000;

/// The windows, in seconds. The shortest in which three bad events keep the pace decides.
const WINDOWS: [u64; 3] = [10, 60, 600];
/// From a share of nothing to the whole.
const LONGEST_RISE: u64 = 15;
/// Parts of the share that a second adds, beside as many parts of 4 %.
const STEEP: u32 = 4;
const GENTLE: u32 = 32;
/// Shedding that does not help is suspended for so many seconds; doubled each time up to the second number.
const PAUSE: (u64, u64) = (60, 600);
/// After so many burning seconds at a low share it is clear whether shedding helps.
const TRIAL: u64 = 12;

/// The checked numbers of the law.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) objective: Objective,
    /// The highest burn rate that is allowed, in thousandths.
    pub(super) fastest: u32,
    /// The lowest share, in millionths.
    pub(super) floor: u32,
    /// For how many seconds after a cut results still come from before it.
    pub(super) grace: u64,
    pub(super) min_bad: u64,
    pub(super) evidence: f64,
}

#[derive(Debug)]
pub(super) struct Law {
    recent: Recent,
    share: u32,
    episode: Option<Episode>,
    figures: Figures,
}

/// Pace and burn rate when the budget last burned too fast, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) pace: u32,
    /// `u32::MAX` stands for infinite.
    pub(super) burn: u32,
}

/// A turn of events that listeners are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Begun,
    Ended,
    /// Shedding does not help, and is suspended for so many seconds.
    Paused(u64),
}

/// From the first second that burns until the share is whole again and stays so.
#[derive(Debug)]
struct Episode {
    first: u64,
    /// The latest second with a bad event.
    last: u64,
    cut_at: Option<u64>,
    /// For how many seconds it burned.
    burned: u64,
    /// The results until the latest second that burned, and those since.
    fault: Results,
    run: Results,
    trial: Trial,
}

#[derive(Clone, Copy, Debug, Default)]
struct Results {
    counted: u64,
    bad: u64,
}

/// Whether shedding lessens the failures: bad events and seconds without shedding, and at a low share.
#[derive(Debug)]
struct Trial {
    before: (u64, u64),
    low: (u64, u64),
    pause_until: u64,
    pause: u64,
    /// The latest pause has not shown yet what fails without shedding.
    is_new: bool,
}

/// The window that decides.
struct Window {
    seconds: u64,
    span: Span,
}

// === impl Rules ===

impl Rules {
    /// The burn rate that is allowed now, in thousandths, rounded down: the fastest at the start of a period, 1 when its
    /// budget is spent, and in between in proportion to what is left. So the budget lasts for its period divided by the
    /// fastest, and a spent budget is burned no faster than it is earned.
    pub(super) fn pace(&self, whole: &Whole) -> u32 {
        const ALL: u128 = 1_000_000_000;
        let (spent, budget) = self.terms(whole.counts.bad(), whole.counts.total());
        let coverage = decimal::scaled(ALL, whole.observed.into(), whole.length.into());
        let consumed = decimal::scaled(ALL, spent, budget).saturating_mul(coverage) / ALL;
        let left = ALL.saturating_sub(consumed);
        let pace = u128::from(self.fastest) * left / ALL;
        u32::try_from(pace).unwrap_or(u32::MAX).max(1000)
    }

    /// Bad events and their budget among `asked`, both times the denominator of the objective. Below 2^125.
    fn terms(&self, bad: u64, asked: u128) -> (u128, u128) {
        (
            u128::from(bad) * u128::from(self.objective.of()),
            asked * u128::from(self.objective.budget()),
        )
    }

    fn window(&self, recent: &Recent, pace: u32) -> Window {
        let [short, middle, long] = WINDOWS.map(|seconds| Window {
            seconds,
            span: recent.last(seconds),
        });
        let holds_three = |window: &Window| {
            let (_, budget) = self.terms(0, window.span.tally.asked().into());
            let three = 3000 * u128::from(self.objective.of());
            decimal::compare_products(budget, pace.into(), three, 1) != Ordering::Less
        };
        if holds_three(&short) {
            short
        } else if holds_three(&middle) {
            middle
        } else {
            long
        }
    }

    /// Whether a window of `seconds` burned faster than the pace, had the time in it that was not observed been as busy
    /// and well.
    fn is_over(&self, pace: u32, tally: Tally, seen: u64, seconds: u64) -> bool {
        let (bad, budget) = self.terms(tally.bad, tally.asked().into());
        let (seen, allowed) = (
            1000 * u128::from(seen),
            u128::from(pace) * u128::from(seconds),
        );
        decimal::compare_products(bad, seen, budget, allowed) == Ordering::Greater
    }

    /// Whether the bad events are enough, and no chance.
    fn is_evident(&self, window: &Window) -> bool {
        let Span { tally, seen } = window.span;
        let counted =
            u128::from(tally.counted) * u128::from(window.seconds) / u128::from(seen.max(1));
        let counted = u64::try_from(counted).unwrap_or(u64::MAX);
        let counts = Counts::new(counted.saturating_sub(tally.bad), tally.bad);
        tally.bad >= self.min_bad && is_unlikely(self.objective, counts, self.evidence)
    }

    fn burn(&self, tally: Tally) -> u32 {
        let (bad, budget) = self.terms(tally.bad, tally.asked().into());
        u32::try_from(decimal::scaled(1000, bad, budget)).unwrap_or(u32::MAX)
    }
}

// === impl Law ===

impl Law {
    pub(super) const fn new() -> Self {
        Self {
            recent: Recent::new(),
            share: WHOLE,
            episode: None,
            figures: Figures { pace: 0, burn: 0 },
        }
    }

    /// The admitted share, in millionths.
    pub(super) const fn share(&self) -> u32 {
        self.share
    }

    pub(super) const fn figures(&self) -> Figures {
        self.figures
    }

    /// The latest second.
    pub(super) const fn now(&self) -> u64 {
        self.recent.now()
    }

    /// The latest tally.
    pub(super) fn tally(&self) -> Tally {
        self.recent.tally()
    }

    /// The second in which the episode began, if one is under way.
    pub(super) fn since(&self) -> Option<u64> {
        self.episode.as_ref().map(|episode| episode.first)
    }

    /// Moves on to second `to`, with what was counted until then. What is new belongs to the second after the latest
    /// decision, and the seconds after that were quiet; so many of them count as a rise can need.
    pub(super) fn advance(
        &mut self,
        rules: &Rules,
        pace: u32,
        to: u64,
        tally: Tally,
        mut tell: impl FnMut(Turn, &Self),
    ) {
        let Some(first) = self.now().checked_add(1).filter(|first| *first <= to) else {
            return;
        };
        self.recent.advance(first, tally);
        self.second(rules, pace, &mut tell);
        let skip = to.saturating_sub(LONGEST_RISE).max(first);
        self.recent.advance(skip, tally);
        for second in skip + 1..=to {
            self.recent.advance(second, tally);
            self.second(rules, pace, &mut tell);
        }
    }

    fn second(&mut self, rules: &Rules, pace: u32, tell: &mut impl FnMut(Turn, &Self)) {
        let Span { tally, .. } = self.recent.last(1);
        if tally.bad == 0 && self.episode.is_none() {
            return;
        }
        let window = rules.window(&self.recent, pace);
        let Window { seconds, span } = window;
        let is_over = rules.is_over(pace, span.tally, span.seen, seconds);
        let short = self.recent.last((seconds / 12).max(1)).tally;
        let burns = tally.bad > 0 && rules.is_over(pace, short, 1, 1);
        if is_over && burns && rules.is_evident(&window) {
            self.figures = Figures {
                pace,
                burn: rules.burn(span.tally),
            };
            self.burn(rules, tally, span, tell);
        } else if self.episode.is_some() {
            self.recover(is_over, tally, seconds, tell);
        }
    }

    /// A second that burns.
    fn burn(
        &mut self,
        rules: &Rules,
        tally: Tally,
        span: Span,
        tell: &mut impl FnMut(Turn, &Self),
    ) {
        let now = self.now();
        let has_begun = self.episode.is_none();
        let episode = self.episode.get_or_insert_with(|| Episode::new(now));
        let in_window = u128::from(span.seen) * u128::from(span.tally.bad);
        let in_window = in_window.div_ceil(u128::from(span.tally.counted.max(1)));
        let in_window = u64::try_from(in_window).unwrap_or(u64::MAX);
        episode.burned = (episode.burned).max(now - episode.first + 1).max(in_window);
        episode.fault.add(episode.run);
        episode.fault.add(Results::of(tally));
        episode.run = Results::default();
        episode.last = now;
        if now < episode.trial.pause_until {
            self.share = risen(self.share, STEEP);
        } else if episode.cut_at.is_none_or(|cut| now - cut > rules.grace) {
            episode.cut_at = Some(now);
            self.share = cut(self.share, tally).max(rules.floor);
        }
        let is_vain = episode
            .trial
            .is_vain(now, now - episode.first, self.share, tally.bad);
        if has_begun {
            tell(Turn::Begun, self);
        }
        if let Some(pause) = is_vain {
            tell(Turn::Paused(pause), self);
        }
    }

    /// A second of an episode that does not burn.
    fn recover(
        &mut self,
        is_over: bool,
        tally: Tally,
        window: u64,
        tell: &mut impl FnMut(Turn, &Self),
    ) {
        let now = self.now();
        let Some(episode) = &mut self.episode else {
            return;
        };
        episode.run.add(Results::of(tally));
        if tally.bad > 0 {
            episode.last = now;
        }
        let quiet = now - episode.last;
        let is_well = episode.is_missing(3) || quiet >= episode.burned.min(window);
        if is_well {
            self.share = risen(self.share, STEEP);
        } else if !is_over {
            // The fault goes on within the pace: a steep rise would swing.
            self.share = risen(self.share, GENTLE);
        }
        if self.share == WHOLE && (episode.is_missing(5) || quiet >= window) {
            self.episode = None;
            self.recent.forget();
            tell(Turn::Ended, self);
        }
    }

    /// When to try again, in seconds: when the share is whole if nothing fails any more, and one more. 0 if it is whole.
    pub(super) fn rise(share: u32) -> u8 {
        let (mut share, mut seconds) = (share, 0);
        while share < WHOLE {
            share = risen(share, STEEP);
            seconds += 1;
        }
        seconds + u8::from(seconds > 0)
    }
}

/// The share after a second of rise.
fn risen(share: u32, part: u32) -> u32 {
    WHOLE.min(share + share / part + 40_000 / part)
}

/// The share after a second that burns: the share of its events that went well, and at least half, remains.
fn cut(share: u32, second: Tally) -> u32 {
    let all = u128::from(second.counted) + 1;
    let keep = (all.saturating_sub(second.bad.into()) * u128::from(WHOLE) / all)
        .max(u128::from(WHOLE / 2));
    let left = u128::from(share) * keep / u128::from(WHOLE);
    u32::try_from(left).unwrap_or(WHOLE)
}

// === impl Episode ===

impl Episode {
    const fn new(first: u64) -> Self {
        const NOTHING: Results = Results { counted: 0, bad: 0 };
        Self {
            first,
            last: first,
            cut_at: None,
            burned: 0,
            fault: NOTHING,
            run: NOTHING,
            trial: Trial {
                before: (0, 0),
                low: (0, 0),
                pause_until: 0,
                pause: PAUSE.0,
                is_new: false,
            },
        }
    }

    /// Whether so many failures were due since it last burned, if the fault went on, and at most a quarter of what was
    /// due came. After a total outage three good results show it; with 3 the chance of an error is 5 %.
    fn is_missing(&self, failures: u128) -> bool {
        let counted = u128::from(self.fault.counted);
        let due = u128::from(self.run.counted) * u128::from(self.fault.bad);
        let came = u128::from(self.run.bad).saturating_mul(counted);
        due >= came.saturating_mul(4) && due >= counted.saturating_mul(failures)
    }
}

impl Results {
    const fn of(tally: Tally) -> Self {
        Self {
            counted: tally.counted,
            bad: tally.bad,
        }
    }

    const fn add(&mut self, more: Self) {
        self.counted = self.counted.saturating_add(more.counted);
        self.bad = self.bad.saturating_add(more.bad);
    }
}

// === impl Trial ===

impl Trial {
    /// Takes down a second that burns. Returns for how long shedding is suspended from now on, if it does not help:
    /// at a low share as much fails as without shedding. Then the failures are not those of optional requests.
    fn is_vain(&mut self, now: u64, age: u64, share: u32, bad: u64) -> Option<u64> {
        let add = |to: &mut (u64, u64)| *to = (to.0.saturating_add(bad), to.1 + 1);
        if age <= 1 {
            // What ends now was admitted before there was any shedding.
            add(&mut self.before);
            return None;
        }
        if now < self.pause_until {
            if share == WHOLE {
                if std::mem::take(&mut self.is_new) {
                    self.before = (0, 0);
                }
                add(&mut self.before);
            }
            return None;
        }
        if share > WHOLE / 4 {
            self.low = (0, 0);
            return None;
        }
        add(&mut self.low);
        if self.low.1 < TRIAL {
            return None;
        }
        let ((bad, seconds), (low_bad, low_seconds)) = (self.before, std::mem::take(&mut self.low));
        let product =
            |a: u64, b: u64, factor: u128| (u128::from(a) * u128::from(b)).saturating_mul(factor);
        if bad < 3 || product(low_bad, seconds, 20) < product(bad, low_seconds, 17) {
            return None;
        }
        let pause = self.pause;
        self.pause_until = now.saturating_add(pause);
        self.pause = (pause * 2).min(PAUSE.1);
        self.is_new = true;
        Some(pause)
    }
}
