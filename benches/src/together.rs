use std::{sync::Barrier, thread, time::Duration};

use tokio::time::Instant;

use crate::Measured;

/// The time in which each driver serves `requests` requests on its own thread: from the first beginning to the last end,
/// so that threads which the scheduler runs one after the other do not look fast.
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
                    (start, Instant::now())
                })
            })
            .collect();
        let (starts, ends): (Vec<_>, Vec<_>) = all
            .into_iter()
            .map(|one| one.join().expect("no row panics"))
            .unzip();
        let (first, last) = (starts.into_iter().min(), ends.into_iter().max());
        first
            .zip(last)
            .map_or(Duration::ZERO, |(first, last)| last - first)
    })
}
