//~ the trait bound `AtomicU64: Clone` is not satisfied in
//~ .on_reject(move |_| Ok::<_, Infallible>(seen.fetch_add(1, Relaxed)))

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use maestro_timeout::TimeoutLayer;

fn main() {
    let seen = AtomicU64::new(0);
    let _layer = TimeoutLayer::new(Duration::from_secs(1))
        .on_reject(move |_| Ok::<_, Infallible>(seen.fetch_add(1, Relaxed)));
}
