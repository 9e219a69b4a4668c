//! Simulates three releases, a good one, one with twice the errors, and a broken one, through the steps of a canary:
//! measurements once a minute, the evidence by then, and the verdicts.
//!
//! ```sh
//! cargo run -p maestro-examples --example canary -- target/canary.svg
//! ```
//!
//! All numbers are drawn from a seed, and no clock is read, so every run is the same.

use std::{env, error::Error, path::PathBuf, time::Duration};

use maestro_slo_budget::{
    CanaryPolicy, Objective,
    canary::{Arm, Verdict},
};
use plotters::{coord::Shift, prelude::*};
use tokio::time::Instant;

/// The requests of both arms together: 200 a second.
const A_MINUTE: u64 = 12_000;
const MINUTES: u64 = 180;
const GUARD: Objective = Objective::new(999, 1000).expect("999 of 1000");

// === The simulation ===

/// The behaviour of one version.
#[derive(Clone, Copy, Debug)]
struct Version {
    name: &'static str,
    error_rate: f64,
    /// The shares slower than the 95th percentile of the baseline, and than three times that.
    slow: f64,
    much_too_slow: f64,
}

const BASELINE: Version = Version {
    name: "baseline",
    error_rate: 0.001,
    slow: 0.05,
    much_too_slow: 0.001,
};

const RELEASES: [Version; 3] = [
    Version {
        name: "good: 0.02 % errors",
        error_rate: 0.000_2,
        ..BASELINE
    },
    Version {
        name: "slightly bad: 0.2 %",
        error_rate: 0.002,
        ..BASELINE
    },
    Version {
        name: "broken: 3 %, and slow",
        error_rate: 0.03,
        slow: 0.2,
        much_too_slow: 0.1,
    },
];

/// `SplitMix64` (Steele, Lea, Flood, 2014).
struct Dice(u64);

impl Dice {
    /// Above 0 and at most 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Counts further requests.
    fn serve(&mut self, requests: u64, version: Version, to: Arm) -> Arm {
        let (mut good, mut bad) = (to.counts().good(), to.counts().bad());
        let (mut slow, mut much) = (to.slow().unwrap_or(0), to.much_too_slow().unwrap_or(0));
        for _ in 0..requests {
            let (is_bad, latency) = (self.roll() <= version.error_rate, self.roll());
            good += u64::from(!is_bad);
            bad += u64::from(is_bad);
            slow += u64::from(latency <= version.slow);
            much += u64::from(latency <= version.much_too_slow);
        }
        Arm::new(good, bad).latency(slow, much)
    }
}

/// The evidence at the end of a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Minute {
    /// The requests of the canary since the start, in thousands.
    requests: f64,
    share: u8,
    /// The e-value that it is worse than the baseline, as a power of ten.
    worse: f64,
    /// Per cent: the bound of its error rate, what is allowed for the next step, and the observed rate.
    at_most: f64,
    allowed: f64,
    seen: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Run {
    name: &'static str,
    minutes: Vec<Minute>,
    /// The verdicts other than hold, with their minutes.
    verdicts: Vec<(u64, Verdict)>,
}

/// The share of the step after that with this share.
fn next_share(policy: &CanaryPolicy, share: u64) -> u8 {
    let mut steps = policy.steps().filter(|step| u64::from(*step) > share);
    steps.next().unwrap_or(100)
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn run(release: Version) -> Run {
    let policy = CanaryPolicy::builder()
        .guard(GUARD)
        .build()
        .expect("legal numbers");
    let start = Instant::now();
    let mut canary = policy.start_at(start);
    let mut dice = Dice(7);
    let (mut baseline, mut tried) = (Arm::default(), Arm::default());
    let (mut minutes, mut verdicts) = (Vec::new(), Vec::new());
    for minute in 1..=MINUTES {
        let share = u64::from(canary.step());
        let to_canary = A_MINUTE * share / 100;
        baseline = dice.serve(A_MINUTE - to_canary, BASELINE, baseline);
        tried = dice.serve(to_canary, release, tried);
        let now = start + Duration::from_secs(60 * minute);
        (canary.observe_at(baseline, tried, now)).expect("counts that grow");
        let verdict = canary.verdict(now);
        let evidence = verdict.evidence();
        let all = evidence.canary();
        minutes.push(Minute {
            requests: tried.counts().total() as f64 / 1e3,
            share: canary.step(),
            worse: evidence.worse().ln() / std::f64::consts::LN_10,
            at_most: evidence.error_rate_at_most() * 100.0,
            allowed: 10.0 / f64::from(next_share(&policy, share)),
            seen: all.bad() as f64 / all.total() as f64 * 100.0,
        });
        match &verdict {
            Verdict::Promote(_) => {
                verdicts.push((minute, verdict));
                canary.advance_at(now);
                if canary.is_complete() {
                    break;
                }
            }
            Verdict::RollBack(_) => {
                verdicts.push((minute, verdict));
                break;
            }
            _ => {}
        }
    }
    Run {
        name: release.name,
        minutes,
        verdicts,
    }
}

// === The plot and the table ===

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A name, a colour, points.
type Line<'a> = (&'a str, RGBColor, Vec<(f64, f64)>);
const COLOURS: [RGBColor; 3] = [
    RGBColor(50, 150, 70),
    RGBColor(220, 150, 30),
    RGBColor(200, 60, 40),
];
const ENOUGH: RGBColor = RGBColor(90, 90, 90);

/// Lines over the requests of the canary in thousands, each with its end marked, and one to compare them with.
fn panel(
    area: &Panel<'_>,
    title: &str,
    heights: std::ops::Range<f64>,
    (line_at, line): (f64, &str),
    lines: &[Line<'_>],
) -> Result<(), Box<dyn Error>> {
    let points = lines.iter().flat_map(|(.., points)| points);
    let last = points.map(|point| point.0).fold(1.0, f64::max) * 1.25; // room for the legend
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(8)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..last, heights.clone())?;
    chart
        .configure_mesh()
        .x_desc("requests of the canary, thousands")
        .light_line_style(WHITE)
        .draw()?;
    let enough = [(0.0, line_at), (last, line_at)];
    chart
        .draw_series(LineSeries::new(enough, ENOUGH.stroke_width(1)))?
        .label(line)
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], ENOUGH));
    for (name, colour, points) in lines {
        let colour = *colour;
        let mut inside = points
            .iter()
            .map(|(x, y)| (*x, y.clamp(heights.start, heights.end)));
        chart
            .draw_series(LineSeries::new(inside.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(
            inside
                .next_back()
                .map(|end| Circle::new(end, 4, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

fn draw(path: &PathBuf, runs: &[Run; 3]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (960, 1_200)).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((4, 1));
    let line = |run: &Run, of: fn(&Minute) -> f64| -> Vec<_> {
        (run.minutes.iter())
            .map(|minute| (minute.requests, of(minute)))
            .collect()
    };
    let each = |of: fn(&Minute) -> f64| {
        let runs = runs.iter().zip(COLOURS);
        runs.map(|(run, colour)| (run.name, colour, line(run, of)))
            .collect::<Vec<_>>()
    };
    panel(
        &panels[0],
        "Evidence that it is worse than the baseline (e-value, as a power of ten, cut at 6)",
        -6.0..6.0,
        (1.5, "enough: 33"),
        &each(|minute| minute.worse),
    )?;
    for (panel_at, run) in panels[1..].iter().zip(&runs[..2]) {
        panel(
            panel_at,
            &format!("{}: the error rate and its bound, %", run.name),
            0.0..0.8,
            (0.1, "the guard"),
            &[
                ("at most", COLOURS[2], line(run, |minute| minute.at_most)),
                ("seen", COLOURS[1], line(run, |minute| minute.seen)),
                (
                    "allowed for the next step",
                    COLOURS[0],
                    line(run, |minute| minute.allowed),
                ),
            ],
        )?;
    }
    panel(
        &panels[3],
        "Share of the requests that goes to it, %",
        0.0..110.0,
        (100.0, "all"),
        &each(|minute| f64::from(minute.share)),
    )?;
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .map_or("target/canary.svg".into(), PathBuf::from);
    let runs = RELEASES.map(run);
    for run in &runs {
        println!("{}", run.name);
        for (minute, verdict) in &run.verdicts {
            println!("  after {minute} min: {verdict}");
        }
    }
    draw(&path, &runs)?;
    println!("\ndrawn: {}", path.display());
    Ok(())
}

// === What it shows ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_releases_get_all_requests_and_bad_ones_go_back() {
        let [good, slightly_bad, broken] = RELEASES.map(run);
        let promotions = |run: &Run| -> Vec<_> {
            let promoted = run
                .verdicts
                .iter()
                .filter_map(|(_, verdict)| match verdict {
                    Verdict::Promote(promotion) => Some(promotion.to()),
                    _ => None,
                });
            promoted.collect()
        };
        assert_eq!(promotions(&good), [25, 50, 100]);
        assert_eq!(promotions(&slightly_bad), []);
        assert_eq!(promotions(&broken), []);
        let end = |run: &Run| run.verdicts.last().cloned().expect("an end");
        assert!(end(&slightly_bad).1.is_roll_back() && end(&broken).1.is_roll_back());
        assert!(end(&broken).0 <= 7, "{:?}", end(&broken));
        let minutes = 5..60;
        assert!(
            minutes.contains(&end(&slightly_bad).0),
            "{:?}",
            end(&slightly_bad)
        );
    }

    #[test]
    fn two_runs_are_equal() {
        assert_eq!(run(RELEASES[1]).minutes, run(RELEASES[1]).minutes);
    }
}
