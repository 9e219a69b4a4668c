//! The time of a record in an error budget that one, two or four threads share: the cost of bus-locked instructions
//! while other cores write. With fewer cores than threads the last figures measure the scheduler.

use std::{hint::black_box, sync::Barrier, thread, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maestro_slo_budget::{ErrorBudget, Event, Objective};
use tokio::time::Instant;

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("slo, record, the clock read before");
    for threads in [1_usize, 2, 4] {
        group.throughput(Throughput::Elements(threads as u64));
        group.bench_function(format!("{threads} threads"), |bencher| {
            bencher.iter_custom(|requests| together(threads, requests));
        });
    }
    group.finish();
}

/// The time that `threads` threads need for `requests` events each. All begin at the same time.
fn together(threads: usize, requests: u64) -> Duration {
    let objective = Objective::new(999, 1000).expect("99.9 % is an objective");
    let budget = ErrorBudget::new("api", objective);
    let now = Instant::now();
    let begin = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    let start = Instant::now();
                    for _ in 0..requests {
                        budget.record_at(black_box(Event::Good), black_box(now));
                    }
                    start.elapsed()
                })
            })
            .collect();
        begin.wait();
        let times = all
            .into_iter()
            .map(|one| one.join().expect("a record does not panic"));
        times.max().unwrap_or_default()
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = records
}
criterion_main!(benches);
