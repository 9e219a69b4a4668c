//! Simulates a backend that loses two thirds of its capacity for a while, behind a fixed cap and behind adaptive
//! limits. Then simulates two tenants, one of which floods the backend, with one cap for both and with a bulkhead each.
//!
//! ```sh
//! cargo run -p maestro-examples --example bulkhead_adaptive -- target/bulkhead_adaptive.svg
//! ```
//!
//! The simulations run on tokio's paused clock: a minute takes a second or two, and every run is the same.

use std::{cell::Cell, env, error::Error, path::PathBuf, rc::Rc, sync::Arc, time::Duration};

use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Fixed, Full, Gradient2, Limit};
use plotters::{coord::Shift, prelude::*};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout},
};
use tower::{Layer, Service, ServiceExt, service_fn};

/// The average time of an answer. Each call takes from half of it to one and a half times it.
const WORK_MS: u64 = 50;
/// The number of workers of the backend: 800 calls a second.
const CAPACITY: u32 = 40;
const CAPACITY_IN_TROUBLE: u32 = CAPACITY / 3;
/// The load in calls a second: three quarters of the capacity.
const LOAD: u64 = 600;
/// A generous fixed cap. In trouble it is 0.6 s of work, longer than callers wait.
const GENEROUS: usize = 160;
/// The time after which callers give up. The backend does not notice, and finishes their calls.
const PATIENCE: Duration = Duration::from_millis(500);

const SECONDS: usize = 60;
const TROUBLE: std::ops::Range<usize> = 20..40;
/// The measured part of the trouble. The limits adapt in the five seconds before it.
const IN_TROUBLE: std::ops::Range<usize> = TROUBLE.start + 5..TROUBLE.end;

/// The seconds for which the two tenants run. One of them floods the backend in `FLOOD`.
const CALM: usize = 20;
const FLOOD: std::ops::Range<usize> = 5..15;
const IN_FLOOD: std::ops::Range<usize> = FLOOD.start + 1..FLOOD.end;

// === The simulation ===

/// How one call ended, and when.
#[derive(Clone, Copy, Debug)]
struct Ended {
    second: usize,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Answered(Duration),
    GaveUp,
    Refused,
}

#[derive(Debug)]
enum Failure {
    Slow,
    Full,
}

impl From<Full> for Failure {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// A queue in front of the workers. Work that has begun is finished, even if its caller has gone.
#[derive(Clone)]
struct Backend {
    workers: Arc<Semaphore>,
    chance: Rc<Cell<u64>>,
}

impl Backend {
    fn new() -> Self {
        let workers = Arc::new(Semaphore::new(CAPACITY as usize));
        Self {
            workers,
            chance: Rc::new(Cell::new(1)),
        }
    }

    async fn answer(self) -> Result<(), Failure> {
        let workers = Arc::clone(&self.workers);
        let work = Duration::from_millis(WORK_MS / 2 + self.next() % (WORK_MS + 1));
        let work = tokio::spawn(async move {
            let _worker = workers.acquire_owned().await;
            tokio::time::sleep(work).await;
        });
        match timeout(PATIENCE, work).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::Slow),
        }
    }

    /// A pseudo-random number, the same in each run (Knuth's linear congruential generator, MMIX).
    fn next(&self) -> u64 {
        let next = self.chance.get().wrapping_mul(6_364_136_223_846_793_005);
        self.chance
            .set(next.wrapping_add(1_442_695_040_888_963_407));
        self.chance.get() >> 33
    }

    async fn loses_and_regains_its_capacity(self) {
        let (lost, start) = (CAPACITY - CAPACITY_IN_TROUBLE, Instant::now());
        sleep_until(start + Duration::from_secs(TROUBLE.start as u64)).await;
        let taken = Arc::clone(&self.workers).acquire_many_owned(lost).await;
        sleep_until(start + Duration::from_secs(TROUBLE.end as u64)).await;
        drop(taken);
    }
}

/// Sends `per_second` calls at equal intervals, whether or not earlier calls have ended: an open loop.
async fn send<S>(
    service: S,
    start: Instant,
    seconds: std::ops::Range<usize>,
    per_second: u64,
) -> Vec<Ended>
where
    S: Service<(), Response = (), Error = Failure> + Clone + 'static,
{
    let mut calls = Vec::new();
    for n in seconds.start as u64 * per_second..seconds.end as u64 * per_second {
        let at = start + Duration::from_micros(n * 1_000_000 / per_second);
        sleep_until(at).await;
        let service = service.clone();
        calls.push(tokio::task::spawn_local(async move {
            let how = match service.oneshot(()).await {
                Ok(()) => How::Answered(at.elapsed()),
                Err(Failure::Slow) => How::GaveUp,
                Err(Failure::Full) => How::Refused,
            };
            let second = usize::try_from(start.elapsed().as_secs()).expect("a minute");
            Ended { second, how }
        }));
    }
    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.expect("no call panics"));
    }
    ended
}

/// Runs `simulation` on a paused clock, which jumps to the next event.
fn simulate<T>(simulation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without IO needs nothing of the system");
    tokio::task::LocalSet::new().block_on(&runtime, simulation)
}

/// Simulates a minute with the trouble in its middle, behind a bulkhead with the limit `law`.
fn trouble(name: &'static str, law: Box<dyn Limit>) -> Run {
    simulate(async move {
        let builder = Bulkhead::builder()
            .limit(GENEROUS)
            .window(Duration::from_millis(200));
        let bulkhead = builder
            .build_adaptive(name, law)
            .expect("the numbers above make sense");
        let backend = Backend::new();
        tokio::task::spawn_local(backend.clone().loses_and_regains_its_capacity());
        let service = BulkheadLayer::new(bulkhead.clone())
            .overload_if(|r: &Result<(), Failure>| r.is_err())
            .layer(service_fn(move |()| backend.clone().answer()));
        let start = Instant::now();
        let limits = tokio::task::spawn_local(async move {
            let mut limits = Vec::new();
            for second in 1..=SECONDS as u64 {
                sleep_until(start + Duration::from_secs(second)).await;
                limits.push(bulkhead.limit());
            }
            limits
        });
        let ended = send(service, start, 0..SECONDS, LOAD).await;
        Run {
            name,
            ended,
            limits: limits.await.expect("it does not panic"),
        }
    })
}

/// Simulates a steady tenant beside one that floods from the fifth second to the fifteenth.
fn flood(name: &'static str, each: Option<usize>) -> Run {
    simulate(async move {
        let backend = Backend::new();
        let start = Instant::now();
        let builder = Bulkhead::builder();
        let shared = builder.limit(GENEROUS).build(name).expect("a legal limit");
        let [quiet, loud] = match each {
            None => [shared.clone(), shared],
            Some(places) => {
                let tenants = builder
                    .limit(places)
                    .build_family(name, 100)
                    .expect("legal numbers");
                ["quiet", "loud"].map(|tenant| tenants.get(&tenant))
            }
        };
        let behind = |bulkhead| {
            let backend = backend.clone();
            BulkheadLayer::new(bulkhead).layer(service_fn(move |()| backend.clone().answer()))
        };
        let flood = tokio::task::spawn_local(send(behind(loud), start, FLOOD, 4_000));
        let ended = send(behind(quiet), start, 0..CALM, 200).await;
        flood.await.expect("no call panics");
        Run {
            name,
            ended,
            limits: Vec::new(),
        }
    })
}

// === Figures ===

#[derive(Debug)]
struct Run {
    name: &'static str,
    ended: Vec<Ended>,
    /// The limit at the end of each second.
    limits: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Answers a second whose callers still waited.
    goodput: f64,
    p95_ms: f64,
    refused_share: f64,
}

impl Run {
    #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
    fn figures(&self, seconds: std::ops::Range<usize>) -> Figures {
        let within: Vec<_> = self
            .ended
            .iter()
            .filter(|e| seconds.contains(&e.second))
            .collect();
        let mut latencies: Vec<_> = within
            .iter()
            .filter_map(|ended| match ended.how {
                How::Answered(latency) => Some(latency),
                How::GaveUp => Some(PATIENCE), // these callers waited as well
                How::Refused => None,
            })
            .collect();
        latencies.sort_unstable();
        let count = |f: fn(&How) -> bool| within.iter().filter(|e| f(&e.how)).count() as f64;
        let p95 = latencies.get(latencies.len() * 95 / 100);
        Figures {
            goodput: count(|how| matches!(how, How::Answered(_))) / seconds.len() as f64,
            p95_ms: p95.map_or(0.0, |latency| latency.as_secs_f64() * 1e3),
            refused_share: count(|how| matches!(how, How::Refused)) / (within.len().max(1)) as f64,
        }
    }

    fn by_second(&self, seconds: usize, figure: fn(Figures) -> f64) -> Line {
        (0..seconds)
            .map(|second| {
                let at = f64::from(u32::try_from(second).expect("a minute"));
                (at, figure(self.figures(second..second + 1)))
            })
            .collect()
    }
}

impl Run {
    fn limit_by_second(&self) -> Line {
        let numbers = |n: usize| f64::from(u32::try_from(n).expect("a limit of some hundreds"));
        let limits = self.limits.iter().enumerate();
        limits
            .map(|(second, limit)| (numbers(second), numbers(*limit)))
            .collect()
    }
}

fn troubles() -> [Run; 3] {
    [
        trouble("fixed cap", Box::new(Fixed)),
        trouble("AIMD", Box::new(Aimd::new().max(GENEROUS))),
        trouble("Gradient2", Box::new(Gradient2::new().max(GENEROUS))),
    ]
}

fn floods() -> [Run; 2] {
    [
        flood("one cap for both", None),
        flood("a bulkhead each", Some(20)),
    ]
}

// === The plot and the table ===

/// A figure for each second.
type Line = Vec<(f64, f64)>;
type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
const COLOURS: [RGBColor; 3] = [
    RGBColor(200, 60, 40),
    RGBColor(40, 110, 180),
    RGBColor(50, 150, 70),
];

fn panel(
    area: &Panel<'_>,
    title: &str,
    runs: &[Run],
    seconds: usize,
    trouble: std::ops::Range<usize>,
    lines: Vec<Line>,
) -> Result<(), Box<dyn Error>> {
    let highest = lines
        .iter()
        .flatten()
        .map(|point| point.1)
        .fold(0.0, f64::max);
    let second = |second: usize| f64::from(u32::try_from(second).expect("a minute"));
    let (last, top) = (second(seconds), (highest * 1.1).max(0.1));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(24)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..last, 0.0..top)?;
    chart
        .configure_mesh()
        .x_label_formatter(&|second| format!("{second:.0} s"))
        .y_label_formatter(&|y| {
            if top < 2.0 {
                format!("{:.0} %", y * 100.0)
            } else {
                format!("{y:.0}")
            }
        })
        .light_line_style(WHITE)
        .draw()?;
    // Shades the seconds of the trouble.
    let shade = [(second(trouble.start), 0.0), (second(trouble.end), top)];
    chart.draw_series([Rectangle::new(shade, BLACK.mix(0.06).filled())])?;
    for ((run, line), colour) in runs.iter().zip(lines).zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(run.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

fn draw(path: &PathBuf, troubles: &[Run], floods: &[Run]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (960, 1_500)).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((6, 1));
    let by_second = |runs: &[Run], seconds, figure: fn(Figures) -> f64| {
        let lines = runs.iter().map(|run| run.by_second(seconds, figure));
        lines.collect::<Vec<Line>>()
    };
    let limits = troubles.iter().map(Run::limit_by_second).collect();
    let of_trouble: [(&str, Vec<Line>); 4] = [
        (
            "Answers a second; the capacity falls to a third from 20 s to 40 s",
            by_second(troubles, SECONDS, |f| f.goodput),
        ),
        (
            "95th percentile of the time waited, ms",
            by_second(troubles, SECONDS, |f| f.p95_ms),
        ),
        (
            "Share of calls refused",
            by_second(troubles, SECONDS, |f| f.refused_share),
        ),
        ("The limit, in calls at once", limits),
    ];
    for (area, (title, lines)) in panels.iter().zip(of_trouble) {
        panel(area, title, troubles, SECONDS, TROUBLE, lines)?;
    }
    let title = "A quiet tenant beside one that floods from 5 s to 15 s: its 95th percentile, ms";
    let lines = by_second(floods, CALM, |f| f.p95_ms);
    panel(&panels[4], title, floods, CALM, FLOOD, lines)?;
    let title = "… and the share of its calls that are refused";
    let lines = by_second(floods, CALM, |f| f.refused_share);
    panel(&panels[5], title, floods, CALM, FLOOD, lines)?;
    root.present()?;
    Ok(())
}

fn print(run: &Run, phases: &[(&str, std::ops::Range<usize>)]) {
    for (phase, seconds) in phases {
        let Figures {
            goodput,
            p95_ms,
            refused_share,
        } = run.figures(seconds.clone());
        let limit = run
            .limits
            .get(seconds.end - 1)
            .map_or("-".to_owned(), usize::to_string);
        let (name, refused) = (run.name, refused_share * 100.0);
        println!("| {name} | {phase} | {goodput:.0} | {p95_ms:.0} | {refused:.0} % | {limit} |");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .map_or("target/bulkhead_adaptive.svg".into(), PathBuf::from);
    let (troubles, floods) = (troubles(), floods());
    println!("| limit | phase | answers/s | p95, ms | refused | limit at the end |");
    println!("|---|---|--:|--:|--:|--:|");
    for run in &troubles {
        print(
            run,
            &[
                ("healthy", 10..20),
                ("a third", IN_TROUBLE),
                ("again healthy", 50..60),
            ],
        );
    }
    for run in &floods {
        print(
            run,
            &[
                ("quiet tenant, alone", 1..5),
                ("quiet tenant, in the flood", IN_FLOOD),
            ],
        );
    }
    draw(&path, &troubles, &floods)?;
    println!("\ndrawn: {}", path.display());
    Ok(())
}

// === The results ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adaptive_limits_keep_the_remaining_capacity_in_use() {
        let [fixed, aimd, gradient] = troubles();
        let in_trouble = |run: &Run| run.figures(IN_TROUBLE);
        let possible =
            f64::from(CAPACITY_IN_TROUBLE) * 1_000.0 / f64::from(u32::try_from(WORK_MS).unwrap());
        assert!(
            in_trouble(&fixed).goodput < 0.3 * possible,
            "{:?}",
            in_trouble(&fixed)
        );
        for run in [&aimd, &gradient] {
            let figures = in_trouble(run);
            assert!(
                figures.goodput > 0.8 * possible,
                "{}: {figures:?}",
                run.name
            );
            assert!(
                figures.p95_ms < in_trouble(&fixed).p95_ms,
                "{}: {figures:?}",
                run.name
            );
            // After the trouble the limits recover.
            let healthy = run.figures(50..60);
            assert!(
                healthy.goodput > 590.0 && healthy.refused_share < 0.01,
                "{}: {healthy:?}",
                run.name
            );
        }
        // Gradient2 reacts to the latency, before callers give up.
        assert!(in_trouble(&gradient).p95_ms < in_trouble(&aimd).p95_ms);
    }

    #[test]
    fn a_bulkhead_per_tenant_isolates_it_from_a_flood() {
        let [shared, each] = floods();
        let alone = each.figures(1..5);
        let flooded = each.figures(IN_FLOOD);
        assert!(flooded.p95_ms < 1.2 * alone.p95_ms, "{alone:?} {flooded:?}");
        assert!(
            flooded.refused_share == 0.0 && flooded.goodput > 195.0,
            "{flooded:?}"
        );
        let shared = shared.figures(IN_FLOOD);
        assert!(
            shared.refused_share > 0.3 || shared.p95_ms > 3.0 * alone.p95_ms,
            "{shared:?}"
        );
    }

    #[test]
    fn the_bulkheads_guide_has_these_figures() {
        let readme = include_str!("../../bulkhead/src/guide.md");
        for run in troubles() {
            let Figures {
                goodput, p95_ms, ..
            } = run.figures(IN_TROUBLE);
            let row = format!("{} | {goodput:.0} | {p95_ms:.0} ms", run.name);
            assert!(readme.contains(&row), "{row}");
        }
        let [shared, each] = floods();
        for run in [shared, each] {
            let Figures {
                p95_ms,
                refused_share,
                ..
            } = run.figures(IN_FLOOD);
            let refused = refused_share * 100.0;
            let row = format!("{} | {p95_ms:.0} ms | {refused:.0} %", run.name);
            assert!(readme.contains(&row), "{row}");
        }
    }

    #[test]
    fn two_runs_are_alike() {
        let run = || flood("x", Some(20)).figures(6..15).p95_ms.to_bits();
        assert_eq!(run(), run());
    }
}
