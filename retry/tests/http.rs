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
    AttemptNumber, Backoff, HttpReplay, Replay, RetryHttp, RetryLayer, RetryPolicy, Verdict,
    grpc_pushback, retry_after, retry_after_at,
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
        ("1.5", None),
        ("soon", None),
        ("Sun, 06 Nov 1994", None),
    ] {
        let headers = headers(&[("retry-after", value)]);
        assert_eq!(retry_after_at(&headers, now), wait.map(secs), "{value:?}");
    }
    assert_eq!(retry_after_at(&HeaderMap::new(), now), None);
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
    }
    assert_eq!(grpc_pushback(&HeaderMap::new()), None);
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

assert_impl_all!(HttpReplay: Copy, Send, Sync, Replay<Request<Body>>);
