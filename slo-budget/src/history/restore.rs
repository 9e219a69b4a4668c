use std::{error::Error, fmt, time::Duration};

use crate::{
    budget::{ErrorBudget, Settings},
    history::History,
    record::timeslices::Slices,
    types::duration::{Spoken, ticks},
};

/// What [`Builder::restore`](crate::Builder::restore) found: to be said in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a budget that has lost its history should say so"]
pub enum Restored {
    /// The history. It was made so long ago, and since then nothing was counted.
    History {
        /// For how long, by the wall clock; zero when that has gone back meanwhile.
        downtime: Duration,
    },
    /// Nothing of use, so the budget begins empty.
    Empty(Unusable),
}

/// Why bytes are of no use as a [`History`](crate::History).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// They are no history: an empty file, or another one.
    NoHistory,
    /// They are one of a version that is not known here.
    Version(u64),
    /// They are cut off, or were changed.
    Damaged,
    /// They were counted under another [`meaning`](crate::Builder::meaning) of good and bad.
    OtherMeaning,
    /// They were counted at another [`resolution`](crate::Builder::resolution).
    OtherResolution,
    /// They count events where now slices are counted, other slices, or the other way round:
    /// [`budgeting`](crate::Builder::budgeting).
    OtherBudgeting,
    /// They are of a key for which a family has no room.
    NoRoom,
    /// They are of a key that counts already, and goes on with that.
    InUse,
}

impl ErrorBudget {
    /// Goes on with the history in `bytes`, if that is of use with these settings, and begins empty if not.
    pub(crate) fn restoring(
        name: &'static str,
        settings: Settings,
        bytes: &[u8],
        wall: Duration,
    ) -> (Self, Restored) {
        let usable = History::from_bytes(bytes).and_then(|history| {
            if history.meaning != settings.meaning {
                Err(Unusable::OtherMeaning)
            } else if history.ledger.rings().resolution() != settings.resolution {
                Err(Unusable::OtherResolution)
            } else if history.ledger.slices().map(Slices::rule) != settings.slices {
                Err(Unusable::OtherBudgeting)
            } else {
                Ok(history)
            }
        });
        match usable {
            Ok(history) => {
                let downtime = wall.saturating_sub(history.wall());
                let budget = Self::resuming(name, settings, history, ticks(wall));
                (budget, Restored::History { downtime })
            }
            Err(why) => (
                Self::starting(name, settings, ticks(wall)),
                Restored::Empty(why),
            ),
        }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::History { downtime } => write!(f, "history restored after {}", Spoken(*downtime)),
            Self::Empty(why) => write!(f, "the budget begins empty: {why}"),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHistory => f.write_str("these bytes are no history of an error budget"),
            Self::Version(version) => write!(f, "a history of the unknown version {version}"),
            Self::Damaged => f.write_str("the history is cut off, or was changed"),
            Self::OtherMeaning => {
                f.write_str("the history was counted under another meaning of good and bad")
            }
            Self::OtherResolution => f.write_str("the history was counted at another resolution"),
            Self::OtherBudgeting => {
                f.write_str("the history counted events or slices otherwise than now")
            }
            Self::NoRoom => f.write_str("the family has no room for another key"),
            Self::InUse => f.write_str("the key counts already, and goes on with that"),
        }
    }
}

impl Error for Unusable {}
