//! The server-side filter: expired requests are rejected, up to a share.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use maestro_timeout::{
    Deadline, DeadlineFilter, DeadlineFilterLayer, DeadlineFilterService, Elapsed,
    InvalidConfigKind, Phase, future::CallOrAnswer,
};
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn all() -> DeadlineFilter {
    let builder = DeadlineFilter::builder().max_share(1.0);
    builder.build("orders").expect("within the ranges")
}

/// Calls the service with this number of expired requests. Returns how many reach the inner service.
async fn served(filter: &DeadlineFilter, requests: usize) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let mut service = DeadlineFilterLayer::new(filter.clone())
        .deadline(|at: &Instant| Some(*at))
        .layer(service_fn(move |_: Instant| {
            counted.fetch_add(1, SeqCst);
            async { Ok::<_, Elapsed>(()) }
        }));
    let late = Instant::now() - ms(1);
    for _ in 0..requests {
        let _ = service.call(late).await;
    }
    calls.load(SeqCst)
}

#[tokio::test(start_paused = true)]
async fn an_expired_request_keeps_the_readiness() {
    let layer = DeadlineFilterLayer::new(all()).deadline(|at: &Option<Instant>| *at);
    let (mut service, mut handle) = mock::spawn_layer::<Option<Instant>, u32, _>(layer);
    assert_ready_ok!(service.poll_ready());
    let mut late = task::spawn(service.call(Some(Instant::now() - ms(1))));
    let error = assert_ready_err!(late.poll());
    let elapsed = Elapsed::find(error.as_ref()).expect("the filter rejected it");
    assert_eq!((elapsed.name(), elapsed.phase()), ("orders", Phase::Before));
    assert_pending!(task::spawn(handle.next_request()).poll());

    let _call = task::spawn(service.call(None));
    assert!(assert_ready!(task::spawn(handle.next_request()).poll()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_request_at_its_deadline_is_served() {
    let filter = all();
    let deadline = Deadline::after(ms(100));
    assert_eq!(filter.check(deadline), Ok(()));
    advance(ms(100)).await;
    assert_eq!(filter.check(deadline), Ok(()), "a tie");
    assert_eq!(filter.check(Deadline::NEVER), Ok(()));
    advance(ms(1)).await;
    assert!(filter.check(deadline).is_err());
}

#[tokio::test(start_paused = true)]
async fn rejections_stay_within_the_share_of_a_period() {
    let filter = DeadlineFilter::new("orders");
    for period in 0..3 {
        assert_eq!(
            served(&filter, 4).await,
            4,
            "one of four would be more than a fifth"
        );
        let of_ten = 4 + served(&filter, 6).await;
        if period == 0 {
            assert_eq!(of_ten, 8, "two of ten are a fifth");
        }
        assert!((8..=10).contains(&of_ten), "{of_ten}");
        assert_eq!(of_ten + served(&filter, 90).await, 80);
        advance(ms(10_000)).await;
    }
    assert_eq!((filter.expired(), filter.rejected()), (300, 60));
}

/// The rejections of each kind of request when the kinds arrive in turn, in `hundreds` of requests.
async fn rejected_by_kind(percent: u8, kinds: usize, hundreds: usize) -> Vec<usize> {
    let builder = DeadlineFilter::builder().max_share(f64::from(percent) / 100.0);
    let filter = builder.build("orders").expect("within the ranges");
    let late = Deadline::from(Instant::now() - ms(1));
    let mut rejected = vec![0; kinds];
    for hundred in 1..=hundreds {
        for request in (hundred - 1) * 100..hundred * 100 {
            rejected[request % kinds] += usize::from(filter.check(late).is_err());
        }
        // Ten thousand requests in each period.
        if hundred % 100 == 0 {
            let all: usize = rejected.iter().sum();
            assert_eq!(all, hundred * usize::from(percent));
            advance(ms(10_000)).await;
        }
    }
    rejected
}

#[tokio::test(start_paused = true)]
async fn kinds_in_turn_share_the_rejections() {
    for (percent, kinds) in [(50, 2), (20, 5), (20, 2), (90, 10), (1, 4), (30, 7)] {
        let rejected = rejected_by_kind(percent, kinds, 1_000).await;
        let all: usize = rejected.iter().sum();
        let fair = all / kinds;
        for kind in &rejected {
            assert!(
                kind.abs_diff(fair) <= fair / 5,
                "{percent} % of {kinds} kinds: {rejected:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_time_or_without_deadline_count() {
    let filter = DeadlineFilter::new("orders");
    for _ in 0..4 {
        assert_eq!(filter.check(Deadline::NEVER), Ok(()));
    }
    assert_eq!(served(&filter, 1).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_unused_share_is_not_carried_over() {
    let filter = DeadlineFilter::new("orders");
    for _ in 0..1_000 {
        assert_eq!(filter.check(Deadline::NEVER), Ok(()));
    }
    advance(ms(9_999)).await;
    assert_eq!(served(&filter, 1).await, 0);
    advance(ms(1)).await;
    assert_eq!(served(&filter, 4).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_dark_filter_only_counts() {
    let filter = DeadlineFilter::builder()
        .dark(true)
        .build("orders")
        .unwrap();
    assert_eq!(served(&filter, 100).await, 100);
    assert_eq!((filter.expired(), filter.rejected()), (100, 20));
}

#[tokio::test(start_paused = true)]
async fn reconfiguring_a_filter_keeps_its_counts() {
    let filter = DeadlineFilter::builder()
        .dark(true)
        .build("orders")
        .unwrap();
    assert_eq!(served(&filter, 9).await, 9);
    let bright = DeadlineFilter::builder();
    filter.clone().reconfigure(bright).unwrap();
    // The ninth and tenth request deposit the share of the second rejection.
    assert_eq!(served(&filter, 1).await, 0);
    assert!(filter.reconfigure(bright.max_share(f64::NAN)).is_err());
    filter.reconfigure(bright.max_share(0.0)).unwrap();
    assert_eq!(served(&filter, 100).await, 100);
    assert_eq!(filter.rejected(), 2);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let builder = DeadlineFilter::builder();
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(builder.max_share(share).check().is_err());
        let error = builder.max_share(share).build("x").unwrap_err();
        assert!(
            matches!(error.kind(), InvalidConfigKind::MaxShare(found) if found.total_cmp(&share).is_eq())
        );
        let message = error.to_string();
        assert!(message.contains("`max_share`") && message.ends_with(&format!("not {share}")));
    }
    for period in [Duration::ZERO, Duration::from_micros(999)] {
        assert!(builder.period(period).check().is_err());
        let error = builder.period(period).build("x").unwrap_err();
        assert_eq!(error.kind(), InvalidConfigKind::Period(period));
        let message = error.to_string();
        assert!(message.contains("`period`") && message.contains(&format!("not {period:?}")));
    }
    let filter = DeadlineFilter::new("orders");
    let refused = filter.reconfigure(builder.max_share(2.0)).unwrap_err();
    let begins = "deadline filter `orders`: `max_share` of a deadline filter must be";
    assert!(refused.to_string().starts_with(begins), "{refused}");
    assert_eq!(refused.name(), Some("orders"));
    let refused = builder.max_share(2.0).build("").unwrap_err();
    assert_eq!(refused.name(), None);
    assert!(refused.to_string().starts_with("`max_share`"), "{refused}");
    let widest = builder.period(Duration::MAX).max_share(0.0);
    assert_eq!(widest.check(), Ok(()));
    assert!(widest.build("x").is_ok());
}

#[tokio::test(start_paused = true)]
async fn state_is_shared_by_services_of_one_filter() {
    // axum creates a service for each connection: four connections with one request each share a period.
    let filter = DeadlineFilter::new("orders");
    let mut reached = 0;
    for _ in 0..5 {
        reached += served(&filter, 1).await;
    }
    assert_eq!(reached, 4);
}

#[tokio::test(start_paused = true)]
async fn on_reject_answers_and_the_error_type_needs_no_room() {
    let service = DeadlineFilterLayer::new(all())
        .deadline(|at: &Instant| Some(*at))
        .on_reject(|elapsed| Ok((504, elapsed.to_string())))
        .layer(service_fn(async |_| {
            Ok::<_, Infallible>((200, String::new()))
        }));
    let (status, body) = service.oneshot(Instant::now() - ms(1)).await.unwrap();
    assert_eq!(status, 504);
    assert_eq!(body, "timeout `orders` elapsed before the call was made");
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn an_answer_is_returned_once() {
    let late = Instant::now().checked_sub(ms(1)).unwrap();
    let mut service = DeadlineFilterLayer::new(all())
        .deadline(move |()| Some(late))
        .layer(service_fn(async |()| Ok::<_, BoxError>(())));
    let mut answer = task::spawn(service.call(()));
    assert_ready_err!(answer.poll());
    let _ = answer.poll();
}

type Inner =
    tower::util::ServiceFn<fn(std::cell::Cell<u8>) -> std::future::Ready<Result<(), BoxError>>>;
assert_impl_all!(DeadlineFilter: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(DeadlineFilterLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(DeadlineFilterService<Inner>: Clone, Send, Sync, fmt::Debug, Service<std::cell::Cell<u8>>);
assert_impl_all!(CallOrAnswer<std::future::Ready<Result<(), BoxError>>>: Send, Unpin, fmt::Debug);
