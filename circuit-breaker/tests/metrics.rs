//! Metrics: there whichever comes first, the breaker or the recorder; and true afterwards.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use maestro_circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, CircuitBreakers, Open, Override, Probes, Wait,
};
use metrics::Unit;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{BoxError, Layer, Service};

const WAIT: Duration = Duration::from_secs(5);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::one())
        .build("m")
        .expect("legal numbers")
}

/// Each metric by its name and labels but for `name`, as a number: of a histogram, how many values. Once a
/// test: a snapshot takes the figures away.
fn values(snapshotter: &Snapshotter) -> BTreeMap<String, i64> {
    let all = snapshotter.snapshot().into_vec();
    all.into_iter()
        .map(|(key, _, _, value)| {
            let labels = key.key().labels();
            let labels: Vec<_> = labels
                .filter(|label| label.key() != "name")
                .map(|label| format!(" {}", label.value()))
                .collect();
            let name = key.key().name();
            let name = name.trim_start_matches("maestro_circuit_breaker_");
            let value = match value {
                DebugValue::Counter(n) => i64::try_from(n).expect("a few"),
                #[expect(clippy::cast_possible_truncation, reason = "ones")]
                DebugValue::Gauge(x) => x.into_inner() as i64,
                DebugValue::Histogram(v) => i64::try_from(v.len()).expect("a few"),
            };
            (format!("{name}{}", labels.concat()), value)
        })
        .collect()
}

/// What is not zero.
fn counted(snapshotter: &Snapshotter) -> Vec<(String, i64)> {
    let values = values(snapshotter).into_iter();
    values.filter(|(_, value)| *value != 0).collect()
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = |(name, value): &(&str, i64)| ((*name).to_owned(), *value);
    expected.iter().map(owned).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_rejections_and_transitions_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let breaker = breaker();
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().ignore();
    drop(breaker.try_acquire().unwrap());
    let failed: Result<(), Open> = breaker.run_blocking(|| {
        breaker.try_acquire()?.failure();
        Ok(())
    });
    assert!(failed.is_ok());
    for _ in 0..3 {
        assert!(breaker.try_acquire().is_err());
    }
    advance(WAIT).await;
    let probe = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err());
    probe.success();
    breaker.force_open(Override::new("a", "b").lasting(WAIT));
    assert!(breaker.try_acquire().is_err());
    advance(WAIT).await;
    breaker.state();
    breaker.reset(Override::new("test", "reset"));
    assert_eq!(
        counted(&snapshotter),
        pairs(&[
            ("call_duration_seconds", 6),
            ("calls_total cancelled", 1),
            ("calls_total failure", 1),
            ("calls_total ignored", 1),
            ("calls_total success", 4),
            ("rejected_total forced_open", 1),
            ("rejected_total half_open", 1),
            ("rejected_total open", 3),
            ("state closed", 1),
            ("transitions_total consecutive_failures", 1),
            ("transitions_total operator", 1),
            ("transitions_total override_over", 1),
            ("transitions_total probes_succeeded", 1),
            ("transitions_total reset", 1),
            ("transitions_total wait_over", 1),
        ])
    );
}

#[test]
fn openings_that_a_limit_prevents_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let endpoints = builder.build_family("m", 4).unwrap();
    endpoints.limit_open(50).unwrap();
    let [opens, stays] = [1, 2].map(|key| endpoints.get(&key));
    for member in [&opens, &stays, &stays] {
        member.try_acquire().unwrap().failure();
    }
    assert_eq!(values(&snapshotter)["kept_closed_total"], 2);
}

#[tokio::test(start_paused = true)]
async fn the_duration_is_that_of_the_call() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let breaker = breaker();
    let call = breaker.try_acquire().unwrap();
    advance(Duration::from_millis(250)).await;
    call.success();
    assert_eq!(durations(&snapshotter), [0.25]);
}

fn durations(snapshotter: &Snapshotter) -> Vec<f64> {
    let all = snapshotter.snapshot().into_vec();
    let found = all.into_iter().find_map(|(_, unit, _, value)| match value {
        DebugValue::Histogram(values) => Some((unit, values)),
        _ => None,
    });
    let (unit, durations) = found.expect("a call");
    assert_eq!(unit, Some(Unit::Seconds));
    durations.into_iter().map(f64::from).collect()
}

/// Of a call that ends with its body, and of a probe that does.
#[cfg(feature = "http-body")]
#[tokio::test(start_paused = true)]
async fn the_duration_of_a_body_is_not_that_of_its_call() {
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};

    for is_probe in [false, true] {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let breaker = breaker();
        if is_probe {
            breaker.trip(Override::new("a", "b"));
            advance(WAIT).await;
        }
        let service = CircuitBreakerLayer::new(breaker)
            .grpc()
            .layer(tower::service_fn(async |_: Request<()>| {
                advance(Duration::from_millis(250)).await;
                let head = Response::builder().header("content-type", "application/grpc");
                let trailers =
                    http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), 0.into())]);
                let body = Full::new(&b"message"[..]);
                let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
                Ok::<_, BoxError>(head.body(body).unwrap())
            }));
        let response = tower::ServiceExt::oneshot(service, Request::new(())).await;
        advance(Duration::from_secs(1)).await;
        response.unwrap().into_body().collect().await.unwrap();
        assert_eq!(durations(&snapshotter), [0.25]);
    }
}

type Step = fn(&CircuitBreaker);

/// The gauges of states, and which is at one.
fn states(snapshotter: &Snapshotter) -> Vec<(String, i64)> {
    let values = values(snapshotter).into_iter();
    values
        .filter(|(name, _)| name.starts_with("state "))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn exactly_one_state_gauge_is_one() {
    let transitions: [(&str, Step); 8] = [
        ("closed", |_| {}),
        ("open", |b| b.try_acquire().unwrap().failure()),
        ("half_open", |b| {
            b.force_open(Override::new("a", "b"));
            b.resume(Override::new("a", "b"));
            b.try_acquire_at(tokio::time::Instant::now())
                .unwrap()
                .failure();
            b.state_at(tokio::time::Instant::now() + WAIT);
        }),
        ("closed", |breaker| {
            breaker.reset(Override::new("test", "reset"));
        }),
        ("forced_open", |b| b.force_open(Override::new("a", "b"))),
        ("disabled", |b| b.disable(Override::new("a", "b"))),
        ("metrics_only", |b| b.metrics_only(Override::new("a", "b"))),
        ("metrics_only", |breaker| {
            breaker.reset(Override::new("test", "reset"));
        }),
    ];
    for until in 1..=transitions.len() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let breaker = breaker();
        breaker.try_acquire().unwrap().success();
        for (_, transition) in &transitions[..until] {
            transition(&breaker);
        }
        let states = states(&snapshotter);
        assert_eq!(states.len(), 7);
        let expected = format!("state {}", transitions[until - 1].0);
        for (name, value) in states {
            assert_eq!(value, i64::from(name == expected), "{name}, {expected}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_recorder_finds_the_state_at_the_first_use() {
    for explicit in [true, false] {
        let breaker = breaker();
        breaker.try_acquire().unwrap().success(); // without a recorder
        breaker.try_acquire().unwrap().failure();
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || {
            if explicit {
                breaker.resolve_metrics();
            } else {
                assert!(breaker.try_acquire().is_err());
            }
        });
        let seen = counted(&snapshotter);
        if explicit {
            assert_eq!(seen, pairs(&[("state open", 1)]));
        } else {
            let expected = [("rejected_total open", 1), ("state open", 1)];
            assert_eq!(seen, pairs(&expected));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transition_that_finds_the_recorder_is_counted_and_shown() {
    let breaker = breaker();
    let call = breaker.try_acquire().unwrap();
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || call.failure());
    let expected = [
        ("call_duration_seconds", 1),
        ("calls_total failure", 1),
        ("state open", 1),
        ("transitions_total consecutive_failures", 1),
    ];
    assert_eq!(counted(&snapshotter), pairs(&expected));
}

#[test]
fn gauges_of_one_name_add_up_without_dropped_breakers() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let [one, two, three] = [breaker(), breaker(), breaker()];
    for breaker in [&one, &two, &three] {
        breaker.resolve_metrics();
    }
    two.try_acquire().unwrap().failure();
    drop(three);
    let expected = [
        ("call_duration_seconds", 1),
        ("calls_total failure", 1),
        ("state closed", 1),
        ("state open", 1),
        ("transitions_total consecutive_failures", 1),
    ];
    assert_eq!(counted(&snapshotter), pairs(&expected));
}

fn family(capacity: usize) -> CircuitBreakers<u32> {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_family("m", capacity)
        .expect("legal numbers")
}

fn succeed(family: &CircuitBreakers<u32>, key: u32) {
    let call = family.get(&key).try_acquire();
    call.expect("it is closed").success();
}

#[test]
fn a_family_shares_its_metrics_unless_it_is_told_to_label_them() {
    for labelled in [false, true] {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut hosts = family(8);
        if labelled {
            hosts = hosts.label_metrics();
        }
        succeed(&hosts, 1);
        succeed(&hosts, 1);
        hosts.get(&2).try_acquire().unwrap().failure();
        let seen = counted(&snapshotter);
        let shared = [
            ("call_duration_seconds", 3),
            ("calls_total failure", 1),
            ("calls_total success", 2),
            ("state closed", 1),
            ("state open", 1),
            ("transitions_total consecutive_failures", 1),
        ];
        let by_key = [
            ("call_duration_seconds 1", 2),
            ("call_duration_seconds 2", 1),
            ("calls_total 1 success", 2),
            ("calls_total 2 failure", 1),
            ("state 1 closed", 1),
            ("state 2 open", 1),
            ("transitions_total 2 consecutive_failures", 1),
        ];
        let expected = if labelled {
            pairs(&by_key)
        } else {
            pairs(&shared)
        };
        assert_eq!(seen, expected);
    }
}

#[test]
fn at_most_capacity_keys_get_a_separate_label() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let hosts = family(2).label_metrics();
    for key in 0..50 {
        succeed(&hosts, key);
    }
    hosts.get(&1).disable(Override::new("a", "b"));
    hosts.overflow().try_acquire().unwrap().success();
    let seen = values(&snapshotter);
    let calls: Vec<_> = seen
        .iter()
        .filter(|(name, _)| name.starts_with("calls_total") && name.ends_with("success"))
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let expected = [
        ("calls_total 0 success", 1),
        ("calls_total 1 success", 1),
        ("calls_total _overflow success", 49),
    ];
    assert_eq!(calls, expected);
    // An evicted member is in no gauge: the overflow, one stranger, and 1 again.
    assert_eq!(seen["state 0 closed"], 0);
    assert_eq!(seen["state 1 disabled"], 1);
    assert_eq!(seen["state _overflow closed"], 2);
}

#[test]
fn a_key_costs_31_series_and_a_histogram() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let hosts = family(2).label_metrics();
    succeed(&hosts, 1);
    let mut series = BTreeMap::new();
    for (key, ..) in snapshotter.snapshot().into_vec() {
        let has_key = |label: &metrics::Label| (label.key(), label.value()) == ("key", "1");
        assert!(key.key().labels().any(has_key));
        let name = key.key().name().to_owned();
        *series.entry(name).or_insert(0) += 1;
    }
    let costs = [
        ("call_duration_seconds", 1),
        ("calls_total", 4),
        ("kept_closed_total", 1),
        ("rejected_total", 7),
        ("state", 7),
        ("transitions_total", 12),
    ];
    let costs = costs.map(|(name, n)| (format!("maestro_circuit_breaker_{name}"), n));
    assert_eq!(series, BTreeMap::from(costs));
    assert_eq!(series.into_values().sum::<i32>(), 31 + 1);
}

#[test]
fn keys_without_room_use_up_no_label() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let hosts = family(1);
    let held = hosts.get(&1); // made before members have labels
    let hosts = hosts.label_metrics();
    succeed(&hosts, 2);
    drop(held);
    succeed(&hosts, 3);
    let seen = values(&snapshotter);
    assert_eq!(seen["calls_total _overflow success"], 1);
    assert_eq!(seen["calls_total 3 success"], 1);
}

/// Ready when it is told so.
#[derive(Clone)]
struct Later(Arc<AtomicBool>);

impl Service<()> for Later {
    type Response = ();
    type Error = BoxError;
    type Future = std::future::Ready<Result<(), BoxError>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.0.load(SeqCst) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_again_before_it_is_made_is_one_call() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (breaker, ready) = (breaker(), Arc::new(AtomicBool::new(false)));
    let layer = CircuitBreakerLayer::new(breaker.clone()).wait();
    let mut service = layer.layer(Later(Arc::clone(&ready)));
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll()); // admitted, by a state that ends
    breaker.force_open(Override::new("a", "b"));
    ready.store(true, SeqCst);
    assert_pending!(call.poll()); // waits
    breaker.resume(Override::new("a", "b"));
    assert_ready_ok!(call.poll());
    let expected = [
        ("call_duration_seconds", 1),
        ("calls_total success", 1),
        ("state closed", 1),
        ("transitions_total operator", 2),
    ];
    assert_eq!(counted(&snapshotter), pairs(&expected));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_is_not_rejected() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let breaker = breaker();
    breaker.try_acquire().unwrap().failure();
    breaker.acquire().await.success();
    let seen = values(&snapshotter);
    assert!(
        seen.iter()
            .all(|(name, value)| !name.starts_with("rejected") || *value == 0)
    );
    assert_eq!(seen["calls_total success"], 1);
}
