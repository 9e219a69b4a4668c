//! Listens to the breakers, polls the other figures, and reports changes.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use maestro_circuit_breaker::{Listener, State, Transition};
use maestro_retry::RetryBudget;
use tokio::sync::watch;

use super::screen::Screen;
use super::tally::Tallies;
use crate::conductor::Conductor;
use crate::controls::{Controls, word};

/// The polling interval.
const LOOK: Duration = Duration::from_millis(10);

pub(super) struct Observer {
    conductor: Arc<Conductor>,
    tallies: Arc<Tallies>,
    screen: Arc<Screen>,
    /// Dropping them ends the notifications.
    _breakers: [Listener; 5],
    open: bool,
    retries: u64,
}

impl Observer {
    pub(super) fn new(
        conductor: Arc<Conductor>,
        tallies: Arc<Tallies>,
        screen: Arc<Screen>,
    ) -> Self {
        let breakers = conductor.controls().map(|controls| {
            let (tallies, screen) = (tallies.clone(), screen.clone());
            controls.breaker.on_transition(move |transition| {
                screen.event(&line(transition));
                let (name, to) = (transition.name(), word(transition.to()));
                tallies.transition(format!("{name} {to}"));
            })
        });
        let open = conductor.slo().is_open();
        Self {
            conductor,
            tallies,
            screen,
            _breakers: breakers,
            open,
            retries: 0,
        }
    }

    pub(super) async fn observe(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => self.look(),
                _ = stop.wait_for(|stop| *stop) => return self.look(),
            }
        }
    }

    fn look(&mut self) {
        let retries = self
            .conductor
            .controls()
            .iter()
            .map(|c| c.counts.retries())
            .sum();
        if retries > self.retries {
            self.tallies.retried(retries - self.retries);
            self.retries = retries;
        }
        let view = self.conductor.slo();
        if view.is_open() != self.open {
            self.open = view.is_open();
            let word = if self.open { "open" } else { "shedding" };
            self.screen.event(&view.change());
            self.tallies.transition(format!("gate {word}"));
        }
        self.screen.status(&self.stand());
    }

    /// The live figures.
    fn stand(&self) -> String {
        let [writes, _, _, _, dispatch] = self.conductor.controls();
        format!(
            "{}\n{}\n{}  outbox {}",
            of(dispatch),
            of(writes),
            self.conductor.slo(),
            self.conductor.queued.load(Relaxed),
        )
    }
}

/// The state of the breaker, the use of the bulkhead, and the retry budget.
fn of(controls: &Controls) -> String {
    let Controls {
        breaker,
        bulkhead,
        retries,
        ..
    } = controls;
    let (name, state) = (breaker.name(), word(breaker.state()));
    let (used, limit) = (bulkhead.in_flight(), bulkhead.limit());
    let budget = retries.as_ref().map_or(0, RetryBudget::balance);
    format!("{name:<11}  {state:<9}  in flight {used:>2} of {limit:<2}  retry budget {budget}")
}

/// A transition in one line, with its cause if the breaker opened.
fn line(transition: &Transition) -> String {
    let (name, from, to) = (
        transition.name(),
        word(transition.from()),
        word(transition.to()),
    );
    match transition.cause() {
        cause if transition.to() == State::Open => {
            format!("breaker {name}: {from} → {to}: {cause}")
        }
        _ => format!("breaker {name}: {from} → {to}"),
    }
}
