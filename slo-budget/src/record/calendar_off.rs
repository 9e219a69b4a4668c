//! What stands for calendars without the feature `calendar`: there are none.

use std::fmt;

/// A calendar, of which there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Calendar {}

/// The periods of one.
#[derive(Clone, Debug)]
pub(crate) enum Periods {}

impl Calendar {
    pub(crate) fn periods(self) -> Result<Periods, crate::types::InvalidConfig> {
        match self {}
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Periods {
    pub(crate) const fn around(&self, _: u64) -> (u64, u64) {
        match *self {}
    }

    pub(crate) const fn calendar(&self) -> Calendar {
        match *self {}
    }

    pub(crate) const fn fingerprint(&self) -> u64 {
        match *self {}
    }
}
