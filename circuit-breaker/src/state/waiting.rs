//! Waiting until a circuit lets a call in.
//!
//! The property that chose the design: a waiter goes to sleep in the line and then looks at the circuit once
//! more; whoever changes the circuit does so and then looks at the line. Both take the line's lock, so
//! one of them sees the other, and no wake-up is lost. Only the first in the line keeps a timer, for the
//! instant from which time alone may let it in; when it leaves, the next is woken to do so.

use std::task::Waker;

use crate::{
    State,
    admission::Admission,
    circuit::Circuit,
    settings::{NEVER, after},
    steer::FOREVER,
    sync::atomic::Ordering::Acquire,
    waiters::Ticket,
    word::Phase,
};

impl Circuit {
    /// Lets a call in, or has `waker` woken when something has changed; then also says at which tick it is
    /// worth asking again if nothing does, to the one who is to see to that. While closed the clock is not
    /// read.
    pub(crate) fn admit_or_sleep(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        clock: impl Fn() -> u64,
    ) -> Result<Admission, Option<u64>> {
        if let Some(ticket) = ticket {
            // What this look brings about need not wake us.
            self.waiters.stir(ticket);
        }
        let admission = self.admit(&clock).or_else(|refusal| {
            let now = clock();
            let is_first = self.waiters.sleep(ticket, waker);
            let worth_asking = || is_first.then(|| self.worth_asking(now)).flatten();
            // On a ramp each time counts as a call that comes: not twice.
            let is_ramping = matches!(self.load().phase(), Phase::Ramping { .. });
            if is_ramping && refusal.state == State::Ramping {
                return Err(worth_asking());
            }
            self.admit(|| now).map_err(|_| worth_asking())
        })?;
        if let Some(ticket) = ticket.take() {
            self.leave(&ticket);
        }
        Ok(admission)
    }

    /// Gives a place in the line up.
    pub(crate) fn leave(&self, ticket: &Ticket) {
        let was_first = self.waiters.leave(ticket);
        // The next sees to the timer now; and if this one was woken for room that it does not take, another
        // is.
        self.waiters.wake(|| self.room(), was_first);
    }

    /// Wakes those whom a transition concerns: all who may be let in now, and who sees to the timer. Not
    /// under the transition lock.
    pub(crate) fn wake_for_transition(&self) {
        self.waiters.wake(|| self.room(), true);
    }

    /// Wakes who may be let in, after a probe has given its place back.
    pub(crate) fn wake_for_room(&self) {
        self.waiters.wake(|| self.room(), false);
    }

    /// How many calls may be let in now, as far as the state knows.
    fn room(&self) -> usize {
        match self.load().phase() {
            Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => usize::MAX,
            // Ramping, who leaves wakes the next in the line, who asks as anybody who comes: were all woken
            // each time, they would soon all be in.
            Phase::Open | Phase::ForcedOpen | Phase::Ramping { .. } => 0,
            Phase::HalfOpen(tally) => {
                let (_, trial) = self.live.trial();
                let missing = trial.results.saturating_sub(tally.results());
                let room = missing.min(trial.in_flight.into());
                room.saturating_sub(tally.in_flight) as usize
            }
        }
    }

    /// From when on time may let a call in that was rejected at `now`; `None` if time never does.
    fn worth_asking(&self, now: u64) -> Option<u64> {
        loop {
            let word = self.load();
            let at = match word.phase() {
                Phase::Open | Phase::ForcedOpen => self.until(word).load(Acquire),
                Phase::Ramping { .. } => {
                    let (_, settings) = self.live.read();
                    // When more are let in. One tick at least, so that nobody asks without end.
                    after(now, self.ramp(&settings, word, now).1.max(1))
                }
                Phase::HalfOpen(_) => {
                    let (_, trial) = self.live.trial();
                    let first = self.places.earliest(word.generation());
                    // None: those who have room are just taking their places. They looked at the clock no
                    // later than we, so their time is over by then.
                    first.map_or(after(now, trial.time), |(_, lease)| lease.deadline())
                }
                _ => now,
            };
            if self.load().generation() == word.generation() {
                return (at != FOREVER && at < NEVER).then_some(at);
            }
        }
    }
}
