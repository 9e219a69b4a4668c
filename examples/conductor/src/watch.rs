//! A task that keeps the histograms small.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::conductor::Conductor;

/// The interval: histograms hold the values of at most this time.
const FOLD: Duration = Duration::from_secs(5);

pub(crate) async fn fold(conductor: Arc<Conductor>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(FOLD) => conductor.metrics.fold(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
