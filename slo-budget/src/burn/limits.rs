use std::time::Duration;

use crate::{
    burn::outage,
    record::Settings,
    types::{Factor, InvalidConfigKind, duration::ticks},
};

/// A burn rate that a window must stay below, strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "limit", deny_unknown_fields)
)]
pub struct Limit {
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    window: Duration,
    below: Factor,
}

/// A checked limit, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitRule {
    pub(crate) window: u64,
    pub(crate) below: Factor,
}

impl Limit {
    /// The burn rate over `window` must be below `below`.
    #[must_use]
    pub const fn new(window: Duration, below: Factor) -> Self {
        Self { window, below }
    }
}

impl LimitRule {
    pub(crate) fn new(limit: Limit, settings: &Settings) -> Result<Self, InvalidConfigKind> {
        let Limit { window, below } = limit;
        let window = ticks(window);
        settings.check_window(window)?;
        if below.is_zero() {
            return Err(InvalidConfigKind::ZeroLimit);
        }
        if !outage(settings).is_some_and(|burn| burn >= below) {
            return Err(InvalidConfigKind::NeverFires);
        }
        Ok(Self { window, below })
    }
}
