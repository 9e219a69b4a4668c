//! A block of requests, and how long they took.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tower::{BoxError, ServiceExt};

use crate::{
    client::{Outgoing, Stack},
    server::ANSWER,
    statistics::median,
};

/// The longest time of a block. It takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many requests are in flight at once.
    pub(crate) connections: u32,
    /// How many requests follow each other on each connection.
    pub(crate) requests: u32,
}

/// The figures of a block, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The median of its requests.
    pub(crate) latency: f64,
    /// The processor time of the process, divided by the number of requests.
    pub(crate) processor_time: f64,
}

// === impl Load ===

impl Load {
    /// Blocks of about ten milliseconds: long enough for a median, and short enough for many rounds.
    pub(crate) fn of(connections: u32) -> Self {
        Self {
            connections,
            requests: (400 / connections).max(200 / connections.min(8)),
        }
    }

    /// The requests that come before those that count: connections are made, and caches filled with the code of the mode.
    fn warm_up(self) -> Self {
        Self {
            requests: (self.requests / 10).max(1),
            ..self
        }
    }
}

// === impl Sample ===

impl Sample {
    /// Sends the requests of a block.
    ///
    /// # Errors
    ///
    /// If an answer is not that of the handler, or if the block takes too long.
    pub(crate) async fn take(
        stack: impl Stack,
        request: Outgoing,
        load: Load,
    ) -> Result<Self, BoxError> {
        let block = async {
            send(&stack, &request, load.warm_up()).await?;
            let before = processor_time();
            let mut latencies = send(&stack, &request, load).await?;
            let processor_time = processor_time().saturating_sub(before);
            let requests = f64::from(load.connections * load.requests);
            Ok(Self {
                latency: median(&mut latencies),
                processor_time: micros(processor_time) / requests,
            })
        };
        timeout(PATIENCE, block).await?
    }
}

/// Sends the requests, and returns the latency of each in microseconds.
async fn send(stack: &impl Stack, request: &Outgoing, load: Load) -> Result<Vec<f64>, BoxError> {
    let mut connections = JoinSet::new();
    for _ in 0..load.connections {
        let (stack, request) = (stack.clone(), request.clone());
        connections.spawn(async move {
            let mut latencies = Vec::with_capacity(load.requests as usize);
            for _ in 0..load.requests {
                let request = request.clone();
                let start = Instant::now();
                // A handler has a stack that it shares with others, so it clones it.
                let answer = stack.clone().oneshot(request).await?;
                let (head, body) = answer.into_parts();
                let body = body.collect().await.map_err(Into::into)?.to_bytes();
                latencies.push(micros(start.elapsed()));
                if (head.status, body.as_ref()) != (StatusCode::OK, ANSWER.as_bytes()) {
                    return Err(format!("a request was answered with {}", head.status).into());
                }
            }
            Ok::<_, BoxError>(latencies)
        });
    }
    let mut all = Vec::new();
    while let Some(latencies) = connections.join_next().await {
        all.extend(latencies??);
    }
    Ok(all)
}

/// The processor time that all threads of this process have used.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime)
        .try_into()
        .expect("it is not negative")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
