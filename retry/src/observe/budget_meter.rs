//! The metrics of the budgets of a family whose keys are labels (feature `metrics`).

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Gauge, Key, Label, Recorder, Unit, with_recorder};

use super::metrics::{LEVEL, LEVEL_DESCRIPTION, METADATA};

const DECISIONS: &str = "maestro_retry_budget_decisions_total";

/// The metrics of one member. The handles of the recorder are kept from the first use after it was installed.
pub(crate) struct BudgetMeter {
    name: &'static str,
    key: Arc<str>,
    handles: OnceLock<Handles>,
}

struct Handles {
    granted: Counter,
    refused: Counter,
    level: Gauge,
}

impl BudgetMeter {
    pub(crate) const fn new(name: &'static str, key: Arc<str>) -> Self {
        Self {
            name,
            key,
            handles: OnceLock::new(),
        }
    }

    /// The budget granted or refused a retry, and has `level` left.
    #[expect(
        clippy::cast_precision_loss,
        reason = "below 2^53 for any balance worth looking at"
    )]
    pub(crate) fn decided(&self, is_granted: bool, level: impl FnOnce() -> u64) {
        if let Some(handles) = self.handles.get().or_else(|| self.find()) {
            let counter = if is_granted {
                &handles.granted
            } else {
                &handles.refused
            };
            counter.increment(1);
            handles.level.set(level() as f64);
        }
    }

    /// The recorder that stands for none is zero-sized, and its handles are not kept.
    #[cold]
    fn find(&self) -> Option<&Handles> {
        with_recorder(|recorder| {
            (size_of_val(recorder) > 0).then(|| {
                self.handles
                    .get_or_init(|| Handles::register(self.name, &self.key, recorder))
            })
        })
    }
}

impl Handles {
    fn register(name: &'static str, key: &Arc<str>, recorder: &dyn Recorder) -> Self {
        let labels = || {
            vec![
                Label::from_static_parts("name", name),
                Label::new("key", Arc::clone(key)),
            ]
        };
        let description = "Retries that the budget granted or refused";
        recorder.describe_counter(DECISIONS.into(), Some(Unit::Count), description.into());
        let counter = |outcome| {
            let mut labels = labels();
            labels.push(Label::from_static_parts("outcome", outcome));
            recorder.register_counter(&Key::from_parts(DECISIONS, labels), &METADATA)
        };
        recorder.describe_gauge(LEVEL.into(), None, LEVEL_DESCRIPTION.into());
        Self {
            granted: counter("granted"),
            refused: counter("refused"),
            level: recorder.register_gauge(&Key::from_parts(LEVEL, labels()), &METADATA),
        }
    }
}
