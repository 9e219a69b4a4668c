//! The state machine: the atomics, the one lock, and every operation on them. Time is a number
//! here, and nothing waits.
//!
//! # Invariants
//!
//! - State, generation and counts are one word ([`word`]). A decision about a call is made from one load of it.
//! - Every change of state begins a generation. A token carries the generation that admitted it; an older one changes nothing.
//! - A generation is entered under the transition lock only. Counts within a generation change without a lock, by a
//!   compare-and-swap of the word. A call takes the lock only to make a transition, its own or one that is due, or as a
//!   probe whose backend asks for a longer wait.
//! - What is due at an instant (the end of a wait, the deadline of a probe) happens when a thread next looks, as if it had
//!   happened on time. Whether and when a thread looks makes no difference to what it sees. One thing waits for the look: the
//!   place of a family's member ([`open_limit`]) is given back by it.
//!
//! # A call, step by step
//!
//! A healthy call with the default configuration passes through ten files:
//!
//! 1. `layer/service.rs`: `poll_ready` asks whether calls are rejected, `call` asks for a token.
//! 2. `layer/source.rs`: what the layer was made of gives the token: here a [`CircuitBreaker`](crate::CircuitBreaker), whose
//!    `try_acquire` calls `Call::try_new`.
//! 3. `call/mod.rs`: `Call` is the token.
//! 4. `call/core/mod.rs`: `Core` is what the clones of a handle share, the clock and the state machine.
//! 5. `state/admit.rs`: one load of the state word says "closed", one of the plan says that no clock is needed. The part of
//!    the token that the state machine reads, `Admission`, is a `plain` one: a generation and no more.
//! 6. `layer/future.rs`: the inner call; its result is classified, and the token ended, in the same poll. `Call::record`
//!    first asks whether a success would leave everything as it is. Over a window of time the answer is no.
//! 7. `call/end.rs`: the end of the call goes out of line.
//! 8. `state/record.rs`: `record_plain` counts the call in the window.
//! 9. `window/mod.rs`: the shape says which kind of window counts.
//! 10. `window/time.rs`: one compare-and-swap on a bucket.
//!
//! The rest can be read by the names of the methods: `breaker.rs`, `layer/classify.rs`, `state/word.rs`,
//! `state/config_cell.rs`, and the metrics in `observe/`, which are empty without the feature.

mod admit;
mod clock;
mod config_cell;
#[cfg_attr(
    not(feature = "family"),
    expect(dead_code, reason = "no breaker is a member")
)]
mod open_limit;
mod order;
mod overrides;
mod probes;
mod ramp;
mod record;
mod row;
mod slots;
mod snapshot;
mod transitions;
mod waiters;
mod word;

#[cfg(test)]
mod tests;

#[cfg(feature = "family")]
pub(crate) use self::open_limit::OpenLimit;
pub use self::snapshot::Snapshot;
pub(crate) use self::{admit::Admission, clock::Clock, waiters::Ticket};
use self::{
    config_cell::ConfigCell, open_limit::Membership, overrides::History, ramp::Arrivals,
    row::LastFailure, slots::ProbeSlots, waiters::Waiters, word::AtomicState,
};
use crate::{
    config::Config,
    observe::Observers,
    sync::{Mutex, const_fn},
    window::Windows,
};

#[cfg(all(test, not(loom)))]
pub(crate) use self::ramp::is_among as is_among_ramp;

// Rust keeps this order: what a call reads lies between what is seldom written. Before this type is the reference count of
// the handle, which each call writes, and behind it may be that of another breaker. (To align the type to 128 bytes would
// cost up to 240 bytes a breaker.) What calls that count write, the windows, are allocations that are aligned.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct StateMachine {
    /// Held to enter any generation: only one thread at a time publishes the end of a state and its
    /// cause, and transitions are announced in their order.
    transitions: Mutex<History>,
    probes: ProbeSlots,
    waiters: Waiters,
    state: AtomicState,
    last_failure: LastFailure,
    config: ConfigCell,
    window: Windows,
    membership: Membership,
    /// The calls that came during the ramp.
    arrivals: Arrivals,
    observers: Observers,
}

impl StateMachine {
    const_fn! {
        pub(crate) fn new(name: &'static str, config: Config) -> Self {
            Self {
                state: AtomicState::new(),
                last_failure: LastFailure::new(),
                config: ConfigCell::new(config),
                window: Windows::new(),
                probes: ProbeSlots::new(),
                arrivals: Arrivals::new(),
                transitions: Mutex::new(History::NONE),
                waiters: Waiters::new(),
                membership: Membership::none(),
                observers: Observers::new(name),
            }
        }
    }

    /// Allocates what calls need by the numbers, so that no call does.
    pub(crate) fn allocate(&self) {
        let (_, config) = self.config.read();
        self.allocate_for(&config);
    }

    fn allocate_for(&self, config: &Config) {
        if let Some((shape, limits)) = config.window {
            self.window.allocate(shape, limits.tracked());
        }
        self.probes.allocate(config.trial.in_flight);
    }

    #[inline]
    pub(crate) const fn observers(&self) -> &Observers {
        &self.observers
    }
}
