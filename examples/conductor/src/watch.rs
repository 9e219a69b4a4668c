//! Watches the breakers: each change of state is counted and logged. Keeps the metrics small.

use std::sync::Arc;
use std::time::Duration;

use maestro_circuit_breaker::State;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::conductor::Conductor;
use crate::controls::{Controls, word};

/// Often enough that a person sees what happens; a state that comes and goes in between is missed.
const LOOK: Duration = Duration::from_millis(25);

/// Bounds what histograms hold to the requests of so long.
const FOLD: Duration = Duration::from_secs(5);

pub(crate) async fn transitions(conductor: Arc<Conductor>, mut stop: watch::Receiver<bool>) {
    let mut seen = conductor
        .controls()
        .map(|controls| controls.breaker.state());
    let mut folded = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        for (seen, controls) in seen.iter_mut().zip(conductor.controls()) {
            let now = controls.breaker.state();
            if now != *seen {
                changed(&conductor, controls, *seen, now);
                *seen = now;
            }
        }
        if folded.elapsed() >= FOLD {
            conductor.metrics.fold();
            folded = Instant::now();
        }
    }
}

fn changed(conductor: &Conductor, controls: &Controls, from: State, to: State) {
    let dependency = controls.breaker.name();
    let labels = [("dependency", dependency), ("to", word(to))];
    conductor
        .metrics
        .counter("conductor_breaker_transitions_total", &labels)
        .increment(1);
    tracing::warn!(dependency, from = word(from), to = word(to), "breaker");
}
