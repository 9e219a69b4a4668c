//! Feature `tracing`: an event for each change of an alert. Without it nothing here does anything.

/// As a warning where a person should know of the alert, else as information.
#[cfg(feature = "tracing")]
pub(super) fn changed(event: &super::AlertEvent) {
    use tracing::Level;

    let alert = event.alert();
    let ((_, long), (_, short)) = (alert.long(), alert.short());
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: "maestro_slo_budget",
                $level,
                kind = "alerts",
                name = event.name(),
                key = event.key().as_deref(),
                severity = alert.severity().as_str(),
                state = %alert.state(),
                is_inhibited = alert.is_inhibited(),
                burn_rate_long = long.map(tracing::field::display),
                burn_rate_short = short.map(tracing::field::display),
                factor = alert.factor().as_f64(),
                "alert"
            )
        };
    }
    if alert.is_active() {
        event!(Level::WARN);
    } else {
        event!(Level::INFO);
    }
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) const fn changed(_: &super::AlertEvent) {}
