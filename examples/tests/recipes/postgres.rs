//! PostgreSQL by tokio-postgres, in the default order. The error is an enum with a variant for each rejection.

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State};
use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tokio_postgres::{Config, NoTls};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    refusing::{LONG, breaker, refusing},
    servers::Postgres,
};

type Sql = &'static str;

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("sql")]
    Sql(#[from] tokio_postgres::Error),
}

/// The stack. It repeats every statement that failed, so it is for statements that may run twice.
fn store(
    config: Config,
    breaker: CircuitBreaker,
    attempt: Duration,
) -> Result<impl Service<Sql, Response = u64, Error = StoreError> + Clone, BoxError> {
    let policy = RetryPolicy::builder().attempts(4).build()?;
    let policy = policy.budget(RetryBudget::new("store"));
    let bulkhead = Bulkhead::builder().limit(8).build("store")?;
    Ok(ServiceBuilder::new()
        .layer(TimeoutLayer::new(attempt * 4))
        .layer(RetryLayer::new(policy.retry_if(is_transient)))
        .layer(CircuitBreakerLayer::new(breaker).failure_if(is_failure))
        .layer(TimeoutLayer::new(attempt))
        .layer(BulkheadLayer::new(bulkhead))
        .service(service_fn(move |sql| execute(config.clone(), sql))))
}

/// Whether the server has failed. An error with a code is an answer: a constraint, a syntax error. Rejections by the layers are
/// no failures.
fn is_failure<T>(result: &Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Sql(error)) => error.code().is_none() || is_shutdown(error),
        Err(StoreError::Elapsed(_)) => true,
        _ => false,
    }
}

/// Whether the next attempt may succeed: also after a conflict of transactions (class 40).
fn is_transient<T>(result: &Result<T, StoreError>) -> bool {
    let conflict = |error: &tokio_postgres::Error| {
        error
            .code()
            .is_some_and(|code| code.code().starts_with("40"))
    };
    is_failure(result) || matches!(result, Err(StoreError::Sql(error)) if conflict(error))
}

/// The classes 53 (insufficient resources), 57 (operator intervention, such as a shutdown) and 58 (system error).
fn is_shutdown(error: &tokio_postgres::Error) -> bool {
    let classes = ["53", "57", "58"];
    error
        .code()
        .is_some_and(|code| classes.iter().any(|class| code.code().starts_with(class)))
}

/// The example `fallback` keeps its connection.
async fn execute(config: Config, sql: Sql) -> Result<u64, StoreError> {
    let (client, connection) = config.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let rows = client.execute(sql, &[]).await;
    driver.abort();
    Ok(rows?)
}

#[tokio::test]
async fn postgres_fails_fast_in_the_default_order() {
    let (address, _bound) = refusing();
    let breaker = breaker("store");
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(address.port())
        .user("maestro");
    let mut store = store(config, breaker.clone(), LONG).expect("all of it is legal");
    let error = store.ready().await.expect("ready").call("SELECT 1").await;
    let error = error.expect_err("nobody listens");
    // Two attempts failed. The third was rejected by the open circuit and was not repeated.
    let open = Open::find(&error).expect("the circuit is open");
    assert!(open.retry_after() > Duration::ZERO);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn an_sql_error_is_an_answer_of_postgresql() {
    let postgres = Postgres::start().await;
    let breaker = CircuitBreaker::new("store");
    let config = postgres.config();
    let mut store = store(config, breaker.clone(), LONG).expect("all of it is legal");
    for _ in 0..3 {
        let error = store.ready().await.expect("ready").call("SELEC 1").await;
        assert!(matches!(error, Err(StoreError::Sql(_))), "{error:?}");
    }
    let rows = store.ready().await.expect("ready").call("SELECT 1").await;
    assert_eq!(rows.expect("an answer"), 1);
    // Each statement ran once.
    let counted = breaker.snapshot();
    assert_eq!((counted.calls(), counted.failures()), (4, 0));
}
