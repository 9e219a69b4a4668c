//! Requests and responses of the `http` crate.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, header::RETRY_AFTER};
use http_body_util::Full;
use maestro_retry::{
    AttemptNumber, Backoff, Budget, CostBucket, HalfFull, HttpReplay, Jitter, Replay, RetryHttp,
    RetryLayer, RetryPolicy, Verdict, grpc_pushback, grpc_retry_after, retry_after, retry_after_at,
};
use proptest::prelude::*;
use static_assertions::assert_impl_all;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

type Body = Full<&'static [u8]>;

fn request(method: Method, body: &'static [u8]) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .header("x", "y")
        .extension(5_u8);
    request.body(Full::new(body)).expect("a legal request")
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("a legal value");
        (name.parse().expect("a legal name"), value)
    };
    fields.iter().map(field).collect()
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn default_replay_repeats_idempotent_methods() {
    let replay = HttpReplay::new();
    for (method, repeated) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::OPTIONS, true),
        (Method::TRACE, true),
        (Method::PUT, true),
        (Method::DELETE, true),
        (Method::POST, false),
        (Method::PATCH, false),
        (Method::CONNECT, false),
        (Method::from_bytes(b"PURGE").unwrap(), false),
    ] {
        let copy = replay.replay(&request(method.clone(), b""));
        assert_eq!(copy.is_some(), repeated, "{method}");
    }
    assert!(
        replay
            .methods(|_| true)
            .replay(&request(Method::POST, b""))
            .is_some()
    );
}

#[test]
fn replay_repeats_the_chosen_paths_with_any_method() {
    let replay = HttpReplay::new().paths(|path| path == "/shop.Items/Get");
    for (uri, repeated) in [
        ("http://shop/shop.Items/Get", true),
        ("/shop.Items/Get?x=1", true),
        ("/shop.Items/Buy", false),
    ] {
        for method in [Method::POST, Method::GET] {
            let mut request = request(method, b"");
            *request.uri_mut() = uri.parse().unwrap();
            assert_eq!(replay.replay(&request).is_some(), repeated, "{uri}");
        }
    }
    let replay = replay.methods(|_| true);
    assert!(replay.replay(&request(Method::POST, b"")).is_some());
    assert!(replay.replay(&request(Method::GET, b"")).is_some());
}

#[test]
fn replay_repeats_bodies_up_to_the_limit() {
    for (limit, repeated) in [(0, false), (4, false), (5, true), (u64::MAX, true)] {
        let replay = HttpReplay::new().limit(limit);
        let copy = replay.replay(&request(Method::PUT, b"12345"));
        assert_eq!(copy.is_some(), repeated, "{limit}");
    }
    assert!(
        HttpReplay::new()
            .limit(0)
            .replay(&request(Method::GET, b""))
            .is_some()
    );
}

#[test]
fn replay_refuses_bodies_of_unknown_length() {
    #[derive(Clone)]
    struct Endless;
    impl http_body::Body for Endless {
        type Data = &'static [u8];
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<&'static [u8]>, Infallible>>> {
            std::task::Poll::Pending
        }
    }
    let request = Request::new(Endless);
    assert!(HttpReplay::new().limit(u64::MAX).replay(&request).is_none());
}

#[tokio::test(start_paused = true)]
async fn copies_carry_their_attempt_number() {
    let (log, seen) = mpsc::channel();
    let server = service_fn(move |request: Request<Body>| {
        let log = log.clone();
        async move {
            assert_eq!(request.headers()["x"], "y");
            assert_eq!(request.extensions().get(), Some(&5_u8));
            log.send(AttemptNumber::of(&request).get()).unwrap();
            Err::<Response<()>, _>("reset")
        }
    });
    let builder = RetryPolicy::builder().attempts(4).backoff(Backoff::none());
    let policy = builder
        .build()
        .unwrap()
        .classifier(RetryHttp)
        .replayer(HttpReplay::new());
    let client = RetryLayer::new(policy).layer(server);
    let _ = client.clone().oneshot(request(Method::PUT, b"body")).await;
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    // A request that must not be repeated is sent once.
    let _ = client.oneshot(request(Method::POST, b"body")).await;
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn retry_after_accepts_seconds_and_three_date_forms() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    for (value, wait) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 120 ", Some(120)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
        ("Sun Nov  6 08:50:37 1994", Some(60)),
        ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", Some(2)),
        ("9.997", Some(10)),
        ("7.0", Some(7)),
        ("18446744073709551615.5", Some(u64::MAX)),
        ("1.", None),
        (".5", None),
        ("1.5.1", None),
        ("soon", None),
        ("Sun, 06 Nov 1994", None),
    ] {
        let headers = headers(&[("retry-after", value)]);
        assert_eq!(retry_after_at(&headers, now), wait.map(secs), "{value:?}");
    }
    assert_eq!(retry_after_at(&HeaderMap::new(), now), None);
}

#[test]
fn several_hints_are_never_undercut() {
    let mut headers = HeaderMap::new();
    for value in ["5", "20", "soon", "10"] {
        headers.append(RETRY_AFTER, HeaderValue::from_static(value));
    }
    assert_eq!(retry_after(&headers), Some(secs(20)));
    for _ in 0..2 {
        headers.append("grpc-retry-pushback-ms", HeaderValue::from_static("250"));
    }
    assert_eq!(grpc_pushback(&headers), Some(Verdict::Never));
    assert_eq!(grpc_retry_after(&headers), None);
}

#[test]
fn retry_after_date_counts_from_the_response_date() {
    let headers = headers(&[
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"),
    ]);
    assert_eq!(retry_after(&headers), Some(secs(10)));
    let other = httpdate::parse_http_date("Sun, 06 Nov 2033 08:49:47 GMT").unwrap();
    assert_eq!(retry_after_at(&headers, other), Some(secs(10)));
}

proptest! {
    #[test]
    fn no_header_value_panics(value in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            headers.insert("date", value.clone());
            headers.insert("grpc-retry-pushback-ms", value.clone());
            headers.insert(RETRY_AFTER, value);
            let _ = (retry_after(&headers), grpc_pushback(&headers));
        }
    }
}

#[test]
fn grpc_pushback_is_a_wait_or_never() {
    let ms = |millis| Verdict::RetryAfter(Duration::from_millis(millis));
    for (value, verdict) in [
        ("0", ms(0)),
        ("250", ms(250)),
        ("-1", Verdict::Never),
        ("", Verdict::Never),
        ("soon", Verdict::Never),
    ] {
        let headers = headers(&[("grpc-retry-pushback-ms", value)]);
        assert_eq!(grpc_pushback(&headers), Some(verdict), "{value:?}");
        let wait = match verdict {
            Verdict::RetryAfter(wait) => Some(wait),
            _ => None,
        };
        assert_eq!(grpc_retry_after(&headers), wait, "{value:?}");
    }
    assert_eq!(grpc_pushback(&HeaderMap::new()), None);
    assert_eq!(grpc_retry_after(&HeaderMap::new()), None);
}

/// How many of three attempts are made for a response, and how long they take.
async fn attempts(status: u16, fields: &[(&'static str, &str)]) -> (u32, Duration) {
    let made = Arc::new(AtomicU32::new(0));
    let (count, fields) = (Arc::clone(&made), headers(fields));
    let server = service_fn(move |_: Request<Body>| {
        count.fetch_add(1, SeqCst);
        let mut response = Response::new(());
        *response.status_mut() = status.try_into().expect("a legal status");
        response.headers_mut().extend(fields.clone());
        async { Ok::<_, Infallible>(response) }
    });
    let builder = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    let policy = builder
        .build()
        .expect("legal")
        .classifier(RetryHttp)
        .replayer(HttpReplay::new());
    let start = Instant::now();
    let client = RetryLayer::new(policy).layer(server);
    let _ = client.oneshot(request(Method::GET, b"")).await;
    (made.load(SeqCst), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn temporary_statuses_are_retried_after_their_hint() {
    for status in [408, 425, 429, 502, 503, 504] {
        assert_eq!(attempts(status, &[]).await, (3, secs(0)), "{status}");
        let hint = [("retry-after", "7")];
        assert_eq!(attempts(status, &hint).await, (3, secs(14)), "{status}");
    }
    for status in [200, 301, 400, 404, 409, 500, 501] {
        let hint = [("retry-after", "7")];
        assert_eq!(attempts(status, &hint).await, (1, secs(0)), "{status}");
    }
    // A hint above the longest one ends the call.
    assert_eq!(
        attempts(503, &[("retry-after", "3600")]).await,
        (1, secs(0))
    );
    // gRPC answers with 200 and says the rest in its own headers.
    let pushback = ("grpc-retry-pushback-ms", "2000");
    assert_eq!(
        attempts(200, &[("grpc-status", "14"), pushback]).await,
        (3, secs(4))
    );
    assert_eq!(attempts(500, &[pushback]).await, (3, secs(4)));
    // A call that succeeded, or whose messages are still to come, is not repeated for it.
    assert_eq!(attempts(200, &[pushback]).await, (1, secs(0)));
    assert_eq!(
        attempts(200, &[("grpc-status", "0"), pushback]).await,
        (1, secs(0))
    );
    assert_eq!(
        attempts(503, &[("grpc-retry-pushback-ms", "-1")]).await,
        (1, secs(0))
    );
}

#[tokio::test(start_paused = true)]
async fn unavailable_grpc_answer_is_retried() {
    for (code, made) in [("14", 3), ("0", 1), ("2", 1), ("5", 1), ("13", 1)] {
        let status = ("grpc-status", code);
        assert_eq!(attempts(200, &[status]).await, (made, secs(0)), "{code}");
    }
    let fields = [("grpc-status", "14"), ("retry-after", "7")];
    assert_eq!(attempts(200, &fields).await, (3, secs(14)));
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_has_the_backoff_for_throttling() {
    let backoff = |secs| Backoff::constant(Duration::from_secs(secs)).jitter(Jitter::None);
    let policy = RetryPolicy::builder()
        .attempts(2)
        .backoff(backoff(1))
        .throttle_backoff(backoff(9))
        .build()
        .unwrap()
        .classifier(RetryHttp);
    for (status, wait) in [(429, 9), (503, 1)] {
        let start = Instant::now();
        let _ = policy
            .run(async |_| Ok::<_, Infallible>(answer(status, &[])))
            .await;
        assert_eq!(start.elapsed(), secs(wait), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn overloaded_response_is_not_retried() {
    let hint = [("retry-after", "7"), ("x-envoy-overloaded", "true")];
    let pushback = [("grpc-retry-pushback-ms", "9"), ("x-envoy-overloaded", "")];
    for status in [429, 500, 503] {
        assert_eq!(attempts(status, &hint).await, (1, secs(0)), "{status}");
        assert_eq!(attempts(status, &pushback).await, (1, secs(0)), "{status}");
    }
    let throttle = HalfFull::builder().build("test").unwrap();
    let policy = RetryPolicy::builder().build().unwrap();
    let policy = policy.classifier(RetryHttp).budget(throttle.clone());
    let _ = policy.run_blocking(|_| Ok::<_, Infallible>(answer(503, &hint)));
    assert!(
        (throttle.tokens() - 10.0).abs() < f64::EPSILON,
        "no failure"
    );
}

fn answer(status: u16, fields: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().expect("a legal status");
    response.headers_mut().extend(headers(fields));
    response
}

#[test]
fn faults_are_no_success_for_a_budget() {
    let grpc = |code| [("grpc-status", code)];
    for (status, code, left) in [
        (200, "0", 5.5),
        (404, "0", 5.5),
        (200, "5", 5.5), // not found
        (200, "1", 5.0), // cancelled
        (499, "0", 5.0), // cancelled
        (500, "0", 4.0),
        (501, "0", 4.0),
        (503, "0", 4.0),
        (200, "2", 4.0),
        (200, "4", 4.0),
        (200, "8", 4.0),
        (200, "12", 4.0),
        (200, "13", 4.0),
        (200, "14", 4.0),
        (200, "15", 4.0),
        (200, "soon", 4.0),
        (200, "99", 4.0),
    ] {
        let throttle = HalfFull::builder().token_ratio(0.5).build("test").unwrap();
        for _ in 0..5 {
            throttle.record(true);
        }
        let policy = RetryPolicy::builder().attempts(1).build().unwrap();
        let policy = policy.classifier(RetryHttp).budget(throttle.clone());
        let _ = policy.run_blocking(|_| Ok::<_, Infallible>(answer(status, &grpc(code))));
        let tokens = throttle.tokens();
        assert!((tokens - left).abs() < 1e-9, "{status} {code}: {tokens}");
    }
}

#[test]
fn alternating_faults_empty_the_quota() {
    let quota = CostBucket::builder().capacity(20).build("test").unwrap();
    let builder = RetryPolicy::builder().attempts(8).backoff(Backoff::none());
    let policy = builder.build().unwrap().classifier(RetryHttp).budget(quota);
    let mut made = 0;
    for _ in 0..100 {
        let _ = policy.run_blocking(|_| {
            made += 1;
            let status = if made % 2 == 1 { 503 } else { 500 };
            Ok::<_, Infallible>(answer(status, &[]))
        });
    }
    assert_eq!(made, 100 + 4, "the bucket pays for four retries");
}

#[test]
fn retried_statuses_can_be_chosen() {
    let throttle = HalfFull::builder().build("test").unwrap();
    let builder = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    let classifier = RetryHttp::statuses(|status| status.as_u16() == 500);
    let policy = builder.build().unwrap().classifier(classifier);
    let policy = policy.budget(throttle.clone());
    for (status, attempts, left) in [(500, 3, 7.0), (503, 1, 6.0), (429, 1, 5.0), (404, 1, 5.1)] {
        let mut made = 0;
        let _ = policy.run_blocking(|_| {
            made += 1;
            Ok::<_, Infallible>(answer(status, &[]))
        });
        assert_eq!(made, attempts, "{status}");
        assert!((throttle.tokens() - left).abs() < 1e-9, "{status}");
    }
}

assert_impl_all!(HttpReplay: Copy, Send, Sync, Replay<Request<Body>>);
