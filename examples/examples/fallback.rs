//! A service that reads notes from PostgreSQL, keeps them in Redis, and answers from Redis when PostgreSQL fails.
//!
//! ```sh
//! cargo run -p maestro-examples --example fallback -- "host=localhost user=postgres" redis://localhost/
//! psql -h localhost -U postgres -c "INSERT INTO note VALUES (1, 'buy milk')"
//! curl -i http://127.0.0.1:4040/notes/1
//! ```
//!
//! An address may have a `password=…`. Stop PostgreSQL in any way, or suspend it. The answer has the header `x-stale` then,
//! and comes after about 250 ms at most, and at once after three of them. Notes that Redis does not have are answered with 503.

use std::{env, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, Wait};
use maestro_retry::FallbackLayer;
use maestro_timeout::{Elapsed, TimeoutLayer};
use redis::{
    AsyncCommands,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{net::TcpListener, sync::Mutex};
use tower::{BoxError, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

/// A note, or `None` if there is none with this number.
pub(crate) type Answer = Result<Option<Note>, StoreError>;
pub(crate) type Notes = BoxCloneSyncService<i64, Option<Note>, StoreError>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
    /// It comes from the cache, and may have changed.
    pub(crate) is_stale: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    #[error("PostgreSQL failed")]
    Database(#[from] tokio_postgres::Error),
}

// === The stack ===

/// The notes. PostgreSQL has 250 ms, and is left alone while its circuit is open.
pub(crate) fn notes(
    database: Database,
    cache: Cache,
    breaker: CircuitBreaker,
    pool: Bulkhead,
) -> Notes {
    let kept = cache.clone();
    let stack = ServiceBuilder::new()
        .layer(FallbackLayer::new(move |id, failed| kept.find(id, failed)))
        .layer(CircuitBreakerLayer::new(breaker).ignore_rejections())
        .layer(TimeoutLayer::new(Duration::from_millis(250)))
        .layer(BulkheadLayer::new(pool))
        .service_fn(move |id| read(database.clone(), cache.clone(), id));
    BoxCloneSyncService::new(stack)
}

/// A note from PostgreSQL, for the cache as well.
async fn read(database: Database, mut cache: Cache, id: i64) -> Answer {
    let note = database.note(id).await?;
    // The answer does not fail with the cache.
    let _ = cache.keep(id, note.as_ref()).await;
    Ok(note)
}

// === PostgreSQL ===

/// One connection, which is made again when it has closed.
#[derive(Clone)]
pub(crate) struct Database(Arc<Connection>);

struct Connection {
    config: tokio_postgres::Config,
    client: Mutex<Option<Arc<tokio_postgres::Client>>>,
}

impl Database {
    pub(crate) fn new(config: tokio_postgres::Config) -> Self {
        Self(Arc::new(Connection {
            config,
            client: Mutex::default(),
        }))
    }

    pub(crate) async fn prepare(&self) -> Result<(), tokio_postgres::Error> {
        let table = "CREATE TABLE IF NOT EXISTS note (id bigint PRIMARY KEY, text text NOT NULL)";
        self.client().await?.batch_execute(table).await
    }

    async fn note(&self, id: i64) -> Answer {
        let select = "SELECT text FROM note WHERE id = $1";
        let row = self.client().await?.query_opt(select, &[&id]).await?;
        Ok(row.map(|row| Note {
            text: row.get(0),
            is_stale: false,
        }))
    }

    async fn client(&self) -> Result<Arc<tokio_postgres::Client>, tokio_postgres::Error> {
        let mut slot = self.0.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let (client, connection) = self.0.config.connect(tokio_postgres::NoTls).await?;
        // It ends when the connection has closed.
        tokio::spawn(connection);
        Ok(Arc::clone(slot.insert(Arc::new(client))))
    }
}

// === Redis ===

/// Its failures are misses.
#[derive(Clone)]
pub(crate) struct Cache(ConnectionManager);

/// In seconds. A note can be answered for so long after it was read from PostgreSQL.
const KEPT: u64 = 24 * 60 * 60;

impl Cache {
    /// It connects when it is used. Redis has `limit` to accept the connection, and for each command.
    pub(crate) fn new(url: &str, limit: Duration) -> redis::RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(limit))
            .set_response_timeout(Some(limit));
        let client = redis::Client::open(url)?;
        ConnectionManager::new_lazy_with_config(client, config).map(Self)
    }

    /// The answer for a note that PostgreSQL did not give: the kept one, or the failure.
    fn find(&self, id: i64, failed: Answer) -> impl Future<Output = Answer> + use<> {
        let mut connection = self.0.clone();
        async move {
            match connection.get(key(id)).await {
                Ok(Some(text)) => Ok(Some(Note {
                    text,
                    is_stale: true,
                })),
                Ok(None) | Err(_) => failed,
            }
        }
    }

    async fn keep(&mut self, id: i64, note: Option<&Note>) -> redis::RedisResult<()> {
        match note {
            Some(note) => self.0.set_ex(key(id), &note.text, KEPT).await,
            None => self.0.del(key(id)).await,
        }
    }
}

fn key(id: i64) -> String {
    format!("note:{id}")
}

// === HTTP ===

pub(crate) fn routes(notes: Notes) -> Router {
    Router::new()
        .route("/notes/{id}", get(answer))
        .with_state(notes)
}

async fn answer(State(notes): State<Notes>, Path(id): Path<i64>) -> Response {
    match notes.oneshot(id).await {
        Ok(Some(note)) if note.is_stale => ([("x-stale", "true")], note.text).into_response(),
        Ok(Some(note)) => note.text.into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such note").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut arguments = env::args().skip(1);
    let (Some(database), Some(cache)) = (arguments.next(), arguments.next()) else {
        return Err("give the addresses of PostgreSQL and Redis: see the head of this file".into());
    };
    let database = Database::new(database.parse()?);
    database.prepare().await?;
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(3)
        .wait_in_open(Wait::fixed(Duration::from_secs(5)))
        .build("notes")?;
    let pool = Bulkhead::builder().limit(16).build("notes")?;
    let cache = Cache::new(&cache, Duration::from_millis(50))?;
    let notes = notes(database, cache, breaker, pool);
    let listener = TcpListener::bind("127.0.0.1:4040").await?;
    println!("http://{}/notes/1", listener.local_addr()?);
    Ok(axum::serve(listener, routes(notes)).await?)
}
