//! The numbers of the law, as a file has them.

use std::time::Duration;

#[cfg(feature = "serde")]
use super::{Gradient2, Learnt, Limit};
#[cfg(feature = "serde")]
use crate::types::InvalidConfig;

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename = "gradient2", default, deny_unknown_fields)
)]
pub(super) struct Numbers {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) tolerance: f64,
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub(super) memory: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration::option"))]
    pub(super) healthy: Option<Duration>,
}

impl Numbers {
    pub(super) const DEFAULT: Self = Self {
        min: 1,
        max: 1_000,
        tolerance: 1.5,
        memory: Duration::from_secs(180),
        healthy: None,
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(feature = "serde")]
impl TryFrom<crate::config::Table<Numbers>> for Gradient2 {
    type Error = InvalidConfig;

    fn try_from(read: crate::config::Table<Numbers>) -> Result<Self, InvalidConfig> {
        let numbers = read.0;
        let learnt = Learnt::NOTHING;
        let law = Self { numbers, learnt };
        law.check().map(|()| law)
    }
}

#[cfg(feature = "serde")]
impl From<Gradient2> for Numbers {
    fn from(law: Gradient2) -> Self {
        law.numbers
    }
}
