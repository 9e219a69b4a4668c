//! A retry storm, and how a budget ends it.
//!
//! A server does 100 requests a second, one after another, and is asked for 70. For ten seconds it does only a
//! quarter of that. Its queue fills, attempts time out, and callers try again: now it is asked for up to 280
//! a second, and most of what it does is for callers who have gone. So when the trouble is over, nothing changes:
//! the retries alone keep it down (a metastable failure; Bronson et al., "Metastable Failures in
//! Distributed Systems", 2021). A budget takes the retries away, and the server recovers.
//!
//! ```sh
//! cargo run -p maestro-examples --example retry_storm -- target/retry_storm.svg
//! ```
//!
//! A simulation on a paused clock, with seeded jitter: each run prints and draws the same, in a second or two.

use std::{
    cell::RefCell,
    env,
    error::Error,
    fmt::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use maestro_retry::{
    Backoff, Budget, CostBucket, HalfFull, InFlightShare, RetryBudget, RetryLayer, RetryPolicy,
    Unlimited,
};
use maestro_timeout::{Elapsed, TimeoutLayer};
use plotters::prelude::*;
use tokio::{
    runtime::Builder,
    task::LocalSet,
    time::{Instant, sleep_until},
};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// What the server does for one request while it is well.
const WORK: Duration = Duration::from_millis(10);
/// It accepts no more than so many at a time: a second's work, twice as long as anybody waits.
const QUEUE: u32 = 100;
/// How long a caller waits for one attempt.
const PATIENCE: Duration = Duration::from_millis(500);
/// 70 a second, for a minute.
const CALLS: u32 = 70 * 60;
const SECONDS: usize = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// In these seconds the server takes four times as long.
const TROUBLE: std::ops::Range<usize> = 10..20;

/// What came of one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// How many calls were answered in each second.
    pub(crate) answered: Vec<u32>,
    /// How many attempts reached the server in each second, or were turned away by it.
    pub(crate) asked: Vec<u32>,
    /// How many there were in all: some still after the minute.
    pub(crate) attempts: u32,
}

#[derive(Debug)]
enum Trouble {
    QueueFull,
    TooLate,
}

impl From<Elapsed> for Trouble {
    fn from(_: Elapsed) -> Self {
        Self::TooLate
    }
}

/// Serves one request after another, also those whose callers have gone: it cannot know.
struct Server {
    start: Instant,
    free_at: Instant,
    attempts: u32,
    asked: Vec<u32>,
}

impl Server {
    /// When a request that comes now is done; nothing where the queue is full.
    fn accept(&mut self) -> Result<Instant, Trouble> {
        self.attempts += 1;
        let now = Instant::now();
        let second = second(now - self.start);
        count_in(&mut self.asked, second);
        let work = if TROUBLE.contains(&second) {
            WORK * 4
        } else {
            WORK
        };
        let begin = self.free_at.max(now);
        if begin - now >= WORK * QUEUE {
            return Err(Trouble::QueueFull);
        }
        self.free_at = begin + work;
        Ok(self.free_at)
    }
}

fn second(since: Duration) -> usize {
    usize::try_from(since.as_secs()).expect("the run takes two minutes at most")
}

fn count_in(seconds: &mut [u32], second: usize) {
    if let Some(count) = seconds.get_mut(second) {
        *count += 1;
    }
}

/// A minute of callers with this budget, each of whom makes up to so many attempts.
fn run<B>(name: &'static str, attempts: u32, budget: B) -> Outcome
where
    B: Budget<Call: 'static, Hold: 'static, Retry: 'static> + Clone + 'static,
{
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without I/O asks for nothing that could fail");
    let outcome = async move {
        let start = Instant::now();
        let server = Rc::new(RefCell::new(Server {
            start,
            free_at: start,
            attempts: 0,
            asked: vec![0; SECONDS],
        }));
        let asked = Rc::clone(&server);
        let policy = RetryPolicy::builder()
            .attempts(attempts)
            .backoff(Backoff::exponential(
                Duration::from_millis(50),
                Duration::from_secs(1),
            ))
            .seed(1)
            .build()
            .expect("one attempt or more")
            .budget(budget);
        let client = ServiceBuilder::new()
            .layer(RetryLayer::new(policy))
            .layer(TimeoutLayer::new(PATIENCE))
            .service(service_fn(move |()| {
                let done = asked.borrow_mut().accept();
                async move {
                    sleep_until(done?).await;
                    Ok::<_, Trouble>(())
                }
            }));
        let answered = Rc::new(RefCell::new(vec![0; SECONDS]));
        let callers = LocalSet::new();
        for n in 0..CALLS {
            let (client, answered) = (client.clone(), Rc::clone(&answered));
            let begin = start + MINUTE * n / CALLS;
            callers.spawn_local(async move {
                sleep_until(begin).await;
                if client.oneshot(()).await.is_ok() {
                    count_in(&mut answered.borrow_mut(), second(start.elapsed()));
                }
            });
        }
        callers.await;
        let mut server = server.borrow_mut();
        Outcome {
            name,
            answered: answered.take(),
            asked: std::mem::take(&mut server.asked),
            attempts: server.attempts,
        }
    };
    runtime.block_on(outcome)
}

/// The same callers, and what holds their retries back.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let share = RetryBudget::builder().ratio(0.1).floor_per_second(1);
    let legal = "these numbers are legal";
    vec![
        run("no retries", 1, Unlimited),
        run("4 attempts, no budget", 4, Unlimited),
        run(
            "RetryBudget: 10 % and 1/s",
            4,
            share.build("storm").expect(legal),
        ),
        run(
            "HalfFull: 10 tokens",
            4,
            HalfFull::builder().build("storm").expect(legal),
        ),
        run(
            "CostBucket: 500 tokens",
            4,
            CostBucket::builder().build("storm").expect(legal),
        ),
        run(
            "InFlightShare: 20 %",
            4,
            InFlightShare::builder().build("storm").expect(legal),
        ),
    ]
}

impl Outcome {
    /// Of 70 calls a second, how many were answered in the last twenty, long after the trouble.
    pub(crate) fn at_the_end(&self) -> u32 {
        let last = &self.answered[SECONDS - 20..];
        last.iter().sum::<u32>() / 20
    }

    /// How many seconds after the trouble most calls were answered again, for good.
    pub(crate) fn recovered(&self) -> Option<usize> {
        let after = &self.answered[TROUBLE.end..];
        let bad = after.iter().rposition(|answered| *answered < 63);
        let well = bad.map_or(0, |last| last + 1);
        (well < after.len()).then_some(well)
    }
}

/// A line of bars, a second each, and what they come to.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        writeln!(f, "{}", self.name)?;
        f.write_str("  │")?;
        for answered in &self.answered {
            // 0 has no bar, and any other number has one.
            let height = (answered * 8).div_ceil(70).min(8);
            f.write_char(BARS[height as usize])?;
        }
        let load = f64::from(self.attempts) / f64::from(CALLS);
        write!(
            f,
            "│ {load:.2} attempts a call; {} of 70 at the end",
            self.at_the_end()
        )?;
        match self.recovered() {
            Some(seconds) => writeln!(f, ", well after {seconds} s"),
            None => writeln!(f, ", DOWN FOR GOOD"),
        }
    }
}

/// A panel for each: what the server is asked for, and what comes of it.
fn draw(path: &Path, outcomes: &[Outcome]) -> Result<(), Box<dyn Error>> {
    const ASKED: RGBColor = RGBColor(200, 60, 40);
    const ANSWERED: RGBColor = RGBColor(40, 110, 180);
    let root = SVGBackend::new(path, (1_000, 900)).into_drawing_area();
    root.fill(&WHITE)?;
    let last = u32::try_from(SECONDS)?;
    let (begin, end) = (u32::try_from(TROUBLE.start)?, u32::try_from(TROUBLE.end)?);
    for (area, outcome) in root.split_evenly((3, 2)).iter().zip(outcomes) {
        let end_of = match outcome.recovered() {
            Some(seconds) => format!("well {seconds} s after the trouble"),
            None => "down for good".to_owned(),
        };
        let mut chart = ChartBuilder::on(area)
            .caption(format!("{}: {end_of}", outcome.name), ("sans-serif", 17))
            .margin(8)
            .margin_right(20)
            .x_label_area_size(24)
            .y_label_area_size(44)
            .build_cartesian_2d(0..last, 0_u32..400)?;
        chart
            .configure_mesh()
            .x_labels(7)
            .x_label_formatter(&|second| format!("{second} s"))
            .light_line_style(WHITE)
            .draw()?;
        // When the server is slow, and what it can do while it is not.
        let shade = [(begin, 0), (end, 400)];
        chart.draw_series([Rectangle::new(shade, BLACK.mix(0.06).filled())])?;
        let capacity = [(0, 100), (last, 100)];
        chart.draw_series(DashedLineSeries::new(capacity, 4, 4, BLACK.mix(0.5).into()))?;
        let lines = [
            ("attempts a second", &outcome.asked, ASKED),
            ("answers a second", &outcome.answered, ANSWERED),
        ];
        for (label, line, colour) in lines {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new((0..).zip(line.iter().copied()), style))?
                .label(label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .draw()?;
    }
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .map_or("target/retry_storm.svg".into(), PathBuf::from);
    println!("Calls answered in each second; 70 are made. In trouble: ┄\n");
    let ruler = |second| {
        if TROUBLE.contains(&second) {
            '┄'
        } else {
            ' '
        }
    };
    println!("   {}", (0..SECONDS).map(ruler).collect::<String>());
    let outcomes = outcomes();
    for outcome in &outcomes {
        println!("{outcome}");
    }
    draw(&path, &outcomes)?;
    println!("Drawn in {}", path.display());
    Ok(())
}
