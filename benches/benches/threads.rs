//! The time of a request on one, two and four threads that share the objects of a row, for the main row of each layer and
//! the stacks: the cost of bus-locked instructions while other cores write. With fewer cores than threads the last
//! figures measure the scheduler.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maestro_benches::{rows, together};

fn threads(criterion: &mut Criterion) {
    for row in rows::main() {
        let mut group = criterion.benchmark_group(row.name);
        for threads in [1_usize, 2, 4] {
            let mut drivers = row.make_for(threads);
            group.throughput(Throughput::Elements(threads as u64));
            group.bench_function(format!("{threads} threads"), |bencher| {
                bencher.iter_custom(|requests| together(&mut drivers, requests));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = threads
}
criterion_main!(benches);
