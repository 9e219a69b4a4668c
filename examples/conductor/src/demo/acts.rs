//! What is played, and how long.

use std::path::Path;
use std::time::Duration;

use super::lock::Lock;
use super::promises::Broken;
use super::tally::Tally;
use crate::{Fault, Peer, Server};

pub(super) const WARM_UP: &str = "healthy";

/// A fault that is really injected.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    PeerClosed,
    PeerStalls,
    PeerFails,
    StoreLocked,
}

/// A fault that lasts until it is healed.
#[derive(Debug)]
pub(super) enum Lasting<'a> {
    Peer(&'a Peer),
    Store(Lock),
}

/// How long, and how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) healthy: Duration,
    pub(super) fault: Duration,
    pub(super) healed: Duration,
    /// More than that at most, where what is to happen has not.
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

    /// The breaker that is to open.
    pub(super) const fn breaker(self) -> &'static str {
        match self {
            Self::StoreLocked => "store-write",
            _ => "dispatch",
        }
    }

    /// Whether its phase has seen the breaker open.
    pub(super) fn has_opened(self, phase: &Tally) -> bool {
        phase.entered(&format!("{} open", self.breaker()))
    }

    /// Whether its phase has seen runs go where this fault sends them: into the queue, or, the store being
    /// what fails, nowhere, until the gate refuses them at the door.
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

    /// Without the last recovery, which takes as long as it takes.
    pub(super) fn whole(self) -> Duration {
        let acts = u32::try_from(Act::ALL.len()).expect("four");
        self.healthy + (self.fault + self.healed) * acts
    }
}
