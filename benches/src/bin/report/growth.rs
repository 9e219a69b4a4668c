//! How the cost of an operation grows, as a Markdown table.

use std::{fmt::Write, hint::black_box, time::Duration};

use maestro_benches::{
    Row,
    growth::{self, Grown, Growth},
};
use tokio::time::Instant;

use crate::{callgrind, turns::median};

/// The time is the median of these.
const TIMES: usize = 5;

const HEAD: &str = "Per operation; of a row, the loop and the inner service included.\n\n\
                    | operation | size | instructions | bus-locked | ns |\n|---|--:|--:|--:|--:|\n";

/// Which sizes are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    All,
    /// For tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "the report measures all sizes"))]
    Smallest,
}

/// The operations whose name contains `only`. Instructions need valgrind; they are left out if `instructions` is `false`.
pub(crate) fn growth(
    only: Option<&str>,
    sizes: Sizes,
    instructions: bool,
) -> Result<String, String> {
    let mut all = growth::all();
    all.retain(|growth| only.is_none_or(|only| growth.name.contains(only)));
    if all.is_empty() {
        return Err(format!(
            "no operation has `{}` in its name",
            only.unwrap_or_default()
        ));
    }
    // The length of one of the times, where the operation can be repeated.
    let (take, each) = match sizes {
        Sizes::All => (usize::MAX, Duration::from_millis(20)),
        Sizes::Smallest => (1, Duration::from_micros(100)),
    };
    let mut text = HEAD.to_owned();
    for growth in &all {
        for &size in growth.sizes.iter().take(take) {
            line(&mut text, growth, size, instructions, each)?;
        }
    }
    Ok(text)
}

/// The operation of this name.
pub(crate) fn find(name: &str) -> Result<Growth, String> {
    growth::all()
        .into_iter()
        .find(|growth| growth.name == name)
        .ok_or_else(|| format!("there is no operation `{name}`"))
}

fn line(
    text: &mut String,
    growth: &Growth,
    size: u32,
    instructions: bool,
    each: Duration,
) -> Result<(), String> {
    let (counts, nanoseconds) = match growth.at(size) {
        Grown::Row(row) => {
            let counts = instructions.then(|| callgrind::count_growth(growth.name, size));
            (counts.transpose()?, time(&row, each))
        }
        Grown::Once(once) => {
            let times = (0..TIMES).map(|_| nanoseconds(once(), 1)).collect();
            (None, median(times))
        }
    };
    let counts = counts.map_or("– | –".to_owned(), |counts| {
        format!("{:.0} | {:.0}", counts.instructions, counts.bus_locked)
    });
    writeln!(
        text,
        "| {} | {size} | {counts} | {nanoseconds:.0} |",
        growth.name
    )
    .expect("writing to a string cannot fail");
    Ok(())
}

/// The nanoseconds of a request, each of the times about `each` long.
fn time(row: &Row, each: Duration) -> f64 {
    const FIRST: u64 = 160;
    let mut driver = row.make();
    let mut run = |requests| {
        let start = Instant::now();
        driver.run(black_box(requests));
        start.elapsed()
    };
    run(FIRST);
    let first = run(FIRST).as_nanos().max(1);
    let times = u64::try_from(each.as_nanos() / first).unwrap_or(u64::MAX);
    let requests = FIRST * times.clamp(1, 10_000);
    let times = (0..TIMES).map(|_| nanoseconds(run(requests), requests));
    median(times.collect())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "some thousands of requests, some milliseconds"
)]
fn nanoseconds(time: Duration, requests: u64) -> f64 {
    time.as_nanos() as f64 / requests as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_line() {
        let text = growth(None, Sizes::Smallest, false).unwrap();
        for growth in growth::all() {
            let line = format!("| {} | {} | ", growth.name, growth.sizes[0]);
            assert!(text.contains(&line), "{text}");
        }
        assert!(growth(Some("no such operation"), Sizes::Smallest, false).is_err());
    }
}
