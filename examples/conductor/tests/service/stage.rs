//! A conductor in this process with short waits, and the means to inject faults into its dependencies.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use conductor::{Config, Fault, Peer, Server, Tuning};
use maestro_circuit_breaker::Wait;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::client::Client;

/// The time limit of every wait. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) client: Client,
    directory: TempDir,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut config = config(directory.path().join("conductor.db"));
        adjust(&mut config);
        let server = Server::start(config).await.expect("it starts");
        Self {
            client: Client::new(server.address()),
            server,
            directory,
        }
    }

    pub(crate) fn peer(&self) -> &Peer {
        self.server.peer().expect("the peer is in this process")
    }

    pub(crate) async fn breaker(&self, dependency: &str) -> String {
        let health = self.client.get("/api/maestro/v1/health").await;
        health.string(&format!("/dependencies/{dependency}/breaker"))
    }

    /// A second connection to the database.
    pub(crate) fn database(&self) -> Connection {
        let connection = Connection::open(self.directory.path().join("conductor.db"));
        let connection = connection.expect("a second connection");
        connection
            .busy_timeout(PATIENCE)
            .expect("it waits for its turn");
        connection
    }

    /// The path of a file in the directory of the database.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn heal(&self) {
        self.peer().set(Fault::None).await;
    }
}

/// The timeouts of the stacks in tests: longer than any call takes on a busy machine. With the default of 250 ms for an
/// attempt at the store, tests were flaky.
const UNHURRIED: Duration = Duration::from_secs(20);

/// The default configuration with shorter waits and longer timeouts.
pub(crate) fn config(database: PathBuf) -> Config {
    let ms = Duration::from_millis;
    let mut config = Config {
        database,
        outbox: ms(20),
        busy: ms(10),
        request: 2 * UNHURRIED,
        ..Config::default()
    };
    config.listen.set_port(0);
    for stack in [
        &mut config.writes,
        &mut config.reads,
        &mut config.lists,
        &mut config.dispatch,
    ] {
        let breaker = stack.attempt.breaker.consecutive_failures(3);
        stack.attempt.breaker = breaker.wait_in_open(Wait::fixed(ms(50)));
        stack.attempt.timeout = UNHURRIED;
        stack.whole = UNHURRIED;
    }
    config.cache.timeout = UNHURRIED;
    config
}

/// The default timeouts for the dispatch API, for tests with a stalled peer.
pub(crate) fn hurried(config: &mut Config) {
    let Tuning { whole, attempt, .. } = Config::default().dispatch;
    config.dispatch.whole = whole;
    config.dispatch.attempt.timeout = attempt.timeout;
}

/// Repeats `ask` until it returns `true`.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, ask: impl Fn() -> F) {
    let asked = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, asked).await.is_ok();
    assert!(came, "not within {PATIENCE:?}: {what}");
}
