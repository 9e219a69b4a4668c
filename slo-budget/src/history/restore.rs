use std::{error::Error, fmt, time::Duration};

use crate::{history::History, record::Settings, types::duration::Spoken};

/// What [`Builder::restore`](crate::Builder::restore) found. Write it to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a budget that has lost its history should say so"]
pub enum Restored {
    /// The budget continues with a history. Nothing was counted during the downtime.
    History {
        /// The time since the history was made, by the wall clock; zero if that has gone back.
        downtime: Duration,
    },
    /// The bytes are unusable, so the budget starts empty.
    Empty(Unusable),
}

/// Why bytes cannot be used as a [`History`](crate::History).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// The bytes are no history: an empty file, or another one.
    NoHistory,
    /// The history has a version that this crate does not know.
    Version(u64),
    /// The history is cut off, or was changed.
    Damaged,
    /// The history was counted under another [`meaning`](crate::Builder::meaning) of good and bad.
    OtherMeaning,
    /// The history was counted at another [`resolution`](crate::Builder::resolution).
    OtherResolution,
    /// The history was counted with another [`budgeting`](crate::Builder::budgeting) method.
    OtherBudgeting,
    /// The family has no room for the key.
    NoRoom,
    /// The family already counts for the key, and continues with those counts.
    InUse,
}

impl History {
    /// Reads a history that a budget with these settings can continue.
    pub(crate) fn usable(bytes: &[u8], settings: &Settings) -> Result<Self, Unusable> {
        let history = Self::from_bytes(bytes)?;
        if history.meaning != settings.meaning {
            Err(Unusable::OtherMeaning)
        } else if history.ledger.resolution() != settings.resolution {
            Err(Unusable::OtherResolution)
        } else if history.ledger.slices() != settings.slices {
            Err(Unusable::OtherBudgeting)
        } else {
            Ok(history)
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
