//! The acts of the demo and their lengths.

use std::path::Path;
use std::time::Duration;

use super::lock::Lock;
use super::promises::Broken;
use super::tally::Tally;
use crate::{Fault, Peer, Server};

pub(super) const WARM_UP: &str = "healthy";

/// An act: a fault that is injected and healed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    PeerClosed,
    PeerStalls,
    PeerFails,
    StoreLocked,
}

/// An injected fault. It lasts until it is healed.
#[derive(Debug)]
pub(super) enum Lasting<'a> {
    Peer(&'a Peer),
    Store(Lock),
}

/// The lengths of the phases and the rate of the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) healthy: Duration,
    pub(super) fault: Duration,
    pub(super) healed: Duration,
    /// The longest extension of a phase that has not shown what it is meant to show.
    pub(super) recovery: Duration,
    pub(super) per_second: u32,
}

// === impl Act ===

impl Act {
    pub(super) const ALL: [Self; 4] = [
        Self::PeerClosed,
        Self::PeerStalls,
        Self::PeerFails,
        Self::StoreLocked,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PeerClosed => "peer closed",
            Self::PeerStalls => "peer stalls",
            Self::PeerFails => "peer answers 500",
            Self::StoreLocked => "store locked",
        }
    }

    pub(super) const fn healed(self) -> &'static str {
        match self {
            Self::PeerClosed => "… healed (closed)",
            Self::PeerStalls => "… healed (stalls)",
            Self::PeerFails => "… healed (500)",
            Self::StoreLocked => "… healed (locked)",
        }
    }

    pub(super) const fn announcement(self) -> &'static str {
        match self {
            Self::PeerClosed => "the peer's listener is closed and its connections are cut",
            Self::PeerStalls => "the peer takes requests and answers none",
            Self::PeerFails => "the peer answers 500 to everything",
            Self::StoreLocked => "a second connection holds an exclusive lock on the database",
        }
    }

    /// The breaker that the fault must open.
    pub(super) const fn breaker(self) -> &'static str {
        match self {
            Self::StoreLocked => "store-write",
            _ => "dispatch",
        }
    }

    /// Whether the breaker opened in the phase.
    pub(super) fn has_opened(self, phase: &Tally) -> bool {
        phase.entered(&format!("{} open", self.breaker()))
    }

    /// Whether runs were held back in the phase as this fault must: queued, or, if the store fails, refused by the
    /// gate.
    pub(super) fn has_held_back(self, phase: &Tally) -> bool {
        match self {
            Self::StoreLocked => phase.rejected.contains_key("gate"),
            _ => !phase.queued.is_empty(),
        }
    }

    pub(super) fn has_shown(self, phase: &Tally) -> bool {
        self.has_opened(phase) && self.has_held_back(phase)
    }

    pub(super) async fn inject<'a>(
        self,
        server: &'a Server,
        database: &Path,
    ) -> Result<Lasting<'a>, Broken> {
        let fault = match self {
            Self::PeerClosed => Fault::Closed,
            Self::PeerStalls => Fault::Stalled,
            Self::PeerFails => Fault::Failing,
            Self::StoreLocked => {
                let database = database.to_owned();
                let lock = tokio::task::spawn_blocking(move || Lock::take(&database)).await;
                let lock = lock.expect("taking a lock does not panic");
                return Ok(Lasting::Store(lock.map_err(Broken::lock)?));
            }
        };
        let peer = server.peer().expect("the demo's peer is in this process");
        peer.set(fault).await;
        Ok(Lasting::Peer(peer))
    }
}

impl Lasting<'_> {
    pub(super) async fn heal(self) {
        match self {
            Self::Peer(peer) => peer.set(Fault::None).await,
            Self::Store(lock) => drop(lock),
        }
    }
}

// === impl Pace ===

impl Pace {
    pub(super) const FULL: Self = Self {
        healthy: Duration::from_secs(6),
        fault: Duration::from_secs(9),
        healed: Duration::from_secs(5),
        recovery: Duration::from_mins(1),
        per_second: 45,
    };

    pub(super) const QUICK: Self = Self {
        healthy: Duration::from_secs(2),
        fault: Duration::from_secs(3),
        healed: Duration::from_secs(2),
        ..Self::FULL
    };

    /// The length of all phases without the last recovery, which has no fixed length.
    pub(super) fn whole(self) -> Duration {
        let acts = u32::try_from(Act::ALL.len()).expect("four");
        self.healthy + (self.fault + self.healed) * acts
    }
}
