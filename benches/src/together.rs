use std::{sync::Barrier, thread, time::Duration};

use tokio::time::Instant;

use crate::Measured;

/// The time in which each driver, on a thread of its own, serves `requests` requests. All begin at the same time; the
/// slowest decides.
///
/// # Panics
///
/// If a driver panics.
pub fn together(drivers: &mut [Box<dyn Measured>], requests: u64) -> Duration {
    let begin = Barrier::new(drivers.len());
    thread::scope(|scope| {
        let all: Vec<_> = (drivers.iter_mut())
            .map(|driver| {
                scope.spawn(|| {
                    begin.wait();
                    let start = Instant::now();
                    driver.run(requests);
                    start.elapsed()
                })
            })
            .collect();
        let times = all
            .into_iter()
            .map(|one| one.join().expect("no row panics"));
        times.max().unwrap_or_default()
    })
}
