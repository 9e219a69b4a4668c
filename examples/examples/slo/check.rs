//! Describes a specification in words and numbers.

use std::{fmt::Write, path::Path, time::Duration};

use maestro_slo_budget::{BurnRate, Counts, Severity, Spec};

pub(crate) fn describe(spec: &Spec) -> Result<String, String> {
    let budget = spec
        .budget()
        .build("")
        .map_err(|error| format!("{error}\n"))?;
    let alerts = spec
        .alerts()
        .build(budget.clone())
        .map_err(|error| format!("{error}\n"))?;
    let outage = budget
        .objective()
        .burn_rate(Counts::new(0, 1))
        .map_or(0.0, BurnRate::as_f64);

    let mut text = format!(
        "{}: {} over {}\n",
        spec.name(),
        spec.objective(),
        spoken(spec.period())
    );
    let allowed = spec.period().div_f64(outage);
    let _ = writeln!(
        text,
        "  a total outage may last {}, and burns at a rate of {}",
        spoken(allowed),
        round(outage)
    );
    if let Some(within) = spec.within() {
        let _ = writeln!(text, "  good is what is answered within {within:?}");
    }
    for alert in alerts.snapshot().iter() {
        let severity = match alert.severity() {
            Severity::Page => "page",
            _ => "ticket",
        };
        // Below the rate at which the budget is just spent, nothing shows that the objective is missed, and no alert fires.
        let factor = alert.factor().as_f64().max(1.0);
        let (long, short) = (alert.long().0, alert.short().0);
        let _ = writeln!(
            text,
            "  {severity:<6}  at a burn rate above {:<7} over {} and {}: more than {}% bad; a total outage is noticed after {}",
            round(factor),
            spoken(long),
            spoken(short),
            round(100.0 * factor / outage),
            spoken(long.mul_f64(factor / outage)),
        );
    }
    for warning in budget.warnings().into_iter().chain(alerts.warnings()) {
        let _ = writeln!(text, "  note: {warning}");
    }
    for warning in spec.warnings() {
        let at = (warning.line(), warning.column());
        let _ = writeln!(text, "  note: {}:{}: {}", at.0, at.1, warning.what());
    }
    Ok(text)
}

/// Whether the rules of one would select the series of the other: all labels of one are labels of the other.
pub(crate) fn is_same(a: &Spec, b: &Spec) -> bool {
    let is_within = |a: &Spec, b: &Spec| a.labels().all(|label| b.labels().any(|of| of == label));
    (a.service(), a.slo()) == (b.service(), b.slo()) && (is_within(a, b) || is_within(b, a))
}

/// Names both files of an objective that is there twice.
pub(crate) fn duplicate(path: &Path, first: &Path, spec: &Spec) -> String {
    let mut labels = String::new();
    for (name, value) in spec.labels() {
        let _ = write!(labels, ", {name}: {value}");
    }
    format!(
        "{}: the objective {}{labels} is already in {}, and the rules of one would select the series of the other: keep one of them, or tell them apart by a label that has another value in each\n",
        path.display(),
        spec.name(),
        first.display(),
    )
}

/// Without a tail of zeros.
pub(crate) fn round(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1d6h`, `51.84s`.
pub(crate) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        return format!("{}s", round(time.as_secs_f64()));
    }
    let mut rest = seconds;
    let mut text = String::new();
    for (length, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= length {
            let _ = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    text
}
