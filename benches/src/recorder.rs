//! The recorder of the feature `metrics`. No other file depends on the feature.

/// Whether the layers count into a recorder.
pub const WATCHED: bool = cfg!(feature = "metrics");

/// Installs a recorder whose metrics are atomics, as those of an exporter are. Does nothing without the feature.
///
/// The recorder is global; only the first call installs it.
pub fn watch() {
    #[cfg(feature = "metrics")]
    on::install();
}

#[cfg(feature = "metrics")]
mod on {
    use std::sync::{Arc, Once, atomic::AtomicU64};

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    /// It must not be zero-sized: the layers take a recorder of size zero for the no-op recorder.
    struct Atomics(#[expect(dead_code, reason = "only its size matters")] u8);

    pub(super) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // An error means that a recorder is installed already, which serves the same purpose.
            metrics::set_global_recorder(Atomics(0)).ok();
        });
    }

    impl Recorder for Atomics {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(Arc::new(AtomicU64::new(0)))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(Arc::new(AtomicU64::new(0)))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }
}
