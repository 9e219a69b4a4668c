//! What the peers do where something goes wrong: the second table of COMPARE.md.
//!
//! A program reproduces a defect with one peer and says whether the peer has it. The clock is tokio's paused one, or
//! the peer's own; where a peer reads the standard clock, its wait is zero, and the program reads the clock until it
//! has moved. Nothing sleeps. Each verdict was read in the peer's source as well.

mod breaker;
mod breakers;
mod bulkhead;
mod delays;
mod hedge;
mod numbers;
mod retry;
mod shared;
mod timeout;

use std::{
    cell::Cell,
    fmt::Write,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::Peer;

/// The columns: ours, and the peers that are crates of layers or policies.
const COLUMNS: [Peer; 7] = [
    Peer::Tower,
    Peer::Recloser,
    Peer::Failsafe,
    Peer::Seatbelt,
    Peer::TowerResilience,
    Peer::TowerAcc,
    Peer::Backon,
];

/// A defect, and who has it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Defect {
    /// What goes wrong.
    pub name: &'static str,
    /// Whether ours have it: no program says so. Nothing if ours have no such part.
    pub ours: Option<bool>,
    /// The peers for which there is a program, and whether they have it.
    pub peers: Vec<(Peer, bool)>,
    /// The peers that may have it, for which there is no program.
    pub untried: &'static [Peer],
}

/// Every defect. Runs all programs.
#[must_use]
pub fn defects() -> Vec<Defect> {
    [
        breaker::defects(),
        numbers::defects(),
        shared::defects(),
        delays::defects(),
        retry::defects(),
        hedge::defects(),
        bulkhead::defects(),
        timeout::defects(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The table as Markdown.
///
/// # Panics
///
/// Never: writing to a string cannot fail.
#[must_use]
pub fn markdown(defects: &[Defect]) -> String {
    let mut text = String::from("| what goes wrong | ours |");
    for peer in COLUMNS {
        write!(text, " {} {} |", peer.name(), peer.version()).expect("it is a string");
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(COLUMNS.len()));
    for defect in defects {
        write!(
            text,
            "\n| {} | {} |",
            defect.name,
            defect.ours.map_or(NOTHING, said)
        )
        .expect("it is a string");
        for peer in COLUMNS {
            write!(text, " {} |", defect.verdict(peer)).expect("it is a string");
        }
    }
    text.push('\n');
    text
}

const NOTHING: &str = "–";

const fn said(has_it: bool) -> &'static str {
    if has_it { "**yes**" } else { "no" }
}

impl Defect {
    fn new(
        name: &'static str,
        ours: impl Into<Option<bool>>,
        peers: impl Into<Vec<(Peer, bool)>>,
    ) -> Self {
        Self {
            name,
            ours: ours.into(),
            peers: peers.into(),
            untried: &[],
        }
    }

    fn untried(self, untried: &'static [Peer]) -> Self {
        Self { untried, ..self }
    }

    /// What the table says of a peer.
    fn verdict(&self, peer: Peer) -> &'static str {
        match self.peers.iter().find(|(column, _)| *column == peer) {
            Some((_, has)) => said(*has),
            None if self.untried.contains(&peer) => "not tried",
            None => NOTHING,
        }
    }
}

/// Runs a program on a paused clock.
fn paused<F: Future>(program: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime of one thread needs nothing that could be missing");
    runtime.block_on(program)
}

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs a program that may panic, so that its message is not an error.
#[must_use]
pub fn expects_panic() -> bool {
    EXPECTED.get()
}

/// Whether a program panics.
fn panics(program: impl FnOnce()) -> bool {
    let before = EXPECTED.replace(true);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(program)).is_err();
    EXPECTED.set(before);
    panicked
}

/// Polls a call once.
fn once<F: Future>(call: Pin<&mut F>) -> Poll<()> {
    call.poll(&mut Context::from_waker(Waker::noop())).map(drop)
}

/// Reads the standard clock until it has moved, which takes some nanoseconds.
#[expect(clippy::disallowed_types, reason = "it is the clock of some peers")]
fn wait_for_the_clock() {
    const READINGS: u32 = 10_000_000;
    let start = std::time::Instant::now();
    let moved = (0..READINGS).any(|_| std::time::Instant::now() > start);
    assert!(moved, "the standard clock stands still");
}
