//! What a budget remembers over a restart.

pub(crate) mod bytes;
mod codec;
mod restore;

pub use restore::{Restored, Unusable};

use std::{fmt, fs, io, io::Write as _, path::Path, time::Duration};

use crate::{
    history::bytes::{Reader, checksum},
    record::ledger::Ledger,
    types::{Counts, duration::ticks},
};

/// All that a budget remembers, at one moment: what to keep over a restart, or to send to whoever adds up
/// the instances of a service.
///
/// Made by [`ErrorBudget::history`](crate::ErrorBudget::history), written by [`to_bytes`](Self::to_bytes) or
/// [`save`](Self::save), read by [`from_bytes`](Self::from_bytes) or
/// [`Builder::restore`](crate::Builder::restore). 37 KB, whatever the traffic.
///
/// # Examples
///
/// Two instances, each asked for its last hour, are one service:
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
    /// Of the wall clock, in nanoseconds since the Unix epoch, at the ledger's latest tick.
    pub(crate) wall: u64,
    pub(crate) counts: Counts,
    pub(crate) ledger: Ledger,
}

const MAGIC: u64 = u64::from_le_bytes(*b"maestSLO");
/// Of the format below; whatever changes it takes the next one.
const VERSION: u64 = 2;

impl History {
    /// What was counted in the `window` that ended at `wall`, the time since the Unix epoch. Between when it
    /// was made and then there were no events, for all it knows.
    ///
    /// A `wall` before it was made counts as then.
    #[must_use]
    pub fn counts(&self, window: Duration, wall: Duration) -> Counts {
        let ledger = self.ledger_at(wall);
        ledger
            .rings()
            .window(ticks(window), ledger.counts(self.counts))
    }

    /// What was counted in the period of the calendar that `wall` is in, as far as it was seen; `None` where the budget follows no
    /// calendar, and nothing once that period has ended.
    #[must_use]
    pub fn period_counts(&self, wall: Duration) -> Option<Counts> {
        let ledger = self.ledger_at(wall);
        let counts = ledger.counts(self.counts);
        ledger.period().map(|period| counts.since(period.base))
    }

    fn ledger_at(&self, wall: Duration) -> Ledger {
        let mut ledger = self.ledger.clone();
        // Without its zone nobody knows when the next period ends; nothing will have been counted in it.
        ledger.advance(self.tick_at(ticks(wall)), self.counts, |wall| {
            (wall, u64::MAX)
        });
        ledger
    }

    /// When it was made, since the Unix epoch.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_nanos(self.wall)
    }

    /// What the clock of its budget shows at `wall`.
    pub(crate) const fn tick_at(&self, wall: u64) -> u64 {
        let passed = wall.saturating_sub(self.wall);
        self.ledger.rings().latest().saturating_add(passed)
    }

    /// As bytes: a version, the counts, and a checksum. In the same form on all machines.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut words = vec![MAGIC, VERSION, self.meaning, self.wall];
        words.extend([self.counts.good, self.counts.bad]);
        self.ledger.write(&mut words);
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let sum = checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// [`Unusable`] when they are not such bytes, of another version, or damaged. No bytes make it panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unusable> {
        let mut words = Reader::new(bytes);
        if words.next() != Some(MAGIC) {
            return Err(Unusable::NoHistory);
        }
        match words.next() {
            Some(VERSION) => {}
            Some(version) => return Err(Unusable::Version(version)),
            None => return Err(Unusable::Damaged),
        }
        let intact = bytes.split_last_chunk().is_some_and(|(content, sum)| {
            bytes.len() % 8 == 0 && checksum(content) == u64::from_le_bytes(*sum)
        });
        let mut read = || {
            let (meaning, wall) = (words.next()?, words.next()?);
            let counts = words.counts()?;
            let ledger = Ledger::read(&mut words)?;
            // And the checksum.
            (words.len() == 1).then_some(Self {
                meaning,
                wall,
                counts,
                ledger,
            })
        };
        read().filter(|_| intact).ok_or(Unusable::Damaged)
    }

    /// Writes it to a file so that there is the old one or the new one, whatever happens meanwhile: to a file
    /// beside it (`.new` at the end), which is flushed to the disk and then takes its name.
    ///
    /// It blocks. Two at a time for the same path would spoil each other's file.
    ///
    /// # Errors
    ///
    /// What the file system says.
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
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("wall", &self.wall())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
