//! Metrics: whether the bulkhead or the recorder exists first, they are true.

use std::{collections::HashMap, sync::Arc, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Permit, Queue};
use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use parking_lot::Mutex;
use tokio_test::{assert_pending, task};
use tower::{BoxError, Layer, Service, service_fn};

/// Each metric by its name and cause, as a number. Once a test, since a snapshot resets the figures.
fn values(snapshotter: &Snapshotter) -> HashMap<String, f64> {
    let all = snapshotter.snapshot().into_vec();
    all.into_iter()
        .map(|(key, _, _, value)| {
            let cause = key.key().labels().find(|label| label.key() == "cause");
            let cause = cause
                .map(|label| format!(" {}", label.value()))
                .unwrap_or_default();
            let value = match value {
                #[expect(clippy::cast_precision_loss, reason = "a few")]
                DebugValue::Counter(n) => n as f64,
                DebugValue::Gauge(x) => x.into_inner(),
                DebugValue::Histogram(_) => f64::NAN,
            };
            let name = key.key().name().trim_start_matches("maestro_bulkhead_");
            (format!("{name}{cause}"), value)
        })
        .collect()
}

fn assert_gauges(values: &HashMap<String, f64>, in_flight: f64, queued: f64, limit: f64) {
    let seen = [values["in_flight"], values["queued"], values["limit"]];
    assert_eq!(
        seen.map(f64::to_bits),
        [in_flight, queued, limit].map(f64::to_bits),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn metrics_show_waiting_and_refused_calls() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let bulkhead = Bulkhead::builder().limit(1).build("m").unwrap();
    bulkhead.resolve_metrics();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, Duration::from_secs(1)))
        .layer(service_fn(|()| {
            std::future::pending::<Result<(), BoxError>>()
        }));
    let mut calls: Vec<_> = (0..2).map(|_| task::spawn(service.call(()))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert!(task::spawn(service.call(())).poll().is_ready());
    assert!(bulkhead.try_acquire().is_err());
    let seen = values(&snapshotter);
    assert_gauges(&seen, 1.0, 1.0, 1.0);
    let counted = [
        seen["rejected_total queue_full"],
        seen["rejected_total at_limit"],
    ];
    assert_eq!(counted.map(f64::to_bits), [1.0_f64, 1.0].map(f64::to_bits));
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_and_panics_leave_no_stale_gauge() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let bulkhead = Bulkhead::builder().limit(1).build("m").unwrap();
    let held = bulkhead.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| task::spawn(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    drop(waiters.pop());
    drop(held);
    drop(waiters); // one of them was granted the place
    let panics = std::panic::catch_unwind(|| {
        bulkhead.run_blocking(|| -> Result<(), maestro_bulkhead::Full> { panic!("inside") })
    });
    assert!(panics.is_err());
    bulkhead.try_acquire().unwrap().overload();
    bulkhead.set_limit(5).unwrap();
    let seen = values(&snapshotter);
    assert_gauges(&seen, 0.0, 0.0, 5.0);
    assert_eq!(seen["overloaded_total"].to_bits(), 1.0_f64.to_bits());
}

#[test]
fn a_late_recorder_starts_with_the_calls_in_flight() {
    for explicit in [true, false] {
        let bulkhead = Bulkhead::builder().limit(4).build("m").unwrap();
        let before = bulkhead.try_acquire().unwrap();
        let (second, third) = (
            bulkhead.try_acquire().unwrap(),
            bulkhead.try_acquire().unwrap(),
        );
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || {
            if explicit {
                bulkhead.resolve_metrics();
            }
            drop(second);
            bulkhead.set_limit(4).unwrap();
        });
        assert_gauges(&values(&snapshotter), 2.0, 0.0, 4.0);
        drop((before, third));
    }
}

#[test]
fn any_first_event_sets_the_gauges() {
    let uses: [fn(&Bulkhead, &mut Vec<Permit>); 5] = [
        |full, _| assert!(full.try_acquire().is_err()),
        |_, held| held.pop().unwrap().overload(),
        |_, held| drop(held.pop()),
        |full, held| {
            full.set_limit(3).unwrap();
            held.push(full.try_acquire().unwrap());
        },
        |full, _| assert_pending!(task::spawn(full.acquire()).poll()),
    ];
    for (n, first_use) in uses.into_iter().enumerate() {
        let full = Bulkhead::builder().limit(2).build("m").unwrap();
        let mut held = vec![full.try_acquire().unwrap(), full.try_acquire().unwrap()];
        let mut waits = task::spawn(full.acquire());
        if n == 0 {
            assert_pending!(waits.poll());
        }
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || first_use(&full, &mut held));
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let [in_flight, queued, limit] =
            [held.len(), full.queued(), full.limit()].map(|count| count as f64);
        assert_gauges(&values(&snapshotter), in_flight, queued, limit);
    }
}

#[test]
fn a_granted_place_counts_as_in_flight() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let bulkhead = Bulkhead::builder().limit(1).build("m").unwrap();
        let held = bulkhead.try_acquire().unwrap();
        let mut waits = task::spawn(bulkhead.acquire());
        assert_pending!(waits.poll());
        drop(held);
        assert_eq!(bulkhead.in_flight(), 1);
        assert_gauges(&values(&snapshotter), 1.0, 0.0, 1.0);
    });
}

#[cfg(feature = "family")]
#[test]
fn the_gauges_of_a_family_are_sums_over_its_members() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let builder = Bulkhead::builder().limit(2);
        let tenants = builder.build_family::<u32>("m", 2).unwrap();
        let held: Vec<_> = [1, 1, 2, 3]
            .map(|tenant| tenants.get(&tenant).try_acquire().unwrap())
            .into();
        assert_gauges(&values(&snapshotter), 4.0, 0.0, 2.0);
        drop(held);
    });
}

#[cfg(feature = "family")]
#[test]
fn a_family_labels_as_many_keys_as_it_has_seats() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let hosts = Bulkhead::builder().limit(1).build_family("m", 2).unwrap();
        let hosts = hosts.label_metrics();
        // The third and the fourth key evict a member.
        for host in ["a", "b", "c", "d", "a"] {
            let member = hosts.get(&host);
            let _held = member.try_acquire().unwrap();
            assert_eq!(member.try_acquire().unwrap_err().key(), None);
        }
        let held = (hosts.get(&"a").try_acquire(), hosts.get(&"d").try_acquire());
        let overflow = hosts.overflow().try_acquire().unwrap();
        let mut seen: Vec<_> = snapshotter
            .snapshot()
            .into_vec()
            .into_iter()
            .filter_map(|(key, _, _, value)| {
                let key = key.key();
                let of = key.labels().find(|label| label.key() == "key")?;
                match value {
                    DebugValue::Counter(n) if n > 0 => Some(format!("{}: {n}", of.value())),
                    DebugValue::Gauge(x) if key.name().ends_with("in_flight") => {
                        Some(format!("{} in flight: {x}", of.value()))
                    }
                    _ => None,
                }
            })
            .collect();
        seen.sort();
        let expected = [
            "_overflow in flight: 2",
            "_overflow: 2",
            "a in flight: 1",
            "a: 2",
            "b in flight: 0",
            "b: 1",
        ];
        assert_eq!(seen, expected);
        drop((held, overflow));
    });
}

#[cfg(feature = "family")]
#[test]
fn a_key_costs_11_time_series() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let hosts = Bulkhead::builder().build_family("hosts", 2).unwrap();
        let hosts = hosts.label_metrics();
        drop(hosts.get(&"a").try_acquire().unwrap());
        let all = snapshotter.snapshot().into_vec();
        let of_key = |key: &metrics_util::CompositeKey| {
            let mut labels = key.key().labels();
            labels.any(|label| (label.key(), label.value()) == ("key", "a"))
        };
        assert_eq!(
            (
                all.iter().filter(|(key, ..)| of_key(key)).count(),
                all.len()
            ),
            (11, 11)
        );
    });
}

#[test]
fn a_metrics_only_bulkhead_counts_would_be_refusals() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let builder = Bulkhead::builder().limit(1).metrics_only(true);
        let bulkhead = builder.build("m").unwrap();
        let held = [
            bulkhead.try_acquire().unwrap(),
            bulkhead.try_acquire().unwrap(),
        ];
        let seen = values(&snapshotter);
        assert_eq!(seen["would_reject_total"].to_bits(), 1.0_f64.to_bits());
        assert_eq!(seen["in_flight"].to_bits(), 2.0_f64.to_bits());
        drop(held);
    });
}

/// Stores the gauges, and changes the limit just before the gauge of the limit is set.
#[derive(Default)]
struct Slow {
    last: Mutex<f64>,
    /// The other gauges.
    at_each_step: Mutex<Option<Box<dyn Fn() + Send>>>,
    before_it_arrives: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl GaugeFn for Slow {
    fn increment(&self, _: f64) {
        // Taken while it runs, because it reports events too.
        let step = self.at_each_step.lock().take();
        if let Some(step) = step {
            step();
            *self.at_each_step.lock() = Some(step);
        }
    }

    fn decrement(&self, by: f64) {
        self.increment(by);
    }

    fn set(&self, value: f64) {
        let other = self.before_it_arrives.lock().take();
        if let Some(other) = other {
            other();
        }
        *self.last.lock() = value;
    }
}

struct SlowRecorder(Arc<Slow>);

impl Recorder for SlowRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(&self.0))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn concurrent_resizes_leave_the_last_limit_in_the_gauge() {
    let slow = Arc::new(Slow::default());
    let recorder = SlowRecorder(Arc::clone(&slow));
    let _guard = metrics::set_default_local_recorder(&recorder);
    let bulkhead = Bulkhead::builder().limit(1).build("m").unwrap();
    bulkhead.resolve_metrics();
    let other = bulkhead.clone();
    let second = Box::new(move || other.set_limit(20).unwrap());
    *slow.before_it_arrives.lock() = Some(second);
    bulkhead.set_limit(10).unwrap();
    assert_eq!(bulkhead.limit(), 20);
    assert_eq!(slow.last.lock().to_bits(), 20_f64.to_bits());
}

#[test]
fn a_recorder_may_use_its_own_bulkhead() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let bulkhead = Bulkhead::builder().limit(1).build("m").unwrap();
        let slow = Arc::new(Slow::default());
        let recorder = SlowRecorder(Arc::clone(&slow));
        let _guard = metrics::set_default_local_recorder(&recorder);
        bulkhead.resolve_metrics();
        // Any method that takes the lock of the waiters.
        let seen = bulkhead.clone();
        *slow.at_each_step.lock() = Some(Box::new(move || seen.set_limit(1).unwrap()));
        let held = bulkhead.try_acquire().unwrap();
        let mut waiters = [(); 3].map(|()| task::spawn(bulkhead.acquire()));
        for waiter in &mut waiters {
            assert_pending!(waiter.poll());
        }
        let [first, second, third] = waiters;
        drop(second); // leaves the line
        drop(held); // the first is let in
        assert!(first.is_woken());
        let watching = Bulkhead::builder().limit(1).metrics_only(true);
        bulkhead.reconfigure(watching).unwrap(); // and the third
        assert!(third.is_woken());
        drop((first, third));
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
        done.send(()).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    is_done
        .recv_timeout(Duration::from_secs(20))
        .expect("a recorder is told outside the lock");
}
