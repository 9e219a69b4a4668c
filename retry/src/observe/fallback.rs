//! Reports how failed calls were answered: to metrics, as tracing events.

#[cfg(feature = "metrics")]
use std::sync::OnceLock;

/// How a failed call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FallbackResult {
    Answered,
    Failed,
    Cancelled,
    NotRepeatable,
}

/// The name and the metrics of a fallback. The counters of the recorder are kept from the first use after it was
/// installed.
pub(crate) struct FallbackObserver {
    name: &'static str,
    #[cfg(feature = "metrics")]
    counters: OnceLock<[metrics::Counter; FallbackResult::ALL.len()]>,
}

/// A failed call is over.
pub(crate) fn fallback_ended(observer: Option<&FallbackObserver>, result: FallbackResult) {
    #[cfg(feature = "tracing")]
    tracing::debug!(
        target: "maestro_retry",
        kind = "fallback",
        name = observer.map(FallbackObserver::name),
        result = result.as_str(),
        "fallback"
    );
    #[cfg(feature = "metrics")]
    if let Some(observer) = observer {
        observer.count(result);
    }
    let _ = (observer, result);
}

// === impl FallbackResult ===

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl FallbackResult {
    /// Every result, at the index of its discriminant.
    #[cfg(feature = "metrics")]
    const ALL: [Self; 4] = [
        Self::Answered,
        Self::Failed,
        Self::Cancelled,
        Self::NotRepeatable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotRepeatable => "not_repeatable",
        }
    }
}

// === impl FallbackObserver ===

impl FallbackObserver {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            #[cfg(feature = "metrics")]
            counters: OnceLock::new(),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

#[cfg(feature = "metrics")]
mod counters {
    use metrics::{Key, Label, Level, Metadata, Recorder, Unit, with_recorder};

    use super::{FallbackObserver, FallbackResult};

    const FALLBACKS: &str = "maestro_retry_fallbacks_total";

    static METADATA: Metadata<'static> =
        Metadata::new("maestro_retry", Level::INFO, Some(module_path!()));

    impl FallbackObserver {
        pub(super) fn count(&self, result: FallbackResult) {
            if self.counters.get().is_none() {
                // The recorder that stands for none is zero-sized, and its counters never count.
                with_recorder(|recorder| {
                    if size_of_val(recorder) > 0 {
                        self.register(recorder);
                    }
                });
            }
            if let Some(counters) = self.counters.get() {
                counters[result as usize].increment(1);
            }
        }

        pub(crate) fn resolve_metrics(&self) {
            with_recorder(|recorder| self.register(recorder));
        }

        fn register(&self, recorder: &dyn Recorder) {
            self.counters.get_or_init(|| {
                let description = "Failed calls, by how they were answered";
                recorder.describe_counter(FALLBACKS.into(), Some(Unit::Count), description.into());
                FallbackResult::ALL.map(|result| {
                    let labels = vec![
                        Label::from_static_parts("name", self.name),
                        Label::from_static_parts("result", result.as_str()),
                    ];
                    recorder.register_counter(&Key::from_parts(FALLBACKS, labels), &METADATA)
                })
            });
        }
    }

    #[test]
    fn results_are_listed_by_discriminant() {
        let all = FallbackResult::ALL.iter().enumerate();
        assert!({ all }.all(|(n, result)| *result as usize == n));
    }
}
