//! The only file that knows the feature `metrics`: with it, every row is watched.

/// Installs a recorder whose metrics are atomics, as an exporter has them. Without the feature, nothing.
///
/// For the whole process: the first call does it.
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

    /// Not zero-sized: a recorder without a field is taken for none.
    struct Atomics(#[expect(dead_code, reason = "only its size matters")] u8);

    pub(super) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Another one that is there already watches as well.
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
