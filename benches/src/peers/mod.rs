//! Other crates that do the same work, measured like ours: the columns of `report --peers`.
//!
//! A comparison names our rows and has a row for each peer. A peer has its best configuration for the work of the row,
//! its layer is created outside the loop, and a test checks that the path is the one that the name says. A peer that is
//! no tower service is driven as its documentation shows, without an adapter to one. A peer keeps its own error
//! type.

mod adapt;
mod adaptive;
#[cfg(feature = "behaviour")]
pub mod behaviour;
mod breaker;
mod bulkhead;
mod document;
mod retry;
mod stack;
mod timeout;

use std::fmt;

pub use document::{Document, Table};

use crate::{Row, Subject};

/// A crate of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// backon.
    Backon,
    /// failsafe.
    Failsafe,
    /// recloser.
    Recloser,
    /// seatbelt, with the traits of layered and the clock of tick.
    Seatbelt,
    /// The primitives of tokio, used by hand: a semaphore, `timeout`.
    Tokio,
    /// The layers of tower.
    Tower,
    /// tower-acc.
    TowerAcc,
    /// The crates of tower-resilience.
    TowerResilience,
    /// The layers of tower, and recloser as their breaker.
    TowerAndRecloser,
}

/// A row of the table: ours and the peers' that do the same.
#[non_exhaustive]
pub struct Comparison {
    /// What is compared.
    pub name: &'static str,
    /// The name of our row whose state is behind an `Arc`.
    pub shared: &'static str,
    /// The name of our row whose state is a `static`, if there is one.
    pub fixed: Option<&'static str>,
    /// The rows of the peers.
    pub peers: Vec<Row>,
    /// The peers that do less, so that the others are not compared with them.
    pub lesser: &'static [Peer],
    /// The peers that are measured on one thread only: on two they answer "not ready", and wait for a timer.
    pub alone: &'static [Peer],
    /// What a reader must know to compare them.
    pub notes: Vec<&'static str>,
}

/// Every comparison, in the order of the table.
#[must_use]
pub fn comparisons() -> Vec<Comparison> {
    [
        breaker::comparisons(),
        retry::comparisons(),
        bulkhead::comparisons(),
        adaptive::comparisons(),
        timeout::comparisons(),
        stack::comparisons(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every row of a peer, floors first.
#[must_use]
pub fn rows() -> Vec<Row> {
    let peers = comparisons().into_iter().flat_map(|row| row.peers);
    adapt::floors().into_iter().chain(peers).collect()
}

// === impl Peer ===

impl Peer {
    /// Every peer, in the order of the columns.
    pub const ALL: [Self; 9] = [
        Self::Tower,
        Self::Recloser,
        Self::TowerAndRecloser,
        Self::Failsafe,
        Self::Seatbelt,
        Self::TowerResilience,
        Self::TowerAcc,
        Self::Backon,
        Self::Tokio,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backon => "backon",
            Self::Failsafe => "failsafe",
            Self::Recloser => "recloser",
            Self::Seatbelt => "seatbelt",
            Self::Tokio => "tokio, by hand",
            Self::Tower => "tower",
            Self::TowerAcc => "tower-acc",
            Self::TowerResilience => "tower-resilience",
            Self::TowerAndRecloser => "tower + recloser",
        }
    }

    /// The name of the crate that it is of.
    #[must_use]
    pub const fn library(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            _ => self.name(),
        }
    }

    /// Its version, from `Cargo.lock`.
    #[must_use]
    pub fn version(self) -> String {
        let of = |name| locked(name).unwrap_or_default().to_owned();
        match self {
            Self::TowerResilience => of("tower-resilience-core"),
            Self::TowerAndRecloser => format!("{} + {}", of("tower"), of("recloser")),
            _ => of(self.library()),
        }
    }
}

// === impl Comparison ===

impl Comparison {
    fn new(name: &'static str, shared: &'static str, fixed: Option<&'static str>) -> Self {
        Self {
            name,
            shared,
            fixed,
            peers: Vec::new(),
            lesser: &[],
            alone: &[],
            notes: Vec::new(),
        }
    }

    fn peer(mut self, peer: Peer, row: Row) -> Self {
        self.peers.push(row.of(Subject::Peer(peer)));
        self
    }

    fn lesser(self, lesser: &'static [Peer]) -> Self {
        Self { lesser, ..self }
    }

    fn alone(self, alone: &'static [Peer]) -> Self {
        Self { alone, ..self }
    }

    fn note(mut self, note: &'static str) -> Self {
        self.notes.push(note);
        self
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The version of a crate in `Cargo.lock`. Only one version of each peer is in it.
fn locked(name: &str) -> Option<&'static str> {
    let (_, entry) = include_str!("../../../Cargo.lock")
        .split_once(&format!("name = \"{name}\"\nversion = \""))?;
    entry.split('"').next()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{adapt::FUTURE, *};
    use crate::{
        Answers, Kind,
        inner::ended,
        rows::{
            self as ours,
            floors::{READY, REFUSED},
        },
    };

    #[test]
    fn every_peer_takes_the_path_of_its_row() {
        for row in rows() {
            let requests = 1600;
            let bad = row.bad_in_1600;
            let good = requests - bad;
            assert_eq!(
                row.make().answers(requests),
                Answers { good, bad },
                "{row:?}"
            );
        }
    }

    #[test]
    fn a_row_of_a_peer_does_what_ours_does() {
        let ours = ours::all();
        for comparison in comparisons() {
            for name in [Some(comparison.shared), comparison.fixed]
                .into_iter()
                .flatten()
            {
                let our = ours.iter().find(|row| row.name == name);
                let our = our.unwrap_or_else(|| panic!("there is no row `{name}`"));
                // A call that a breaker or a bulkhead refuses never ends, so refusals are told apart from failures.
                for peer in &comparison.peers {
                    assert_eq!(ends(peer), ends(our), "{peer:?} and {our:?}");
                }
            }
        }
    }

    #[test]
    fn no_refusal_stands_on_a_floor_that_calls() {
        let refuses = |row: &Row| row.bad_in_1600 == 1600 && ends(row).1 == 0;
        let all: Vec<_> = ours::all().into_iter().chain(rows()).collect();
        for row in all.iter().filter(|row| row.floor == Some(REFUSED)) {
            assert!(refuses(row), "{row:?} refuses nothing");
        }
        let calls = |floor| [READY, FUTURE].contains(&floor);
        for row in all.iter().filter(|row| row.floor.is_some_and(calls)) {
            assert!(
                !refuses(row),
                "{row:?} subtracts a call that it never makes"
            );
        }
    }

    /// The answers to 1,600 requests, and the calls of the inner service.
    fn ends(row: &Row) -> (Answers, u64) {
        let mut measured = row.make();
        ended(|| measured.answers(1600))
    }

    #[test]
    fn names_and_floors_of_peers_are_as_in_other_rows() {
        let all: Vec<_> = ours::all().into_iter().chain(rows()).collect();
        let mut names = HashSet::new();
        for row in &all {
            assert!(names.insert(row.name), "{row:?} is there twice");
        }
        for row in all.iter().filter(|row| row.kind != Kind::Floor) {
            let floor = row.floor.expect("only floors have none");
            assert!(names.contains(floor), "{row:?} has no floor `{floor}`");
        }
    }

    #[test]
    fn every_peer_has_a_version() {
        for peer in Peer::ALL {
            assert!(!peer.version().is_empty(), "{peer:?}");
        }
    }
}
