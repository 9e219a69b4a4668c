//! The example `fallback` over HTTP, with a real PostgreSQL and a real Redis beneath it.

use std::{net::Ipv4Addr, time::Duration};

use maestro_bulkhead::Bulkhead;
use maestro_circuit_breaker::{CircuitBreaker, State, Wait};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

mod servers;
#[path = "../examples/fallback.rs"]
#[expect(dead_code, reason = "its `main`")]
mod service;

use servers::{PATIENCE, Postgres, Redis};

/// The service on a free port, and its breaker.
struct Service {
    address: String,
    breaker: CircuitBreaker,
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    text: String,
    is_stale: bool,
}

impl Service {
    async fn start(postgres: &Postgres, redis: &Redis) -> Self {
        let database = service::Database::new(postgres.config());
        database.prepare().await.expect("the table can be made");
        let cache = service::Cache::new(&redis.url(), PATIENCE).expect("a URL");
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(3)
            .wait_in_open(Wait::fixed(Duration::from_millis(500)))
            .build("notes")
            .expect("three failures are legal");
        let pool = Bulkhead::builder().limit(16).build("notes");
        let pool = pool.expect("sixteen places are legal");
        let notes = service::notes(database, cache, breaker.clone(), pool);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        // The task ends with the runtime of its test.
        tokio::spawn(async move { axum::serve(listener, service::routes(notes)).await });
        Self { address, breaker }
    }

    async fn note(&self, id: u32) -> Answer {
        let response = reqwest::get(format!("http://{}/notes/{id}", self.address));
        let response = timeout(PATIENCE, response).await.expect("it is bounded");
        let response = response.expect("the service answers");
        Answer {
            status: response.status().as_u16(),
            is_stale: response.headers().contains_key("x-stale"),
            text: response.text().await.expect("a text"),
        }
    }

    /// Asks until PostgreSQL answers so. Until then it may be late, or the circuit open.
    async fn sees(&self, id: u32, answer: Answer) {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.note(id).await;
            if found == answer {
                return;
            }
            assert!(Instant::now() < until, "{found:?} instead of {answer:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn fresh(text: &str) -> Answer {
    Answer {
        status: 200,
        text: text.to_owned(),
        is_stale: false,
    }
}

fn missing() -> Answer {
    Answer {
        status: 404,
        ..fresh("no such note")
    }
}

fn stale(text: &str) -> Answer {
    Answer {
        is_stale: true,
        ..fresh(text)
    }
}

/// Changes the notes with another connection.
async fn execute(postgres: &Postgres, sql: &str) {
    let (client, connection) = postgres
        .config()
        .connect(tokio_postgres::NoTls)
        .await
        .expect("it runs");
    let driver = tokio::spawn(connection);
    client.batch_execute(sql).await.expect("legal SQL");
    driver.abort();
}

#[tokio::test]
async fn redis_answers_while_postgresql_hangs_or_is_dead() {
    let (mut postgres, mut redis) = tokio::join!(Postgres::start(), Redis::start());
    let service = Service::start(&postgres, &redis).await;
    execute(
        &postgres,
        "INSERT INTO note VALUES (1, 'buy milk'), (2, 'never read')",
    )
    .await;
    service.sees(1, fresh("buy milk")).await;
    service.sees(7, missing()).await;

    // It hangs: the timeout ends the calls, until the open circuit does not make them any more.
    postgres.pause();
    let until = Instant::now() + PATIENCE;
    while service.breaker.state() != State::Open {
        assert_eq!(service.note(1).await, stale("buy milk"));
        assert!(Instant::now() < until, "three timeouts open the circuit");
    }
    assert_eq!(service.note(1).await, stale("buy milk"));
    // What was never read has no copy.
    assert_eq!(service.note(2).await.status, 503);
    postgres.resume();
    service.sees(1, fresh("buy milk")).await;

    // A change is in the cache as soon as it was read.
    execute(
        &postgres,
        "UPDATE note SET text = 'buy oat milk' WHERE id = 1",
    )
    .await;
    service.sees(1, fresh("buy oat milk")).await;

    // It is dead: connections are refused.
    postgres.kill();
    for _ in 0..10 {
        assert_eq!(service.note(1).await, stale("buy oat milk"));
    }
    assert_ne!(service.breaker.state(), State::Closed);
    assert_eq!(service.note(2).await.status, 503);
    postgres.restart().await;
    service.sees(1, fresh("buy oat milk")).await;

    // A deleted note does not come back.
    execute(&postgres, "DELETE FROM note WHERE id = 1").await;
    service.sees(1, missing()).await;
    postgres.kill();
    assert_eq!(service.note(1).await.status, 503);

    // A dead cache does no harm while the database lives.
    redis.kill();
    postgres.restart().await;
    service.sees(2, fresh("never read")).await;
}

#[test]
fn the_guide_shows_the_wiring_of_the_example() {
    let wiring = |text: &'static str| {
        let lines = text.lines().map(str::trim);
        let layers = lines.skip_while(|line| !line.starts_with(".layer(FallbackLayer::new(move"));
        let layers = layers.take_while(|line| line.starts_with('.'));
        layers
            .map(|line| line.trim_end_matches(';'))
            .collect::<Vec<_>>()
    };
    let example = wiring(include_str!("../examples/fallback.rs"));
    assert_eq!(example.len(), 5, "{example:?}");
    assert_eq!(wiring(include_str!("../../retry/src/guide.md")), example);
}
