//! An open-loop load: requests start when they are due, whether or not earlier ones have been answered, and are
//! timed from when they were due. A closed loop waits for responses: while the service stalls it sends nothing, so
//! its latencies hide the stall.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::tally::Tallies;

/// The limit of unanswered requests. A request that is due above it is not sent, and counted as skipped.
const UNANSWERED: u32 = 256;
/// Every third request reads.
const READS: u32 = 3;

/// Sends requests until `stop` is true, then waits for the last responses.
pub(super) async fn load(
    client: Client,
    per_second: u32,
    tallies: Arc<Tallies>,
    stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(UNANSWERED as usize));
    let begun = Instant::now();
    let period = Duration::from_secs(1) / per_second;
    for number in 0_u32.. {
        if *stop.borrow() {
            break;
        }
        let due = begun + period * number;
        sleep_until(due).await;
        let phase = tallies.phase();
        let Ok(place) = places.clone().try_acquire_owned() else {
            tallies.skipped(phase);
            continue;
        };
        let (client, tallies) = (client.clone(), tallies.clone());
        tokio::spawn(async move {
            let known = if number % READS == 0 {
                tallies.some_run(number)
            } else {
                None
            };
            let answer = match &known {
                Some(id) => client.get(id).await,
                None => client.post().await,
            };
            tallies.answered(phase, known.is_some(), answer, due.elapsed());
            drop(place);
        });
    }
    // All permits are back when all responses have arrived.
    let _ = places.acquire_many(UNANSWERED).await;
}
