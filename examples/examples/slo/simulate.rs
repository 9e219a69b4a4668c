//! Plays a history through the objects of a process. No clock is read, so the same history gives the same lines.

use std::{fmt::Write, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use maestro_slo_budget::{
    AlertState, Alerts, BurnRate, Counts, ErrorBudget, Event, Gate, Severity, Spec, Window,
    WindowReport,
};
use tokio::time::Instant;

use crate::check::{round, spoken};

#[derive(Args)]
pub(crate) struct Simulate {
    /// YAML or JSON
    pub(crate) spec: PathBuf,
    /// A part of the history, `TIME:BAD` or `TIME:BAD:EVENTS`: for how long, what share of events is bad, how many there are a
    /// second. Repeat it for what follows. By default: two hours that keep the objective, an outage of ten minutes, an hour of
    /// health, half an hour without traffic, and health again, with the first alert's long window as the hour
    #[arg(long = "phase", value_name = "PHASE")]
    phases: Vec<Phase>,
    /// How many events there are a second, where a phase does not say
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    events: f64,
    /// How far apart the lines are; by default the first alert's short window
    #[arg(long, value_name = "TIME", value_parser = time)]
    every: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Phase {
    lasts: Duration,
    bad: f64,
    events: Option<f64>,
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no phase: write `10m:100%`, or `10m:100%:20` with the events a second"
            )
        };
        let mut parts = text.split(':');
        let lasts = time(parts.next().unwrap_or_default())?;
        let bad = parts
            .next()
            .and_then(|part| part.strip_suffix('%'))
            .ok_or_else(wrong)?;
        let number = |part: &str| {
            part.parse()
                .ok()
                .filter(|n: &f64| n.is_finite() && *n >= 0.0)
        };
        let bad = number(bad).filter(|bad| *bad <= 100.0).ok_or_else(wrong)? / 100.0;
        let events = parts
            .next()
            .map(|part| number(part).ok_or_else(wrong))
            .transpose()?;
        match parts.next() {
            None => Ok(Self { lasts, bad, events }),
            Some(_) => Err(wrong()),
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: Window = (text.parse())
        .map_err(|_| format!("`{text}` is no time: write `90s`, `5m`, `1h30m` or `3d`"))?;
    // More than ten years is a mistake.
    Some(Duration::from(time))
        .filter(|time| time.as_secs() <= 315_360_000)
        .ok_or_else(|| format!("`{text}` is longer than ten years"))
}

/// The objects of a process.
struct Process {
    budget: ErrorBudget,
    alerts: Alerts,
    gate: Gate,
}

impl Simulate {
    pub(crate) fn run(&self, spec: &Spec) -> Result<String, String> {
        let build = || {
            let budget = spec.budget().build(spec.name())?;
            let alerts = spec.alerts().build(budget.clone())?;
            let gate = spec.gate().build(budget.clone())?;
            Ok(Process {
                budget,
                alerts,
                gate,
            })
        };
        let process =
            build().map_err(|error: maestro_slo_budget::InvalidConfig| format!("{error}\n"))?;
        let snapshot = process.alerts.snapshot();
        let first = snapshot.iter().next().ok_or("there is no alert\n")?;
        let (long, short) = (first.long().0, first.short().0);
        let allowed = 1.0
            / process
                .budget
                .objective()
                .burn_rate(Counts::new(0, 1))
                .map_or(1.0, BurnRate::as_f64);
        let phases = if self.phases.is_empty() {
            let phase = |lasts, bad, events| Phase { lasts, bad, events };
            vec![
                phase(long * 2, allowed / 10.0, None),
                phase(long / 6, 1.0, None),
                phase(long, allowed / 10.0, None),
                phase(long / 2, 0.0, Some(0.0)),
                phase(long, allowed / 10.0, None),
            ]
        } else {
            self.phases.clone()
        };
        let every = self.every.unwrap_or(short);
        let all: Duration = phases.iter().map(|phase| phase.lasts).sum();
        if all.as_nanos() / every.as_nanos() > 10_000 {
            return Err("more than 10,000 lines: choose a longer `--every`\n".into());
        }
        Ok(process.play(&phases, self.events, every))
    }
}

impl Process {
    fn play(&self, phases: &[Phase], usual: f64, every: Duration) -> String {
        let windows: Vec<Duration> = self
            .budget
            .report()
            .windows()
            .map(WindowReport::window)
            .collect();
        let mut text = format!("{:>8} {:>8} {:>7}", "time", "events/s", "bad");
        for window in &windows {
            let _ = write!(text, " {:>9}", format!("burn {}", spoken(*window)));
        }
        let _ = writeln!(
            text,
            " {:>10}  {:<24} {:<7} gate",
            "remaining", "alerts", "deploy"
        );
        // A step is a second, in which the gate decides, or a twentieth of a line.
        let step = (every / 20).clamp(Duration::from_millis(50), Duration::from_secs(1));
        let start = Instant::now();
        // The lowest share of optional requests that the gate admits between two lines. The history is counted as it is:
        // its events are those that were admitted.
        let mut share = 1.0_f64;
        let (mut passed, mut next) = (Duration::ZERO, every);
        let (mut owed, mut owed_bad) = (0.0, 0.0);
        for phase in phases {
            let events = phase.events.unwrap_or(usual);
            let until = passed + phase.lasts;
            while passed < until {
                let now = start + passed;
                owed += events * step.as_secs_f64();
                while owed >= 1.0 {
                    owed -= 1.0;
                    owed_bad += phase.bad;
                    let is_bad = owed_bad >= 1.0;
                    owed_bad -= if is_bad { 1.0 } else { 0.0 };
                    self.budget
                        .record_at(if is_bad { Event::Bad } else { Event::Good }, now);
                }
                passed += step;
                self.alerts.evaluate_at(start + passed);
                share = share.min(self.gate.snapshot_at(start + passed).share());
                if passed >= next {
                    next += every;
                    let _ = write!(
                        text,
                        "{:>8} {:>8} {:>6}%",
                        spoken(passed),
                        round(events),
                        round(phase.bad * 100.0)
                    );
                    text += &self.line(&windows, start + passed, share);
                    share = 1.0;
                }
            }
        }
        text
    }

    fn line(&self, windows: &[Duration], now: Instant, share: f64) -> String {
        let mut text = String::new();
        for window in windows {
            let burn = self.budget.burn_rate_at(*window, now);
            let burn = burn.map_or("no data".into(), |burn| format!("{burn:.2}"));
            let _ = write!(text, " {burn:>9}");
        }
        // Against the budget of a whole period, as the pace of a gate.
        let consumed = self.budget.report_at(now).consumed_of_period();
        let remaining = consumed.map_or("no data".into(), |consumed| {
            format!("{:.2}%", 100.0 - consumed * 100.0)
        });
        let firing = self.alerts.snapshot();
        let firing: Vec<String> = (firing.iter())
            .filter(|alert| alert.state() == AlertState::Firing)
            .map(|alert| {
                let severity = if alert.severity() == Severity::Page {
                    "page"
                } else {
                    "ticket"
                };
                format!("{severity} {}", spoken(alert.long().0))
            })
            .collect();
        let firing = if firing.is_empty() {
            "-".into()
        } else {
            firing.join(", ")
        };
        let deploy = if self.gate.deploy_at(now).is_allowed() {
            "go"
        } else {
            "no-go"
        };
        let gate = if share < 1.0 {
            format!("admits {:.0}%", (share * 100.0).clamp(1.0, 99.0))
        } else {
            "open".into()
        };
        let _ = writeln!(text, " {remaining:>10}  {firing:<24} {deploy:<7} {gate}");
        text
    }
}
