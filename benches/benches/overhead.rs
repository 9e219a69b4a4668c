//! The time of a request for every row, with its floor in the same group.

use std::{collections::HashSet, time::Duration};

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main,
    measurement::{Measurement, WallTime},
};
use maestro_benches::{Kind, Row, rows};

fn overhead(criterion: &mut Criterion) {
    let rows = rows::all();
    let measured = || rows.iter().filter(|row| row.kind != Kind::Floor);
    let mut begun = HashSet::new();
    for name in measured()
        .map(Row::group)
        .filter(|name| begun.insert(*name))
    {
        let members = || measured().filter(|row| row.group() == name);
        let floors: Vec<_> = members().filter_map(|row| row.floor).collect();
        let mut group = criterion.benchmark_group(name);
        for floor in rows.iter().filter(|row| floors.contains(&row.name)) {
            bench(&mut group, floor);
        }
        for row in members() {
            bench(&mut group, row);
        }
        group.finish();
    }
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, row: &Row) {
    let mut measured = row.make();
    group.bench_function(row.name, |bencher| {
        bencher.iter_custom(|requests| {
            let start = WallTime.start();
            measured.run(requests);
            WallTime.end(start)
        });
    });
}

criterion_group! {
    name = benches;
    // Short, because longer runs do not reduce the noise of a shared machine.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50);
    targets = overhead
}
criterion_main!(benches);
