//! A retry storm, and how a budget ends it.
//!
//! A server processes 100 requests a second, one after another, and receives 70. For ten seconds it is four times
//! slower. Its queue fills, attempts time out, and callers retry: now it receives up to 280 a second, and most of its
//! work is for callers that have gone. After the ten seconds the retries alone keep it down (a metastable failure;
//! Bronson et al., "Metastable Failures in Distributed Systems", 2021). With a budget there are few retries, and the
//! server recovers.
//!
//! ```sh
//! cargo run -p maestro-examples --example retry_storm -- target/retry_storm.svg
//! ```
//!
//! The simulation uses a paused clock and seeded jitter. Every run has the same result and takes a second or two.

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

/// The time of one request while the server is healthy.
const WORK: Duration = Duration::from_millis(10);
/// The length of the server's queue: one second of work, twice as long as a caller waits.
const QUEUE: u32 = 100;
/// The timeout of one attempt.
const PATIENCE: Duration = Duration::from_millis(500);
/// The number of calls: 70 a second for a minute.
const CALLS: u32 = 70 * 60;
const SECONDS: usize = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// The seconds in which the server is four times slower.
const TROUBLE: std::ops::Range<usize> = 10..20;

/// The result of one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// The calls answered in each second.
    pub(crate) answered: Vec<u32>,
    /// The attempts that reached the server in each second, rejected ones included.
    pub(crate) asked: Vec<u32>,
    /// All attempts, also those after the minute.
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

/// A server that processes one request after another. It does not know whether a caller has gone.
struct Server {
    start: Instant,
    free_at: Instant,
    attempts: u32,
    asked: Vec<u32>,
}

impl Server {
    /// The instant at which a request that arrives now is done.
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

/// Simulates a minute of callers with this budget. Each makes up to `attempts` attempts.
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
            .retry_if(Result::is_err)
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

/// The results of the same callers with different budgets.
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
    /// The calls answered a second, of 70, in the last twenty seconds, long after the trouble.
    pub(crate) fn at_the_end(&self) -> u32 {
        let last = &self.answered[SECONDS - 20..];
        last.iter().sum::<u32>() / 20
    }

    /// The seconds from the end of the trouble until most calls are answered again.
    pub(crate) fn recovered(&self) -> Option<usize> {
        let after = &self.answered[TROUBLE.end..];
        let bad = after.iter().rposition(|answered| *answered < 63);
        let well = bad.map_or(0, |last| last + 1);
        (well < after.len()).then_some(well)
    }
}

/// A line of bars, one for each second, and a summary.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        writeln!(f, "{}", self.name)?;
        f.write_str("  │")?;
        for answered in &self.answered {
            // Rounded up, so that only 0 has no bar.
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

/// Draws a panel for each result: attempts and answers for each second.
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
        // The seconds in which the server is slow, and its capacity otherwise.
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
