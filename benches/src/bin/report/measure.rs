//! Measures the selected rows.

use std::{
    collections::{HashMap, HashSet},
    sync::mpsc,
    thread,
};

use maestro_benches::{Row, WATCHED, rows};

use crate::{
    arguments::Arguments,
    callgrind,
    figures::{Counts, Figures, Report},
};

/// The number of concurrent callgrinds. They do not disturb each other, because they count instead of timing.
const AT_A_TIME: usize = 2;

/// The number of requests: covers any warm-up, and is a multiple of 16 for rows that fail once in 16.
const REQUESTS: u32 = 1_600;

pub(crate) fn report(arguments: &Arguments) -> Result<Report, String> {
    let rows = chosen(arguments.only.as_deref())?;
    let counts = if arguments.instructions {
        let names: Vec<_> = rows.iter().map(|row| row.name).collect();
        count(&names)?
    } else {
        HashMap::new()
    };
    Ok(Report {
        compiler: env!("MAESTRO_COMPILER").to_owned(),
        metrics: WATCHED,
        rows: rows
            .iter()
            .map(|row| {
                let of = |name: &str| counts.get(name).copied();
                Figures::new(row, of(row.name), row.floor.and_then(of), allocations(row))
            })
            .collect(),
    })
}

/// The rows whose name contains `only`, and their floors. Without `only` all rows; with metrics the main rows, because
/// the others of a group count the same.
fn chosen(only: Option<&str>) -> Result<Vec<Row>, String> {
    let mut rows = rows::all();
    let main: Vec<_> = rows::main().iter().map(|row| row.name).collect();
    let asked = |row: &Row| match only {
        Some(only) => row.name.contains(only),
        None => !WATCHED || main.contains(&row.name),
    };
    let floors: HashSet<_> = rows
        .iter()
        .filter(|row| asked(row))
        .filter_map(|row| row.floor)
        .collect();
    rows.retain(|row| asked(row) || floors.contains(row.name));
    if rows.is_empty() {
        let only = only.unwrap_or_default();
        return Err(format!("no row has `{only}` in its name"));
    }
    Ok(rows)
}

pub(crate) fn count(rows: &[&'static str]) -> Result<HashMap<&'static str, Counts>, String> {
    let (done, results) = mpsc::channel();
    thread::scope(|scope| {
        for turn in 0..AT_A_TIME {
            let done = done.clone();
            scope.spawn(move || {
                for row in rows.iter().skip(turn).step_by(AT_A_TIME) {
                    let counted = callgrind::count(row);
                    let failed = counted.is_err();
                    // The receiver outlives this scope.
                    if done.send((*row, counted)).is_err() || failed {
                        return;
                    }
                }
            });
        }
    });
    drop(done);
    results
        .into_iter()
        .map(|(row, counted)| Ok((row, counted?)))
        .collect()
}

/// The heap allocations of one request on this thread, after a warm-up.
///
/// `allocation-counter` counts per thread and without atomics. An allocator of ours would need `unsafe`, and `stats_alloc` counts
/// with atomics for the whole process: four bus-locked instructions an allocation, and allocations of other threads.
pub(crate) fn allocations(row: &Row) -> f64 {
    let mut measured = row.make();
    measured.run(REQUESTS.into());
    let counted = allocation_counter::measure(|| measured.run(REQUESTS.into())).count_total;
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    let counted = counted as f64;
    counted / f64::from(REQUESTS)
}
