//! The demo: a service, a load, and four real faults one after another. It shows how the layers react.

mod acts;
mod client;
mod load;
mod lock;
mod observer;
mod promises;
mod screen;
mod settings;
mod table;
mod tally;
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use self::acts::{Act, Pace};
use self::client::Client;
use self::observer::Observer;
pub use self::promises::Broken;
use self::screen::Screen;
use self::tally::Tallies;
use crate::Server;
use crate::store::{Query, Reply};

/// The interval at which a condition is checked.
const LOOK: Duration = Duration::from_millis(50);

/// Plays the demo to its end; `quick` shortens the acts.
///
/// # Errors
/// [`Broken`]: a promise of the demo that was not kept.
///
/// # Panics
/// If one of the demo's tasks panics.
pub async fn demo(quick: bool) -> Result<(), Broken> {
    let pace = if quick { Pace::QUICK } else { Pace::FULL };
    let directory = tempfile::tempdir().map_err(Broken::scratch)?;
    let database = directory.path().join("demo.db");
    let server = Server::start(settings::config(&database)).await?;
    let screen = Arc::new(Screen::new(pace.whole()));
    settings::introduce(&screen, &server, pace);

    let tallies = Arc::new(Tallies::new());
    let (stop, stopped) = watch::channel(false);
    tallies.begin(acts::WARM_UP);
    let observer = Observer::new(server.conductor().clone(), tallies.clone(), screen.clone());
    let observing = tokio::spawn(observer.observe(stopped.clone()));
    let client = Client::new(server.address());
    let loading = tokio::spawn(load::load(
        client,
        pace.per_second,
        tallies.clone(),
        stopped,
    ));

    let stage = Stage {
        server: &server,
        database: &database,
        tallies: &tallies,
        screen: &screen,
    };
    let played = stage.play(pace).await;
    stop.send_replace(true);
    for task in [loading, observing] {
        task.await.expect("the load and the observer do not panic");
    }
    screen.finish();
    played?;

    stage.empty_outbox(pace.recovery).await?;
    let (phases, accepted) = (tallies.phases(), tallies.accepted());
    let peer = server.peer().expect("the demo's peer is in this process");
    let delivered = accepted.iter().filter(|id| peer.deliveries(id) > 0).count();
    screen.say(&table::summary(&phases));
    screen.say(&format!(
        "{} runs accepted, {delivered} of them dispatched; the peer counts {} runs",
        accepted.len(),
        peer.runs(),
    ));
    promises::kept(&phases, accepted.len(), delivered)?;
    server.shutdown().await?;
    screen.say("Every promise kept: nothing accepted was lost, every breaker closed, gate open.");
    Ok(())
}

/// What an act works with.
struct Stage<'a> {
    server: &'a Server,
    database: &'a std::path::Path,
    tallies: &'a Tallies,
    screen: &'a Screen,
}

impl Stage<'_> {
    async fn play(&self, pace: Pace) -> Result<(), Broken> {
        tokio::time::sleep(pace.healthy).await;
        for act in Act::ALL {
            self.begin(act.name(), act.announcement());
            let fault = act.inject(self.server, self.database).await?;
            tokio::time::sleep(pace.fault).await;
            self.until(pace.recovery, || {
                self.tallies.latest(|tally| act.has_shown(tally))
            })
            .await;
            self.begin(act.healed(), "the fault is over");
            fault.heal().await;
            tokio::time::sleep(pace.healed).await;
            self.until(pace.recovery, || self.server.conductor().is_closed())
                .await;
        }
        self.recover(pace.recovery).await
    }

    /// Waits until `happened`, or for `at_most`.
    ///
    /// An act of fixed length tested the machine: on a busy one the breaker opened after the act was over. Now an act
    /// ends when its time is up *and* it has shown what it is meant to show, or at the latest a minute later. The
    /// promises are checked at the end, so the demo can still fail.
    async fn until(&self, at_most: Duration, happened: impl Fn() -> bool) {
        let until = Instant::now() + at_most;
        while !happened() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn begin(&self, phase: &'static str, announcement: &str) {
        self.tallies.begin(phase);
        self.screen.event(&format!("── {phase}: {announcement}"));
    }

    /// Waits until every breaker is closed and the gate is open. The load continues, because good requests close the
    /// breakers and open the gate.
    async fn recover(&self, at_most: Duration) -> Result<(), Broken> {
        let conductor = self.server.conductor();
        self.until(at_most, || conductor.is_well()).await;
        if conductor.is_well() {
            return Ok(());
        }
        let view = self.server.conductor().slo();
        Err(Broken::promise(format!(
            "not well again within {at_most:?}: {view}"
        )))
    }

    /// Waits until the store holds no queued run.
    async fn empty_outbox(&self, at_most: Duration) -> Result<(), Broken> {
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            let left = self.server.conductor().reads.call(Query::CountQueued).await;
            if matches!(left, Ok(Reply::Count(0))) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Broken::promise(format!(
            "the outbox was not empty within {at_most:?}"
        )))
    }
}
