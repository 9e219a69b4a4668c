//! The share of optional requests that is admitted, decided once a second. Plain memory and integers; the clock is a
//! number of seconds.
//!
//! Property: refusals are in proportion to the fault. A second that burns the budget faster than the pace allows cuts
//! the share by the share of bad events in it, at most by half. The share rises to the whole within 15 s once the
//! failures that were due are missing, or once it was quiet for as long as it had burned. So refusals end within `4 D`
//! after a fault that lasts for `D`, and within `D + 16 s`; at 99.9 % and from 20 requests a second on, within 60 s.
//! `tests/simulation` has the bounds.
//!
//! What is compared with the pace is what was *asked*, refused requests included, so that shedding does not look like
//! recovery, nor few admitted requests like an outage. Slices of time are compared alone, as no refusal takes one away.
//! The time of a window that was not observed counts as busy and well: three failures in the first second of a process
//! are no trend.
//!
//! Rejected: closing to a fixed small share until windows of 5 or 30 minutes have forgotten (a fault of 5 s in a young
//! process is followed by half an hour of refusals); a share by the formula `pace / burn` over a minute (a minute of
//! refusals after each fault); plain additive increase (it admits half of an outage in low traffic).

use crate::gate::{
    episode::{Episode, Results},
    recent::{Recent, Span, Tally},
    rules::{Rules, Window},
};

/// All requests, in millionths.
pub(super) const WHOLE: u32 = 1_000_000;

/// From a share of nothing to the whole.
const LONGEST_RISE: u64 = 15;
/// Parts of the share that a second adds, beside as many parts of 4 %.
const STEEP: u32 = 4;
const GENTLE: u32 = 32;

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
    /// Refusals do not help, and are suspended for these seconds.
    Paused(u64),
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

    /// The second in which the episode began, if there is one.
    pub(super) fn since(&self) -> Option<u64> {
        self.episode.as_ref().map(|episode| episode.first)
    }

    /// Moves on to second `to`, with what was counted until then. What is new belongs to the second after the latest
    /// decision, and the seconds after that were quiet. The last 15 of them decide, which is the longest rise.
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
        // The floor of a gate that was reconfigured may be higher.
        self.share = self.share.max(rules.floor);
        if rules.floor == WHOLE {
            if self.episode.take().is_some() {
                self.recent.forget();
                tell(Turn::Ended, self);
            }
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
