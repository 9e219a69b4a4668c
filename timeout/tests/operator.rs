//! Overrides of the limit, and events.

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use maestro_timeout::{
    Deadline, DeadlineFilter, Elapsed, Event, LimitCause, Override, Phase, Timeout, TimeoutLayer,
};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, service_fn};

const SECOND: Duration = Duration::from_secs(1);

fn by(reason: &str) -> Override {
    Override::new("alice", reason)
}

/// The events of a timeout from now on, as their lines for a log.
fn listen(timeout: &Timeout) -> Receiver<String> {
    let (lines, heard) = channel();
    let send = move |event: &Event| lines.send(event.to_string()).expect("the test receives");
    timeout.on_event(send).detach();
    heard
}

#[tokio::test(start_paused = true)]
async fn a_forced_limit_holds_until_its_end() {
    for forced in [Duration::ZERO, 3 * SECOND, Duration::MAX] {
        let timeout = Timeout::new(SECOND).named("store");
        timeout.force_limit(forced, by("drill").lasting(5 * SECOND));
        assert_eq!(
            (timeout.limit(), timeout.numbers()),
            (forced, Timeout::builder().limit(SECOND))
        );
        advance(Duration::from_nanos(4_999_999_999)).await;
        assert_eq!(timeout.limit(), forced);
        assert_eq!(timeout.forced(), Some(by("drill").lasting(5 * SECOND)));
        advance(Duration::from_nanos(1)).await;
        assert_eq!((timeout.forced(), timeout.limit()), (None, SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_at_the_end_has_the_configured_limit() {
    let timeout = Timeout::new(SECOND).named("store");
    let mut service = TimeoutLayer::new(timeout.clone()).layer(service_fn(async |()| {
        std::future::pending::<Result<(), Elapsed>>().await
    }));
    timeout.force_limit(3 * SECOND, by("drill").lasting(3 * SECOND));
    let limits = [3 * SECOND, SECOND];
    for limit in limits {
        assert_eq!(service.call(()).await.unwrap_err().limit(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_without_end_holds_until_resume() {
    let timeout = Timeout::new(SECOND).named("store");
    assert!(!timeout.resume(by("nothing holds")));
    timeout.force_limit(3 * SECOND, by("drill"));
    advance(Duration::from_secs(1 << 30)).await;
    timeout.set_limit(2 * SECOND);
    assert_eq!(timeout.limit(), 3 * SECOND);
    assert!(timeout.resume(by("over")));
    assert_eq!((timeout.limit(), timeout.forced()), (2 * SECOND, None));
}

#[tokio::test(start_paused = true)]
async fn an_override_that_lasts_for_ever_has_no_end() {
    let timeout = Timeout::new(SECOND);
    let end = by("no end").lasting(Duration::MAX);
    timeout.force_limit_at(2 * SECOND, end, Instant::now());
    advance(Duration::from_secs(1 << 30)).await;
    assert_eq!(timeout.limit(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_each_change_in_order() {
    let timeout = Timeout::new(SECOND).named("store");
    let lines = listen(&timeout);
    timeout.force_limit(3 * SECOND, by("drill").lasting(SECOND));
    advance(SECOND).await;
    assert_eq!(timeout.limit(), SECOND);
    timeout.force_limit(Duration::MAX, by("drill"));
    timeout.set_limit(2 * SECOND); // without effect for now
    timeout.resume(Override::new("bob", "over"));
    timeout.set_limit(2 * SECOND); // no change
    timeout.set_limit(SECOND);
    assert_eq!(
        lines.try_iter().collect::<Vec<_>>(),
        [
            "limit 1s to 3s, forced by alice: drill",
            "limit 3s to 1s, at the end of the override by alice: drill",
            "limit 1s to unlimited, forced by alice: drill",
            "limit unlimited to 2s, resumed by bob: over",
            "limit 2s to 1s, configured",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_first_ends_an_override_that_is_over() {
    let timeout = Timeout::new(SECOND).named("store");
    let lines = listen(&timeout);
    timeout.force_limit(3 * SECOND, by("drill").lasting(SECOND));
    advance(SECOND).await;
    timeout.force_limit(4 * SECOND, Override::new("bob", "night").lasting(SECOND));
    advance(SECOND).await;
    timeout.set_limit(2 * SECOND);
    assert_eq!(
        lines.try_iter().collect::<Vec<_>>(),
        [
            "limit 1s to 3s, forced by alice: drill",
            "limit 3s to 1s, at the end of the override by alice: drill",
            "limit 1s to 4s, forced by bob: night",
            "limit 4s to 1s, at the end of the override by bob: night",
            "limit 1s to 2s, configured",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_change_the_timeout() {
    let timeout = Timeout::new(SECOND);
    let (changes, heard) = channel();
    let same = timeout.clone();
    let listener = timeout.on_event(move |event| {
        let Event::LimitChanged(change) = event else {
            panic!("no call was made");
        };
        let heard = changes.send((change.cause(), change.to()));
        heard.expect("the test receives");
        if change.cause() == LimitCause::Forced {
            same.resume(by("not now"));
        }
    });
    timeout.force_limit(2 * SECOND, by("drill"));
    drop(listener);
    timeout.set_limit(3 * SECOND);
    let expected = [
        (LimitCause::Forced, 2 * SECOND),
        (LimitCause::Resumed, SECOND),
    ];
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_filter_tells_each_rejection() {
    let filter = DeadlineFilter::builder()
        .max_share(1.0)
        .build("orders")
        .unwrap();
    let (rejections, heard) = channel();
    filter
        .on_event(move |event| {
            let Event::Elapsed(elapsed) = event else {
                panic!("a filter has no limit");
            };
            let heard = rejections.send((elapsed.name(), elapsed.phase()));
            heard.expect("the test receives");
        })
        .detach();
    let late = Deadline::after(Duration::ZERO);
    advance(SECOND).await;
    assert!(filter.check(Deadline::NEVER).is_ok());
    assert!(filter.check(late).is_err());
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [("orders", Phase::Before)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_forced_filter_rejects_nothing_until_its_end() {
    let filter = DeadlineFilter::builder().max_share(1.0).build("orders");
    let filter = filter.expect("within the ranges");
    let (lines, heard) = channel();
    let send = move |event: &Event| lines.send(event.to_string()).expect("the test receives");
    filter.on_event(send).detach();
    let late = Deadline::after(Duration::ZERO);
    advance(SECOND).await;

    filter.force_dark(by("drill").lasting(5 * SECOND));
    assert!(filter.check(late).is_ok());
    assert_eq!((filter.expired(), filter.rejected()), (1, 1), "it counts");
    assert_eq!(filter.forced(), Some(by("drill").lasting(5 * SECOND)));
    advance(5 * SECOND).await;
    assert!(filter.check(late).is_err());
    assert_eq!(filter.forced(), None);

    assert!(!filter.resume(by("nothing")));
    filter.force_dark(by("again"));
    advance(Duration::from_secs(86_400)).await;
    assert!(filter.check(late).is_ok());
    assert!(filter.resume(by("done")));
    assert!(filter.check(late).is_err());
    let rejection = "timeout `orders` elapsed before the call was made";
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        [
            "dark mode, forced by alice: drill",
            "configured mode, at the end of the override by alice: drill",
            rejection,
            "dark mode, forced by alice: again",
            "configured mode, resumed by alice: done",
            rejection,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_of_no_time_ends_at_once() {
    let filter = DeadlineFilter::builder().max_share(1.0).build("orders");
    let filter = filter.expect("within the ranges");
    filter.force_dark(by("drill").lasting(Duration::ZERO));
    assert_eq!(filter.forced(), None);
    // A configured dark mode is none of an operator.
    let dark = DeadlineFilter::builder().max_share(1.0).dark(true);
    filter.reconfigure(dark).expect("within the ranges");
    assert_eq!(filter.forced(), None);
    filter.force_dark(by("drill").lasting(Duration::MAX));
    assert!(filter.forced().is_some());
}
