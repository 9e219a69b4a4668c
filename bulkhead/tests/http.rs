//! What HTTP statuses and gRPC codes mean for load, and the responses that stand for a refusal.

use std::{convert::Infallible, error::Error, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use maestro_bulkhead::{
    Bulkhead, BulkheadLayer, Classify, ClassifyHttp, Full, Outcome,
    Outcome::{Ignored, Overload, Success},
    Queue,
};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// What a classifier of the sibling crates finds in the extensions of a response.
type Cause = Arc<dyn Error + Send + Sync>;

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}

fn response(code: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status(code);
    response
}

fn with_code(code: &str) -> Response<()> {
    let mut response = response(200);
    let code = code.parse().expect("a header");
    response.headers_mut().insert("grpc-status", code);
    response
}

fn classify(classifier: &impl Classify<Response<()>, BoxError>, response: Response<()>) -> Outcome {
    classifier.classify(&Ok(response))
}

/// The table of `guide::meaning`.
fn of_status(code: u16) -> Outcome {
    match code {
        429 | 502..=504 => Overload,
        408 | 499 | 500.. => Ignored,
        _ => Success,
    }
}

fn of_code(code: u32) -> Outcome {
    match code {
        0 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 16 => Success,
        4 | 8 | 14 => Overload,
        _ => Ignored,
    }
}

#[test]
fn each_status_means_what_the_table_says() {
    let http = ClassifyHttp;
    for code in 100..=999 {
        assert_eq!(classify(&http, response(code)), of_status(code), "{code}");
    }
    let error: Result<Response<()>, BoxError> = Err("connection refused".into());
    assert_eq!(http.classify(&error), Ignored);
}

#[test]
fn each_code_in_a_head_means_what_the_table_says() {
    let http = ClassifyHttp;
    for code in 0..=20 {
        let head = with_code(&code.to_string());
        assert_eq!(classify(&http, head), of_code(code), "{code}");
    }
    for no_number in ["", "ok", "-1", "4294967296"] {
        assert_eq!(classify(&http, with_code(no_number)), Ignored, "unknown");
    }
    // The status of a proxy says more than a code beside it.
    let mut both = response(503);
    both.headers_mut().insert("grpc-status", 0.into());
    assert_eq!(classify(&http, both), Overload);
}

#[test]
fn chosen_overloads_replace_those_of_the_table() {
    let by_status = ClassifyHttp::statuses(|status| status == StatusCode::IM_A_TEAPOT);
    let by_both = by_status.codes(|code| matches!(code, 0 | 5));
    let error: Result<Response<()>, BoxError> = Err("refused".into());
    for classifier in [by_status, by_both] {
        assert_eq!(classify(&classifier, response(418)), Overload);
        for code in (100..=999).filter(|code| *code != 418) {
            let expected = match of_status(code) {
                Overload => Ignored,
                outcome => outcome,
            };
            assert_eq!(classify(&classifier, response(code)), expected, "{code}");
        }
        assert_eq!(classifier.classify(&error), Ignored);
    }
    for code in 0..=20 {
        let head = || with_code(&code.to_string());
        assert_eq!(classify(&by_status, head()), of_code(code), "{code}");
        let expected = match of_code(code) {
            _ if code == 5 => Overload,
            Overload => Ignored,
            outcome => outcome,
        };
        assert_eq!(classify(&by_both, head()), expected, "{code}");
    }
}

/// A rejection by a crate of somebody else, by the convention.
#[derive(Debug)]
struct NoRetry;

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("do not retry here")
    }
}

impl Error for NoRetry {}

#[test]
fn an_answer_to_a_rejection_says_nothing() {
    let chosen = ClassifyHttp::statuses(|_| true).codes(|_| true);
    for code in [200, 429, 503] {
        let rejected = || {
            let mut response = response(code);
            let cause: Cause = Arc::new(NoRetry);
            response.extensions_mut().insert(cause);
            response
        };
        assert_eq!(classify(&ClassifyHttp, rejected()), Ignored);
        assert_eq!(classify(&chosen, rejected()), Ignored);
        // Of an attempt that took too long the cause is no rejection.
        let mut failed = rejected();
        let cause: Cause = Arc::new(fmt::Error);
        failed.extensions_mut().insert(cause);
        assert_eq!(classify(&ClassifyHttp, failed), of_status(code));
    }
}

#[tokio::test]
async fn http_counts_overloads_with_and_without_a_queue() {
    let inner = service_fn(async |code: u16| Ok::<_, BoxError>(response(code)));
    let bulkhead = Bulkhead::builder().limit(1).build("api").unwrap();
    let layer = BulkheadLayer::new(bulkhead.clone());
    let queue = Queue::new(1, Duration::from_secs(1));
    let mut plain = layer.clone().http().layer(inner);
    let mut queued = layer.clone().queue(queue).http().layer(inner);
    let mut turned = layer.clone().http().queue(queue).layer(inner);
    for code in [200, 404, 500, 429, 502, 503, 504] {
        plain.call(code).await.unwrap();
        queued.call(code).await.unwrap();
        turned.call(code).await.unwrap();
    }
    assert_eq!((bulkhead.overloads(), bulkhead.in_flight()), (3 * 4, 0));
    let mut without = layer.layer(inner);
    without.call(503).await.unwrap();
    assert_eq!(bulkhead.overloads(), 12, "the default reads no statuses");
}

// === Answers ===

type Answer = Result<Response<String>, Infallible>;

#[test]
fn an_answer_has_status_headers_and_cause() {
    let after = Duration::from_secs(5);
    let builder = Bulkhead::builder().limit(1).retry_after(after);
    let bulkhead = builder.build("db").unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    let full = || bulkhead.try_acquire().unwrap_err();
    let header = |response: &Response<String>, name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };

    let http: [(Answer, u16); 2] = [
        (full().http_response(), 503),
        (full().too_many_requests(), 429),
    ];
    for (answer, status) in http {
        let response = answer.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers().len()),
            (status, 2)
        );
        assert_eq!(header(&response, "retry-after").unwrap(), "5");
        assert_eq!(header(&response, "x-envoy-overloaded").unwrap(), "true");
        let cause = response.extensions().get::<Cause>().unwrap();
        assert_eq!(Full::find(cause.as_ref()), Some(&full()));
        let outcome = ClassifyHttp.classify(&Ok::<_, Infallible>(response));
        assert_eq!(outcome, Ignored, "to another bulkhead outside");
    }
    let grpc: [(Answer, &str); 2] = [
        (full().grpc_response(), "14"),
        (full().resource_exhausted(), "8"),
    ];
    for (answer, code) in grpc {
        let response = answer.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers().len()),
            (200, 5)
        );
        assert_eq!(header(&response, "grpc-status").unwrap(), code);
        assert_eq!(
            header(&response, "grpc-message").unwrap(),
            "too many calls at once"
        );
        assert_eq!(
            header(&response, "content-type").unwrap(),
            "application/grpc"
        );
        assert_eq!(header(&response, "grpc-retry-pushback-ms").unwrap(), "5000");
        assert_eq!(header(&response, "x-envoy-overloaded").unwrap(), "true");
        assert!(response.extensions().get::<Cause>().is_some());
    }
}

#[test]
fn a_borrowed_rejection_has_the_same_response() {
    let bulkhead = Bulkhead::builder().limit(1).build("full").unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    let open = bulkhead.try_acquire().unwrap_err();
    drop(bulkhead.close());
    let closed = bulkhead.try_acquire().unwrap_err();
    for full in [open, closed] {
        let borrowed: Response<String> = full.to_http_response();
        let owned: Response<String> = full.http_response::<_, Infallible>().unwrap();
        let told = |response: &Response<String>| {
            let cause = response.extensions().get::<Cause>().unwrap();
            Full::find(cause.as_ref()).cloned()
        };
        assert_eq!(
            (borrowed.status(), borrowed.headers()),
            (owned.status(), owned.headers())
        );
        assert_eq!(
            (told(&borrowed), borrowed.body()),
            (told(&owned), owned.body())
        );
    }
}

#[test]
fn an_answer_without_a_better_chance_names_no_time() {
    let bulkhead = Bulkhead::builder().limit(1).build("db").unwrap();
    let heavy = bulkhead.try_acquire_many(NonZeroU32::new(2).unwrap());
    let heavy: Response<()> = heavy.unwrap_err().http_response::<_, Infallible>().unwrap();
    assert_eq!(heavy.headers().len(), 1, "no `Retry-After`");
    assert_eq!(heavy.headers()["x-envoy-overloaded"], "true");
    // Another instance may have room for the calls of one that shuts down.
    drop(bulkhead.close());
    let closed = || bulkhead.try_acquire().unwrap_err();
    let http: Response<()> = closed().http_response::<_, Infallible>().unwrap();
    assert_eq!((http.status().as_u16(), http.headers().len()), (503, 0));
    let grpc: Response<()> = closed().grpc_response::<_, Infallible>().unwrap();
    assert_eq!(grpc.headers().len(), 3);
}

/// Stacks as they are written by hand: no type is spelled out.
#[tokio::test]
async fn on_reject_infers_body_and_error() {
    let bulkhead = Bulkhead::builder().limit(1).build("db").unwrap();
    let layer = BulkheadLayer::new(bulkhead.clone()).http();
    let queue = Queue::new(1, Duration::from_secs(1));
    let inner = || {
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::from("a row"))))
    };
    let _held = bulkhead.try_acquire().unwrap();
    let mut plain = ServiceBuilder::new()
        .layer(layer.clone().on_reject(Full::http_response))
        .service(inner());
    let answer = plain.ready().await.unwrap().call(Request::new(())).await;
    assert_eq!(answer.unwrap().status(), 503);
    let queued = layer.queue(queue).on_reject(Full::resource_exhausted);
    let queued = queued.deadline(|_: &Request<()>| Some(tokio::time::Instant::now()));
    let queued = ServiceBuilder::new().layer(queued).service(inner());
    let answer = queued.oneshot(Request::new(())).await;
    assert_eq!(answer.unwrap().headers()["grpc-status"], "8");
}
