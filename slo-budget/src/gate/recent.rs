//! What was asked of a service in the last ten minutes, by seconds.
//!
//! Two rings of cumulative tallies: the end of each of the last 12 seconds, and of each tenth second of the last ten
//! minutes. 1.8 KB. Property: a window is the difference of two tallies. Up to 11 s it is exact; a longer one begins
//! up to 9 s late, with a tenth second, and counts as whole. No window reaches back beyond [`start`](Recent::forget).

/// Cumulative counts. They saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The events counted, good and bad.
    pub(super) counted: u64,
    pub(super) bad: u64,
    /// The requests that the gate refused.
    pub(super) refused: u64,
}

/// The tally of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) tally: Tally,
    /// How many seconds of the window were observed.
    pub(super) seen: u64,
}

/// Exact windows are shorter than this.
const SECONDS: usize = 12;
/// Ten minutes, and both ends.
const TENS: usize = 61;

#[derive(Debug)]
pub(super) struct Recent {
    /// The latest second, counted from when the gate was built.
    now: u64,
    /// The tally at the end of second `s` is at `s % 12`.
    seconds: [Tally; SECONDS],
    /// The tally at the end of second `10 n` is at `n % 61`.
    tens: [Tally; TENS],
    /// No window begins earlier, and the tally then.
    start: u64,
    base: Tally,
}

// === impl Tally ===

impl Tally {
    /// What was asked of the service: of both classes, admitted or not.
    pub(super) const fn asked(self) -> u64 {
        self.counted.saturating_add(self.refused)
    }

    const fn since(self, earlier: Self) -> Self {
        Self {
            counted: self.counted.saturating_sub(earlier.counted),
            bad: self.bad.saturating_sub(earlier.bad),
            refused: self.refused.saturating_sub(earlier.refused),
        }
    }
}

// === impl Recent ===

impl Recent {
    pub(super) const fn new() -> Self {
        let nothing = Tally {
            counted: 0,
            bad: 0,
            refused: 0,
        };
        Self {
            now: 0,
            seconds: [nothing; SECONDS],
            tens: [nothing; TENS],
            start: 0,
            base: nothing,
        }
    }

    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    /// The latest tally.
    pub(super) fn tally(&self) -> Tally {
        self.seconds[place::<SECONDS>(self.now)]
    }

    /// Moves time on to the end of second `now`. All seconds since the last one end with `tally`.
    pub(super) fn advance(&mut self, now: u64, tally: Tally) {
        let next = self.now.saturating_add(1);
        let oldest = now.saturating_sub(SECONDS as u64 - 1);
        for second in next.max(oldest)..=now {
            self.seconds[place::<SECONDS>(second)] = tally;
        }
        let oldest = (now / 10).saturating_sub(TENS as u64 - 1);
        for ten in next.div_ceil(10).max(oldest)..=now / 10 {
            self.tens[place::<TENS>(ten)] = tally;
        }
        self.now = self.now.max(now);
    }

    /// Lets no window reach back beyond this moment.
    pub(super) fn forget(&mut self) {
        (self.start, self.base) = (self.now, self.tally());
    }

    /// The last `window` seconds, at most 600.
    pub(super) fn last(&self, window: u64) -> Span {
        let lived = self.now - self.start;
        if window >= lived {
            return Span {
                tally: self.tally().since(self.base),
                seen: lived,
            };
        }
        // `window` is less than `now`.
        let from = self.now - window;
        let then = if window < SECONDS as u64 {
            self.seconds[place::<SECONDS>(from)]
        } else {
            self.tens[place::<TENS>(from.div_ceil(10))]
        };
        Span {
            tally: self.tally().since(then),
            seen: window,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder of the length, which is a usize"
)]
const fn place<const LEN: usize>(n: u64) -> usize {
    (n % LEN as u64) as usize
}
