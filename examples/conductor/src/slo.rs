//! The objective of the service: its report and the state of the gate.

use std::fmt;

use maestro_slo_budget::{BurnRate, Decision, ErrorBudget, Gate, WindowReport};
use serde::Serialize;

use crate::conductor::Conductor;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::start::Cause;

/// The body of `/slo`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct View {
    objective: String,
    period: Window,
    /// The remaining share of the budget that the traffic until now allows; negative when overspent.
    budget_remaining: Option<f64>,
    burn_rates: Vec<Window>,
    gate: Standing,
    deploy: String,
}

/// One window. Its length is in seconds, because scaled windows have odd lengths.
#[derive(Clone, Copy, Debug, Serialize)]
struct Window {
    seconds: f64,
    good: u64,
    bad: u64,
    burn_rate: Option<f64>,
    /// The share of the window that the service has observed, from 0 to 1.
    coverage: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Standing {
    /// `open`, or `shedding` while a share of the new runs is refused.
    state: &'static str,
    /// The share of new runs that is admitted, from 0 to 1.
    share: f64,
    /// The burn rate that is allowed now.
    pace: f64,
    reasons: Vec<String>,
    refused: u64,
}

/// The state of a gate that refuses nothing.
const OPEN: &str = "open";

/// Builds the budget and its gate.
pub(crate) fn build(config: &Config) -> Result<(ErrorBudget, Gate), Cause> {
    let budget = ErrorBudget::builder()
        .objective(config.objective)
        .compressed(config.period);
    let budget = budget.build("api").map_err(Cause::config)?;
    let gate = Gate::new(budget.clone());
    Ok((budget, gate))
}

impl Conductor {
    pub(crate) fn slo(&self) -> View {
        let report = self.budget.report();
        let gate = self.gate.snapshot();
        View {
            objective: report.objective().to_string(),
            period: Window::new(report.period()),
            budget_remaining: report.remaining(),
            burn_rates: report.windows().map(Window::new).collect(),
            gate: Standing {
                state: if gate.is_open() { OPEN } else { "shedding" },
                share: gate.share(),
                pace: gate.pace(),
                reasons: gate
                    .reasons()
                    .iter()
                    .map(|reason| reason.to_string())
                    .collect(),
                refused: gate.refused(),
            },
            deploy: match self.gate.deploy() {
                Decision::Allow => "allow".to_owned(),
                block => block.to_string(),
            },
        }
    }
}

// === impl View ===

impl View {
    pub(crate) fn report(&self, metrics: &Metrics) {
        metrics
            .gauge("conductor_gate_share", &[])
            .set(self.gate.share);
        metrics
            .counter("conductor_gate_refused_total", &[])
            .absolute(self.gate.refused);
        // NaN means "no data". Keeping the last value would keep an alert firing after the traffic has ended.
        metrics
            .gauge("conductor_slo_budget_remaining", &[])
            .set(self.budget_remaining.unwrap_or(f64::NAN));
        for window in &self.burn_rates {
            let seconds = window.seconds.to_string();
            let labels = [("window_seconds", seconds.as_str())];
            metrics
                .gauge("conductor_slo_burn_rate", &labels)
                .set(window.burn_rate.unwrap_or(f64::NAN));
        }
    }

    /// The same line with the reasons of the gate.
    pub(crate) fn change(&self) -> String {
        match self.gate.reasons.as_slice() {
            [] => self.to_string(),
            reasons => format!("{self} ({})", reasons.join(", ")),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.gate.state == OPEN
    }
}

/// A line of the demo: the burn rates from the shortest window up, and the gate.
impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("burn rate")?;
        for window in &self.burn_rates {
            let name = window.name(&self.period);
            match window.burn_rate {
                Some(rate) => write!(f, "  {name} {rate:.1}")?,
                None => write!(f, "  {name} –")?,
            }
        }
        if self.is_open() {
            f.write_str("  gate open")
        } else {
            write!(f, "  gate {:.0} %", self.gate.share * 100.0)
        }
    }
}

// === impl Window ===

impl Window {
    fn new(report: &WindowReport) -> Self {
        Self {
            seconds: report.window().as_secs_f64(),
            good: report.counts().good(),
            bad: report.counts().bad(),
            burn_rate: report.burn_rate().map(BurnRate::as_f64),
            coverage: report.coverage(),
        }
    }

    /// The length in a period of 30 days, such as "1h".
    fn name(&self, period: &Self) -> String {
        let hours = self.seconds / period.seconds * 30.0 * 24.0;
        format!("{hours:.0}h")
    }
}
