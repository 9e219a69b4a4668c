//! Keeps the metrics small.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::conductor::Conductor;

/// Bounds what histograms hold to the requests of so long.
const FOLD: Duration = Duration::from_secs(5);

pub(crate) async fn fold(conductor: Arc<Conductor>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(FOLD) => conductor.metrics.fold(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
