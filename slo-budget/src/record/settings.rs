use std::sync::Arc;

use crate::{
    record::{budgeting_method::SliceRule, period::Periods, rings::SPAN},
    types::{Event, InvalidConfigKind, Objective, few::Few},
};

/// The checked configuration of a budget. Lengths of time are in ticks.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) objective: Objective,
    pub(crate) period: u64,
    pub(crate) resolution: u64,
    /// `None` if each event is counted.
    pub(crate) slices: Option<SliceRule>,
    pub(crate) windows: Few<u64>,
    pub(crate) on_cancel: Event,
    /// A hash of the text that says what good and bad mean.
    pub(crate) meaning: u64,
    /// `None` if the period slides.
    pub(crate) calendar: Option<Arc<dyn Periods>>,
}

impl Settings {
    /// Refuses other settings for a running budget if what was counted would mean something else.
    pub(super) fn check_change(&self, to: &Self) -> Result<(), InvalidConfigKind> {
        let calendar = |settings: &Self| settings.calendar.as_deref().map(Periods::fingerprint);
        for (name, is_same) in [
            ("resolution", self.resolution == to.resolution),
            ("budgeting", self.slices == to.slices),
            ("meaning", self.meaning == to.meaning),
            ("calendar", calendar(self) == calendar(to)),
        ] {
            if !is_same {
                return Err(InvalidConfigKind::Fixed(name));
            }
        }
        Ok(())
    }

    /// What the windows consist of: slots of the finest ring, or slices.
    pub(crate) fn unit(&self) -> u64 {
        self.slices.map_or(self.resolution, |slices| slices.length)
    }

    /// Refuses a window that the history cannot answer for.
    pub(crate) fn check_window(&self, window: u64) -> Result<(), InvalidConfigKind> {
        // The period of a calendar may be longer than the rings reach back.
        let span = u64::from(SPAN);
        let reach = (self.resolution * span).saturating_add(span);
        if window > self.period {
            Err(InvalidConfigKind::WindowLongerThanPeriod)
        } else if window > reach {
            Err(InvalidConfigKind::WindowTooLong)
        } else if window / 2 < self.unit() {
            Err(InvalidConfigKind::WindowTooShort)
        } else {
            Ok(())
        }
    }
}
