//! A fault from its first second until the share is whole again: what it was like, and whether refusals help.

use crate::gate::{law::WHOLE, recent::Tally};

/// The seconds for which refusals that do not help are suspended: the first time, and doubled up to the second number.
const PAUSE: (u64, u64) = (60, 600);
/// The burning seconds at a low share after which it is clear whether refusals help.
const TRIAL: u64 = 12;

/// From the first second that burns until the share is whole again and stays so.
#[derive(Debug)]
pub(super) struct Episode {
    pub(super) first: u64,
    /// The latest second with a bad event.
    pub(super) last: u64,
    pub(super) cut_at: Option<u64>,
    /// For how many seconds it burned.
    pub(super) burned: u64,
    /// The results until the latest second that burned, and those since.
    pub(super) fault: Results,
    pub(super) run: Results,
    pub(super) trial: Trial,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Results {
    counted: u64,
    bad: u64,
}

/// Whether shedding lessens the failures: bad events and seconds without shedding, and at a low share.
#[derive(Debug)]
pub(super) struct Trial {
    before: (u64, u64),
    low: (u64, u64),
    pub(super) pause_until: u64,
    pause: u64,
    /// The latest pause has not shown yet what fails without shedding.
    is_new: bool,
}

// === impl Episode ===

impl Episode {
    pub(super) const fn new(first: u64) -> Self {
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

    /// Whether this number of failures was due since it last burned, if the fault went on, and at most a quarter of what
    /// was due came. After a total outage three good results show it; with 3 the chance of an error is 5 %.
    pub(super) fn is_missing(&self, failures: u128) -> bool {
        let counted = u128::from(self.fault.counted);
        let due = u128::from(self.run.counted) * u128::from(self.fault.bad);
        let came = u128::from(self.run.bad).saturating_mul(counted);
        due >= came.saturating_mul(4) && due >= counted.saturating_mul(failures)
    }
}

impl Results {
    pub(super) const fn of(tally: Tally) -> Self {
        Self {
            counted: tally.counted,
            bad: tally.bad,
        }
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.counted = self.counted.saturating_add(more.counted);
        self.bad = self.bad.saturating_add(more.bad);
    }
}

// === impl Trial ===

impl Trial {
    /// Takes down a second that burns. Returns for how long shedding is suspended from now on, if it does not help:
    /// at a low share as much fails as without shedding. Then the failures are not those of optional requests.
    pub(super) fn is_vain(&mut self, now: u64, age: u64, share: u32, bad: u64) -> Option<u64> {
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
