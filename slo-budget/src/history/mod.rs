//! What a budget remembers over a restart.
//!
//! The ticks of a restored ledger continue: the new epoch has the latest tick of the old one plus the downtime by the
//! wall clock, so rings and windows know nothing of restarts.
//!
//! Instances add up by windows and not by slots, as slots are aligned to the start of each process. Each history
//! answers for the same window at the same wall time.

mod codec;
mod restore;

#[cfg(all(test, not(loom)))]
mod tests;

use std::{fmt, fs, io, io::Write as _, path::Path, time::Duration};

use crate::{
    record::ledger::Ledger,
    types::{Counts, duration::ticks},
};

pub use restore::{Restored, Unusable};

/// Everything that a budget remembers, at one moment: to keep over a restart, or to add up the instances of a
/// service.
///
/// Made by [`ErrorBudget::history`](crate::ErrorBudget::history), written by [`to_bytes`](Self::to_bytes) or
/// [`save`](Self::save), read by [`from_bytes`](Self::from_bytes) or
/// [`Builder::restore`](crate::Builder::restore). As bytes it has 37 KB, whatever the traffic.
///
/// # Examples
///
/// The last hour of a service with two instances:
///
/// ```
/// use maestro_slo_budget::{Counts, ErrorBudget, Event, History, Objective};
/// use std::time::Duration;
///
/// let objective = Objective::new(999, 1000).unwrap();
/// let wall = Duration::from_secs(1_700_000_000); // since the Unix epoch
/// let published: Vec<Vec<u8>> = ["a", "b"]
///     .map(|name| {
///         let instance = ErrorBudget::new(name, objective);
///         instance.record(Event::Good);
///         instance.record(Event::Bad);
///         instance.history(wall).to_bytes()
///     })
///     .into();
///
/// let mut hour = Counts::default();
/// for bytes in &published {
///     hour = hour + History::from_bytes(bytes)?.counts(Duration::from_secs(3600), wall);
/// }
/// assert_eq!(hour, Counts::new(2, 2));
/// assert!(objective.burn_rate(hour).unwrap() == "500".parse().unwrap());
/// # Ok::<(), maestro_slo_budget::Unusable>(())
/// ```
#[derive(Clone)]
pub struct History {
    pub(crate) meaning: u64,
    /// The wall clock at the ledger's latest tick, in nanoseconds since the Unix epoch.
    pub(crate) wall: u64,
    pub(crate) counts: Counts,
    pub(crate) ledger: Ledger,
}

impl History {
    /// What was counted in the `window` that ended at `wall`, the time since the Unix epoch. The history assumes
    /// that there were no events after it was made.
    ///
    /// A `wall` before the history was made counts as that moment.
    #[must_use]
    pub fn counts(&self, window: Duration, wall: Duration) -> Counts {
        let ledger = self.ledger_at(wall);
        ledger.window(ticks(window), ledger.counts(self.counts))
    }

    /// What was counted in the period of the calendar that contains `wall`. `None` if the budget follows no
    /// calendar; zero once that period has ended.
    #[must_use]
    pub fn period_counts(&self, wall: Duration) -> Option<Counts> {
        let ledger = self.ledger_at(wall);
        ledger.period_counts(ledger.counts(self.counts))
    }

    /// When it was made, since the Unix epoch.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_nanos(self.wall)
    }

    /// Writes the history as bytes: a version, the counts and a checksum. The format is the same on all machines.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if the bytes are no history, have another version, or are damaged. No bytes cause a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unusable> {
        codec::decode(bytes)
    }

    /// Writes the history to a file, atomically: the file has the old content or the new one, whatever happens
    /// meanwhile. A file beside it, with `.new` appended to its name, is written and flushed first and then
    /// renamed.
    ///
    /// This blocks. Two concurrent calls for the same path damage each other's file.
    ///
    /// # Errors
    ///
    /// Errors of the file system.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(&self.to_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, path)
    }

    /// The tick of its budget's clock at `wall`.
    pub(crate) const fn tick_at(&self, wall: u64) -> u64 {
        let passed = wall.saturating_sub(self.wall);
        self.ledger.latest().saturating_add(passed)
    }

    fn ledger_at(&self, wall: Duration) -> Ledger {
        let mut ledger = self.ledger.clone();
        // Without the time zone the end of the next period is unknown; nothing was counted in it anyway.
        ledger.advance(self.tick_at(ticks(wall)), self.counts, |wall| {
            (wall, u64::MAX)
        });
        ledger
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("wall", &self.wall())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
