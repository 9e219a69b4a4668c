use metrics::Label;

use super::{Metric, Series};
use crate::alerts::{Alerts, Severity};

const FIRING: Metric = Metric(
    "maestro_slo_budget_alerts_firing",
    "Alerts that a person should know of, by severity",
);

impl Alerts {
    /// [Evaluates](Self::evaluate) the alerts and publishes them as metrics. Feature `metrics`.
    ///
    /// Call it before each scrape, or every few seconds where metrics are pushed: nothing else publishes them.
    ///
    /// | metric | labels | |
    /// |---|---|---|
    /// | `maestro_slo_budget_alerts_firing` | `name`, `key`, `severity`: `page`, `ticket` | gauge: how many alerts [are active](crate::Alert::is_active) |
    pub fn publish_metrics(&self) {
        let all = self.evaluate();
        let identity = self.budget().core().identity();
        let series = Series::new(self.budget().name(), identity.label().cloned());
        for severity in [Severity::Page, Severity::Ticket] {
            let active = (all.active()).filter(|alert| alert.severity() == severity);
            let label = Label::from_static_parts("severity", severity.as_str());
            // There are at most four.
            let active = active.fold(0.0, |sum, _| sum + 1.0);
            series.set(&FIRING, Some(label), active);
        }
    }
}
