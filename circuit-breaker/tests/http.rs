//! What HTTP statuses, gRPC codes and rejections mean to a breaker.

use std::{convert::Infallible, error::Error, fmt, io, sync::Arc, time::Duration};

use http::{Request, Response};
use maestro_circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, Classify, ClassifyHttp, Open, Outcome, State, Wait,
};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

const TABLE: &str = include_str!("../src/meaning.md");

/// The rows of the published table, without its head.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = TABLE.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.split('|').map(str::trim).skip(1).collect())
}

/// What the table says of `number`, in the column 0 of statuses or 1 of codes, and else in the row with `rest`.
fn published(column: usize, number: u16, rest: &str) -> &'static str {
    let has = |row: &Vec<&str>, text: &str| row[column].split(", ").any(|it| it == text);
    let number = number.to_string();
    rows()
        .find(|row| has(row, &number))
        .or_else(|| rows().find(|row| has(row, rest)))
        .unwrap_or_else(|| panic!("a row with {rest}"))[2]
}

fn named(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Ignored => "ignored",
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a call")]
fn with_status(status: u16) -> Result<Response<()>, Infallible> {
    Ok(Response::builder().status(status).body(()).expect("legal"))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a call")]
fn with_code(code: &str) -> Result<Response<()>, Infallible> {
    let response = Response::builder().header("grpc-status", code);
    Ok(response.body(()).expect("legal"))
}

fn judge<E>(result: &Result<Response<()>, E>) -> Outcome
where
    ClassifyHttp: Classify<Response<()>, E>,
{
    ClassifyHttp::<()>::default().classify(result)
}

#[test]
fn every_status_and_code_means_what_the_table_says() {
    for status in 100..1_000 {
        let rest = if status < 500 {
            "all not below"
        } else {
            "other 5xx"
        };
        let outcome = named(judge(&with_status(status)));
        assert_eq!(outcome, published(0, status, rest), "{status}");
    }
    for code in 0..100 {
        let outcome = named(judge(&with_code(&code.to_string())));
        assert_eq!(outcome, published(1, code, "other"), "{code}");
    }
    for unknown in ["", "-1", "ok", "4294967296"] {
        assert_eq!(judge(&with_code(unknown)), Outcome::Failure, "{unknown}");
    }
}

#[test]
fn a_status_of_an_error_counts_before_a_code() {
    let response = Response::builder().status(503).header("grpc-status", "0");
    let response = Ok::<_, Infallible>(response.body(()).unwrap());
    assert_eq!(judge(&response), Outcome::Failure);
}

#[test]
fn a_retry_after_lengthens_failures_and_nothing_else() {
    for status in 100..1_000 {
        let mut response = with_status(status);
        let headers = response.as_mut().unwrap().headers_mut();
        headers.insert("retry-after", 7.into());
        let expected = match judge(&with_status(status)) {
            Outcome::Failure => Outcome::FailureFor(Duration::from_secs(7)),
            other => other,
        };
        assert_eq!(judge(&response), expected, "{status}");
    }
    let response = Response::builder()
        .status(503)
        .header("date", "Mon, 01 Jun 2026 10:00:00 GMT")
        .header("retry-after", "Mon, 01 Jun 2026 10:01:00 GMT");
    assert_eq!(
        judge(&Ok::<_, Infallible>(response.body(()).unwrap())),
        Outcome::FailureFor(Duration::from_secs(60))
    );
}

#[test]
fn chosen_statuses_and_codes_replace_those_of_the_table() {
    let classifier = ClassifyHttp::<()>::statuses(|status| status == 404 || status == 499)
        .codes(|code| code == 5);
    let judge = |result| classifier.classify(&result);
    for (status, outcome) in [
        (200, Outcome::Success),
        (404, Outcome::Failure),
        (499, Outcome::Failure),
        (500, Outcome::Success),
    ] {
        assert_eq!(judge(with_status(status)), outcome, "{status}");
    }
    for (code, outcome) in [
        ("0", Outcome::Success),
        ("1", Outcome::Ignored),
        ("5", Outcome::Failure),
        ("14", Outcome::Success),
    ] {
        assert_eq!(judge(with_code(code)), outcome, "{code}");
    }
    // Each alone leaves the other as the table has it.
    let statuses = ClassifyHttp::<()>::statuses(|_| false);
    assert_eq!(statuses.classify(&with_code("14")), Outcome::Failure);
    assert_eq!(statuses.classify(&with_status(499)), Outcome::Ignored);
    let codes = ClassifyHttp::<()>::codes(|_| false);
    assert_eq!(codes.classify(&with_status(503)), Outcome::Failure);
    // Neither a code 0 nor a rejection is anything that one could choose.
    let all = ClassifyHttp::<()>::statuses(|_| true).codes(|_| true);
    assert_eq!(all.classify(&with_code("0")), Outcome::Success);
    for response in [open().http_response(), open().grpc_response()] {
        let response: Result<Response<()>, Infallible> = response;
        assert_eq!(all.classify(&response), Outcome::Ignored);
    }
}

/// A rejection by an open breaker.
fn open() -> Open {
    opened("inner").try_acquire().expect_err("open")
}

fn opened(name: &'static str) -> CircuitBreaker {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_millis(4_001)))
        .build(name)
        .expect("legal");
    breaker.try_acquire().expect("closed").failure();
    breaker
}

#[tokio::test(start_paused = true)]
async fn a_rejection_becomes_a_response_that_tells_when() {
    let response = open().http_response::<String, Infallible>().unwrap();
    let header = |name| response.headers().get(name).map(|it| it.to_str().unwrap());
    assert_eq!(response.status(), 503);
    assert_eq!(header("retry-after"), Some("5"));
    assert_eq!(header("x-envoy-overloaded"), Some("true"));
    assert_eq!(response.body(), "");

    let response = open().grpc_response::<String, Infallible>().unwrap();
    let header = |name| response.headers().get(name).map(|it| it.to_str().unwrap());
    assert_eq!(response.status(), 200);
    assert_eq!(header("content-type"), Some("application/grpc"));
    assert_eq!(header("grpc-status"), Some("14"));
    assert_eq!(header("grpc-retry-pushback-ms"), Some("4001"));
}

#[tokio::test(start_paused = true)]
async fn a_borrowed_rejection_becomes_the_same_response() {
    let open = open();
    let borrowed: Response<String> = open.to_http_response();
    let owned = open.clone().http_response::<String, Infallible>().unwrap();
    for response in [&borrowed, &owned] {
        let cause = response.extensions().get::<Arc<dyn Error + Send + Sync>>();
        let cause = cause.expect("the rejection is in the extensions");
        assert_eq!(cause.downcast_ref(), Some(&open));
    }
    assert_eq!(borrowed.status(), owned.status());
    assert_eq!(borrowed.headers(), owned.headers());
    assert_eq!(borrowed.body(), owned.body());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_for_http_ignores_the_answer_of_one_inside() {
    let inner = opened("inner");
    for (answer, code) in [("http", None), ("grpc", Some("14"))] {
        let (by_table, by_default) = (CircuitBreaker::new("table"), CircuitBreaker::new("default"));
        let mut service = ServiceBuilder::new()
            .layer(CircuitBreakerLayer::new(by_default.clone()).on_reject(Open::http_response))
            .layer(
                CircuitBreakerLayer::new(by_table.clone())
                    .http()
                    .on_reject(Open::http_response),
            )
            .layer(
                CircuitBreakerLayer::new(inner.clone()).on_reject(move |open| match answer {
                    "http" => open.http_response(),
                    _ => open.grpc_response(),
                }),
            )
            .service(service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(String::new()))
            }));
        let response = service.ready().await.unwrap().call(Request::new(()));
        let response = response.await.unwrap();
        let found = response.headers().get("grpc-status");
        assert_eq!(found.map(|it| it.to_str().unwrap()), code);
        assert_eq!(by_table.snapshot().calls(), 0, "not a call to the service");
        // What the documentation warns of.
        assert_eq!(by_default.snapshot().calls(), 1);
    }
}

/// A full bulkhead of another crate, by the convention.
#[derive(Debug)]
struct Full(NoRetry);

#[derive(Debug)]
struct NoRetry;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("full")
    }
}

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("do not retry here")
    }
}

impl Error for NoRetry {}

impl Error for Full {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_is_a_failure_and_a_rejection_is_ignored() {
    let full: Result<Response<()>, _> = Err(Full(NoRetry));
    assert_eq!(judge(&full), Outcome::Ignored);
    let down: Result<Response<()>, _> = Err(io::Error::other("refused"));
    assert_eq!(judge(&down), Outcome::Failure);
    let wrapped: Result<Response<()>, _> = Err(io::Error::other(Full(NoRetry)));
    assert_eq!(judge(&wrapped), Outcome::Ignored);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_ignores_rejections_survives_overload() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build("db")
        .unwrap();
    for wait in [false, true] {
        let layer = CircuitBreakerLayer::new(breaker.clone()).ignore_rejections();
        let full = service_fn(async |()| Err::<(), BoxError>(Full(NoRetry).into()));
        let result = if wait {
            ServiceBuilder::new()
                .layer(layer.wait())
                .service(full)
                .oneshot(())
                .await
        } else {
            ServiceBuilder::new()
                .layer(layer)
                .service(full)
                .oneshot(())
                .await
        };
        assert!(result.unwrap_err().is::<Full>());
        let full = || Err::<(), BoxError>(Full(NoRetry).into());
        breaker.run(async || full()).await.unwrap_err();
        breaker.run_blocking(full).unwrap_err();
        assert_eq!(
            (breaker.state(), breaker.snapshot().calls()),
            (State::Closed, 0)
        );
    }
    let down = || Err::<(), BoxError>("down".into());
    breaker.run_blocking(down).unwrap_err();
    assert_eq!(breaker.state(), State::Open);
}
