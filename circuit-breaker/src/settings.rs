use crate::{OnCancel, ratio::Ratio};

/// The numbers of a circuit as its core wants them: checked, in ticks (nanoseconds) below [`NEVER`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// What failures are measured against, in the window and among probes.
    pub(crate) ratio: Ratio,
    /// Where a ratio opens the circuit: over how long a bucket, and from how many calls.
    pub(crate) window: Option<Measured>,
    /// How many failures in a row open the circuit; 0 where they do not.
    pub(crate) in_a_row: u32,
    pub(crate) wait: u64,
    pub(crate) results: u32,
    pub(crate) in_flight: u8,
    pub(crate) probe_time: u64,
    pub(crate) on_cancel: OnCancel,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) bucket: u64,
    pub(crate) minimum: u32,
}

/// The last tick, 36 years of 365 days after the first: later instants and longer durations are taken
/// for this one. Below 2^60, as a lease keeps four bits for other things.
pub(crate) const NEVER: u64 = 36 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// `now` and `ticks` later.
pub(crate) const fn after(now: u64, ticks: u64) -> u64 {
    // Both are at most NEVER: no overflow.
    if now + ticks < NEVER {
        now + ticks
    } else {
        NEVER
    }
}
