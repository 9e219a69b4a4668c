//! A bulkhead whose limit follows a law. The laws themselves are tested in `laws.rs`, and simulated in `limit/tests`.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use maestro_bulkhead::{
    AdaptiveBulkhead, Aimd, Bulkhead, BulkheadLayer, Fixed, Full, Gradient2, InvalidConfigKind,
    Limit, Outcome, Permit, Window,
};
use proptest::prelude::*;
use tokio::time::{advance, sleep};
use tower::{BoxError, Layer, ServiceExt, service_fn};

const MS: Duration = Duration::from_millis(1);

/// Runs ten calls of `latency` at once, which all end with `outcome`.
async fn ten_calls<L: Limit>(bulkhead: &AdaptiveBulkhead<L>, latency: Duration, outcome: Outcome) {
    let permits: Vec<_> = (0..10)
        .filter_map(|_| bulkhead.try_acquire().ok())
        .collect();
    advance(latency).await;
    for permit in permits {
        permit.finish(outcome);
    }
}

fn windows_of_100_ms() -> maestro_bulkhead::Builder {
    Bulkhead::builder().limit(10).window(100 * MS)
}

#[tokio::test(start_paused = true)]
async fn the_limit_moves_once_a_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    ten_calls(&bulkhead, 40 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 10, "the window has not ended");
    ten_calls(&bulkhead, 60 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11);
    ten_calls(&bulkhead, 200 * MS, Outcome::Overload).await;
    assert_eq!((bulkhead.limit(), bulkhead.overloads()), (9, 10));
}

#[tokio::test(start_paused = true)]
async fn a_window_lasts_two_mean_latencies() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    // From the end of the first at 400 ms, whose calls took 400 ms, until 1,200.
    for limit in [11, 11, 12, 12, 13] {
        ten_calls(&bulkhead, 400 * MS, Outcome::Success).await;
        assert_eq!(bulkhead.limit(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn ignored_cancelled_and_refused_calls_report_nothing() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    for _ in 0..20 {
        ten_calls(&bulkhead, 100 * MS, Outcome::Ignored).await;
        let held: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
        assert!(bulkhead.try_acquire().is_err());
        advance(100 * MS).await;
        drop(held);
    }
    assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn run_reports_an_ok_as_a_success() {
    for (ok, limit) in [(true, 2), (false, 1)] {
        let builder = windows_of_100_ms().limit(1);
        let bulkhead = builder.build_adaptive("a", Aimd::new()).unwrap();
        for _ in 0..10 {
            advance(20 * MS).await;
            let _: Result<(), BoxError> =
                bulkhead.run_blocking(|| if ok { Ok(()) } else { Err("no".into()) });
        }
        assert_eq!(bulkhead.limit(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_needs_ten_calls() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    advance(100 * MS).await;
    let end = |outcome| bulkhead.try_acquire().unwrap().finish(outcome);
    (0..9).for_each(|_| end(Outcome::Overload));
    assert_eq!(bulkhead.limit(), 10);
    end(Outcome::Success);
    assert_eq!(bulkhead.limit(), 9);
}

#[tokio::test(start_paused = true)]
async fn one_call_closes_a_window_ten_times_as_long() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    advance(1_100 * MS).await;
    bulkhead.try_acquire().unwrap().overload();
    assert_eq!(bulkhead.limit(), 10, "the window is over since a second");
    advance(MS).await;
    bulkhead.try_acquire().unwrap().overload();
    assert_eq!(bulkhead.limit(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_window_knows_its_length_and_its_share_of_overloads() {
    /// The windows that it has seen.
    struct Sees(Arc<OnceLock<Window>>);
    impl Limit for Sees {
        fn next(&mut self, window: &Window) -> usize {
            self.0.set(*window).ok();
            window.limit()
        }
    }
    let seen = Arc::new(OnceLock::new());
    let law = Sees(Arc::clone(&seen));
    let bulkhead = windows_of_100_ms().build_adaptive("a", law).unwrap();
    let permits: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
    advance(140 * MS).await;
    for (n, permit) in permits.into_iter().enumerate() {
        permit.finish([Outcome::Overload, Outcome::Success][usize::from(n >= 3)]);
    }
    let window = Window::new(10, 10, 7, 3, 140 * MS, 140 * MS);
    assert_eq!(seen.get(), Some(&window));
    assert!((window.overload_share() - 0.3).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn the_layer_feeds_the_limit_by_its_classifier() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(|r: &Result<u16, BoxError>| matches!(r, Ok(503)))
        .layer(service_fn(async |status: u16| {
            sleep(20 * MS).await;
            Ok::<_, BoxError>(status)
        }));
    for _ in 0..10 {
        service.clone().oneshot(503).await.unwrap();
    }
    assert_eq!((bulkhead.limit(), bulkhead.overloads()), (9, 10));
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_a_classifier_feeds_the_limit() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let service = BulkheadLayer::new(bulkhead.clone()).layer(service_fn(async |fails: bool| {
        sleep(20 * MS).await;
        if fails {
            Err(BoxError::from("no"))
        } else {
            Ok(())
        }
    }));
    for (fails, limit) in [(true, 10), (false, 11)] {
        for _ in 0..2 {
            let calls = (0..6).map(|_| tokio::spawn(service.clone().oneshot(fails)));
            for call in calls.collect::<Vec<_>>() {
                assert_eq!(call.await.unwrap().is_err(), fails);
            }
            advance(100 * MS).await;
        }
        assert_eq!(
            bulkhead.limit(),
            limit,
            "an error says nothing, an `Ok` is a success"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_no_overload_reports_nothing() {
    let law = || Aimd::new().slow_after(Duration::from_secs(1));
    for (told, limit) in [(Outcome::Ignored, 1), (Outcome::Success, 2)] {
        let bulkhead = windows_of_100_ms()
            .limit(1)
            .build_adaptive("a", law())
            .unwrap();
        let layer = BulkheadLayer::new(bulkhead.clone());
        let inner = service_fn(async |()| Err::<(), _>(BoxError::from("not found")));
        for _ in 0..12 {
            advance(20 * MS).await;
            let is_over = |_: &Result<(), BoxError>| false;
            let call = match told {
                Outcome::Success => {
                    let told = move |_: &Result<(), BoxError>| told;
                    layer.clone().classify(told).layer(inner).oneshot(()).await
                }
                _ => {
                    layer
                        .clone()
                        .overload_if(is_over)
                        .layer(inner)
                        .oneshot(())
                        .await
                }
            };
            assert!(call.is_err());
        }
        assert_eq!(bulkhead.limit(), limit);
    }
}

/// With the closure of the guide. Refused connections were the best latency ever: 15 places became 8, for ever.
#[tokio::test(start_paused = true)]
async fn refused_connections_leave_the_limit_where_it_was() {
    use std::io::{Error, ErrorKind};
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let bulkhead = Bulkhead::builder()
        .limit(15)
        .build_adaptive("a", Gradient2::new().max(15))
        .unwrap();
    let service = BulkheadLayer::new(bulkhead.clone())
        .on_reject(|full: Full| Err(Error::other(full)))
        .overload_if(|r: &Result<u16, Error>| match r {
            Ok(status) => matches!(status, 429 | 503),
            Err(e) => e.kind() == ErrorKind::TimedOut,
        })
        .layer(service_fn(move |()| {
            let down = down.load(Ordering::Relaxed);
            async move {
                sleep(if down { 10 * MS } else { 200 * MS }).await;
                if down {
                    Err(ErrorKind::ConnectionRefused.into())
                } else {
                    Ok(200)
                }
            }
        }));
    for (down, rounds) in [(false, 100), (true, 1_500), (false, 150)] {
        is_down.store(down, Ordering::Relaxed);
        for _ in 0..rounds {
            let calls = (0..12).map(|_| tokio::spawn(service.clone().oneshot(())));
            for call in calls.collect::<Vec<_>>() {
                // A few are refused while half of the limit is measured.
                let _ = call.await.unwrap();
            }
        }
    }
    assert_eq!(bulkhead.limit(), 15);
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_bulkhead_has_a_queue_and_set_limit() {
    for law in [
        Box::new(Fixed) as Box<dyn Limit>,
        Box::new(Gradient2::new()),
    ] {
        let bulkhead = windows_of_100_ms().build_adaptive("a", law).unwrap();
        bulkhead.set_limit(1).unwrap();
        let held = bulkhead.try_acquire().unwrap();
        let waiting = tokio::spawn(bulkhead.acquire());
        tokio::task::yield_now().await;
        assert_eq!(bulkhead.queued(), 1);
        drop(held);
        waiting.await.unwrap().unwrap().success();
        assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn set_law_takes_effect_at_the_next_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let refused = bulkhead.set_law(Aimd::new().step(0));
    assert_eq!(refused.unwrap_err().kind(), InvalidConfigKind::Step);
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11);
    bulkhead.set_law(Aimd::new().step(5)).unwrap();
    assert_eq!(bulkhead.limit(), 11, "the limit stays where it is");
    ten_calls(&bulkhead, 200 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 16);
}

#[tokio::test(start_paused = true)]
async fn set_law_accepts_a_permanent_slow_down() {
    let law = Gradient2::new().max(200);
    let bulkhead = windows_of_100_ms()
        .limit(20)
        .build_adaptive("a", law)
        .unwrap();
    let busy = async |latency, at_once, times| {
        for _ in 0..times {
            let permits = std::iter::from_fn(|| bulkhead.try_acquire().ok());
            let permits: Vec<_> = permits.take(at_once).collect();
            advance(latency).await;
            permits.into_iter().for_each(Permit::success);
        }
        bulkhead.limit()
    };
    let healthy = busy(20 * MS, 40, 600).await;
    assert!((70..=90).contains(&healthy), "{healthy}");
    let slow = busy(400 * MS, 200, 120).await;
    assert!(slow < 100, "{slow}: not learnt as normal");
    bulkhead.set_law(law).unwrap();
    assert_eq!(busy(400 * MS, 200, 40).await, 200);
}

#[tokio::test(start_paused = true)]
async fn reconfigure_changes_the_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    bulkhead
        .reconfigure(windows_of_100_ms().window(1_000 * MS))
        .unwrap();
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11, "the window that was begun ends");
    for _ in 0..9 {
        ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    }
    assert_eq!(bulkhead.limit(), 11);
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 12);
    // A window without end ends too.
    for window in [Duration::MAX, 100 * MS] {
        let builder = windows_of_100_ms().window(window);
        bulkhead.reconfigure(builder).unwrap();
        advance(1_000 * MS).await; // what is left of the window before
        ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
        assert_eq!(bulkhead.limit(), 11);
    }
}

/// A law that panics.
#[derive(Clone, Copy, Debug)]
struct Panics;

impl Limit for Panics {
    fn next(&mut self, _: &Window) -> usize {
        panic!("in the law")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_law_harms_no_call() {
    let bulkhead = windows_of_100_ms().build_adaptive("a", Panics).unwrap();
    // A window lasts two mean latencies at least.
    for latency in [200 * MS, 400 * MS] {
        let permits: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
        advance(latency).await;
        permits.into_iter().for_each(Permit::success);
        assert_eq!((bulkhead.in_flight(), bulkhead.limit()), (0, 10));
    }
}

/// Sets another law when it is woken, as an executor that runs tasks inside the wake-up may do.
struct SetsALaw(AdaptiveBulkhead<Aimd>);

impl Wake for SetsALaw {
    fn wake(self: Arc<Self>) {
        self.0.set_law(Aimd::new().step(3)).expect("a legal law");
    }
}

#[test]
fn a_grown_limit_wakes_waiters_outside_the_lock() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let queued = runtime.unwrap().block_on(async {
            let bulkhead = windows_of_100_ms().window(Duration::ZERO);
            let bulkhead = bulkhead.build_adaptive("a", Aimd::new()).unwrap();
            let mut permits: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
            let mut waits = bulkhead.acquire();
            let waker = Waker::from(Arc::new(SetsALaw(bulkhead.clone())));
            let polled = Pin::new(&mut waits).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            bulkhead.set_limit(1).unwrap();
            advance(MS).await; // the shortest window
            permits.drain(..).for_each(Permit::success);
            bulkhead.queued()
        });
        done.send(queued).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    let queued = is_done.recv_timeout(Duration::from_secs(20));
    assert_eq!(queued, Ok(0), "woken, and the law was free to be set");
}

/// A law during which an operator sets the limit.
struct Overtaken(Arc<OnceLock<AdaptiveBulkhead<Self>>>);

impl Limit for Overtaken {
    fn next(&mut self, window: &Window) -> usize {
        let bulkhead = self.0.get().expect("it is set before the first call");
        bulkhead.set_limit(3).expect("three are legal");
        window.limit() + 1
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_set_by_hand_during_a_law_stays() {
    let place = Arc::new(OnceLock::new());
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Overtaken(Arc::clone(&place)))
        .unwrap();
    place.set(bulkhead.clone()).expect("set once");
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 3);
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn each_key_of_a_family_has_its_own_adaptive_limit() {
    let hosts = windows_of_100_ms()
        .build_adaptive_family("hosts", 8, Aimd::new())
        .unwrap();
    let service = BulkheadLayer::new(hosts.by(|call: &(&'static str, u16)| call.0))
        .overload_if(|r: &Result<u16, BoxError>| matches!(r, Ok(503)))
        .layer(service_fn(async |call: (&'static str, u16)| {
            sleep(20 * MS).await;
            Ok::<_, BoxError>(call.1)
        }));
    for _ in 0..10 {
        let calls = (0..6).map(|_| service.clone().oneshot(("healthy", 200)));
        let calls: Vec<_> = calls.map(tokio::spawn).collect();
        service.clone().oneshot(("overloaded", 503)).await.unwrap();
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }
    let limits = ["healthy", "overloaded", "new"].map(|host| hosts.get(&host).limit());
    assert_eq!(limits, [12, 9, 10]); // two windows and one
    hosts.set_law(Aimd::new().step(7)).unwrap();
    let refused = hosts.set_law(Aimd::new().step(0)).unwrap_err();
    assert_eq!(refused.name(), Some(hosts.name()));
    ten_calls(&hosts.get(&"new"), 200 * MS, Outcome::Success).await;
    ten_calls(&hosts.get(&"newer"), 200 * MS, Outcome::Success).await;
    let limits = ["new", "newer"].map(|host| hosts.get(&host).limit());
    assert_eq!(limits, [17, 17]);
    hosts.reconfigure(windows_of_100_ms().limit(3)).unwrap();
    assert_eq!(hosts.get(&"healthy").limit(), 3);
    let none = windows_of_100_ms().build_adaptive_family::<u8, _>("x", 0, Aimd::new());
    assert_eq!(none.unwrap_err().kind(), InvalidConfigKind::Capacity);
    let none = windows_of_100_ms().build_adaptive_family::<u8, _>("x", 1, Aimd::new().min(0));
    let none = none.unwrap_err();
    assert!(
        matches!(none.kind(), InvalidConfigKind::LimitRange { min: 0, .. }),
        "{none}"
    );
}

#[test]
fn only_an_adaptive_permit_keeps_its_start() {
    use maestro_bulkhead::{Adaptive, Core};
    assert_eq!(size_of::<Permit>(), size_of::<usize>());
    assert_eq!(
        size_of::<Permit<Arc<Core<Adaptive<Aimd>>>>>(),
        3 * size_of::<usize>()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any latency, any outcome, many calls at once or one after the other.
    #[test]
    fn adaptive_limits_stay_in_range_and_lose_no_place(
        calls in prop::collection::vec(
            (0_u64..100_000, 0_u8..4, 1_usize..30),
            0..120,
        ),
        with_gradient in any::<bool>(),
    ) {
        let law: Box<dyn Limit> = if with_gradient {
            Box::new(Gradient2::new().min(2).max(50))
        } else {
            Box::new(Aimd::new().min(2).max(50).slow_after(20 * MS))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let end = runtime.block_on(async {
            let bulkhead = windows_of_100_ms().build_adaptive("a", law).unwrap();
            for (micros, outcome, at_once) in calls {
                let permits: Vec<_> = (0..at_once).map_while(|_| bulkhead.try_acquire().ok()).collect();
                advance(Duration::from_micros(micros)).await;
                for permit in permits {
                    match outcome {
                        0 => permit.success(),
                        1 => permit.overload(),
                        2 => permit.ignore(),
                        _ => drop(permit),
                    }
                    let limit = bulkhead.limit();
                    if !(2..=50).contains(&limit) {
                        return Err(limit);
                    }
                }
            }
            // Healthy calls in all places raise the limit from any value.
            let mut most = 0;
            for _ in 0..400 {
                let permits: Vec<_> = std::iter::from_fn(|| bulkhead.try_acquire().ok()).collect();
                advance(Duration::from_micros(1)).await;
                permits.into_iter().for_each(Permit::success);
                advance(100 * MS).await;
                most = most.max(bulkhead.limit());
            }
            if bulkhead.in_flight() == 0 && most >= 40 { Ok(()) } else { Err(most) }
        });
        prop_assert_eq!(end, Ok(()));
    }
}
