//! A conductor in this process, with short waits, and the tools to break what it depends on.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use conductor::{Config, Fault, Peer, Server, Tuning};
use maestro_circuit_breaker::Wait;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::client::Client;

/// Far longer than anything here takes: only a test that fails waits so long.
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

    pub(crate) async fn heal(&self) {
        self.peer().set(Fault::None).await;
    }
}

/// Longer than anything takes on the busiest machine: a late answer is then none of these tests' affair.
const UNHURRIED: Duration = Duration::from_secs(20);

/// The defaults but for what tests would wait for, and for what a busy machine would run into.
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
    for stack in [&mut config.writes, &mut config.reads, &mut config.dispatch] {
        let breaker = stack.attempt.breaker.consecutive_failures(3);
        stack.attempt.breaker = breaker.wait_in_open(Wait::fixed(ms(50)));
        stack.attempt.timeout = UNHURRIED;
        stack.whole = UNHURRIED;
    }
    config.cache.timeout = UNHURRIED;
    config
}

/// Of a stalled peer the timeouts are what is to be seen.
pub(crate) fn hurried(config: &mut Config) {
    let Tuning { whole, attempt, .. } = Config::default().dispatch;
    config.dispatch.whole = whole;
    config.dispatch.attempt.timeout = attempt.timeout;
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, ask: impl Fn() -> F) {
    let asked = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, asked).await.is_ok();
    assert!(came, "in {PATIENCE:?} it did not come to this: {what}");
}
