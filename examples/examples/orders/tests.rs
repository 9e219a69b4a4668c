//! The stacks and the server on tokio's paused clock: seconds pass at once, and each run is the same.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    response::IntoResponse,
    routing::{get, post},
};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full as InMemory};
use maestro_bulkhead::test_util as bulkhead;
use maestro_circuit_breaker::{Open, State, test_util as circuit_breaker};
use maestro_retry::test_util as retry;
use maestro_timeout::{
    Deadline,
    test_util::{self as timeout, Script},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, task};
use tower::{ServiceExt, util::BoxCloneSyncService};

use crate::{
    admin,
    config::Config,
    error::CallError,
    handles::{Handles, Key},
    parcels, server,
    stacks::{self, Http, HttpRequest, Query},
};

const FILE: &str = include_str!("orders.toml");

type Host = Script<HttpRequest, Response<Bytes>, CallError>;
type Shipping = Script<Request<tonic::body::Body>, Response<tonic::body::Body>, CallError>;
type Storage = Script<Query, Option<String>, CallError>;

fn handles(file: &str) -> Handles {
    Handles::build(&Config::parse(file).expect("a valid file")).expect("valid numbers")
}

fn key(host: &str) -> Key {
    host.into()
}

fn answer(status: u16) -> Response<Bytes> {
    let answer = Response::builder().status(status);
    answer.body(Bytes::new()).expect("a legal status")
}

fn payments(handles: &Handles, host: &Host) -> Http {
    stacks::payments(&handles.payments, BoxCloneSyncService::new(host.clone()))
}

fn payment(url: &str) -> HttpRequest {
    let payment = Request::put(url).body(InMemory::default());
    payment.expect("a legal URL")
}

fn find(id: i64) -> Query {
    let (save, deadline) = (None, Deadline::NEVER);
    Query { id, save, deadline }
}

/// The layers of the server in front of a slow route, and of one that fails.
fn service(handles: &Handles, time: Duration) -> Router {
    let routes = Router::new()
        .route("/slow", get(async move || sleep(time).await))
        .route("/ok", get(async || "ok").post(async || "ok"))
        .route("/broken", post(async || StatusCode::BAD_GATEWAY));
    server::protect(routes, &handles.server)
}

async fn ask(service: &Router, method: &str, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).expect("a legal request");
    let answer = service.clone().oneshot(request).await;
    answer.unwrap_or_else(|never| match never {})
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_dropped_and_retried() {
    let (handles, host) = (handles(FILE), Host::new().pending().ok(answer(200)));
    let payments = payments(&handles, &host);
    let mut call = task::spawn(payments.oneshot(payment("http://a.example/")));
    assert_pending!(call.poll());

    let attempt = handles.payments.attempts.get(&key("a.example"));
    timeout::elapse(&attempt).await;
    assert!(call.is_woken());
    assert_eq!(call.await.expect("an answer").status(), 200);
    assert_eq!(host.cancelled(), 1);
    host.assert_done();
    bulkhead::assert_idle(&handles.payments.bulkheads.get(&key("a.example")));
    circuit_breaker::assert_idle(&handles.payments.breakers.get(&key("a.example")));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_refuses_one_host_only() {
    let (handles, host) = (handles(FILE), Host::new().ok(answer(200)));
    let payments = payments(&handles, &host);
    circuit_breaker::open(&handles.payments.breakers.get(&key("a.example:81")));
    let refused = payments
        .clone()
        .oneshot(payment("http://me:secret@a.example:81/"));
    let refused = refused.await.expect_err("its circuit is open");
    assert!(refused.to_string().contains("[a.example:81]"), "{refused}");
    let refused = refused.into_response();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let paid = payments.oneshot(payment("http://a.example:82/")).await;
    assert_eq!(paid.expect("a call").status(), 200);
    host.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_of_a_host_stops_its_retries() {
    let (handles, host) = (handles(FILE), Host::new().ok(answer(503)));
    let payments = payments(&handles, &host);
    let _spent = retry::spend(&handles.payments.retry_budgets.get(&key("a.example")));
    let failed = payments.oneshot(payment("http://a.example/")).await;
    assert_eq!(failed.expect("the answer of the host").status(), 503);
    host.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_passed_on_and_kept() {
    let (handles, host) = (handles(FILE), Host::new().pending());
    let mut request = payment("http://a.example/");
    Deadline::after(Duration::from_millis(200)).insert_into(request.extensions_mut());
    let begun = Instant::now();
    let late = payments(&handles, &host).oneshot(request).await;
    assert!(matches!(late, Err(CallError::Elapsed(_))), "{late:?}");
    assert_eq!(begun.elapsed().as_millis(), 200);
    assert_eq!(host.take_requests()[0].headers()[server::DEADLINE], "200");
}

#[tokio::test(start_paused = true)]
async fn the_store_answers_while_the_cache_hangs() {
    let handles = handles(FILE);
    let tea = || Ok(Some("tea".to_owned()));
    let store = Storage::new().then_always(move |_| tea());
    let hung = Storage::new().pending().pending().pending();
    let store = stacks::store(&handles.store, BoxCloneSyncService::new(store));
    let cache = stacks::store(&handles.cache, BoxCloneSyncService::new(hung.clone()));
    let cache = stacks::cached(cache, store);
    for _ in 0..10 {
        let found = cache.clone().oneshot(find(1)).await;
        assert_eq!(found.expect("an answer").as_deref(), Some("tea"));
    }
    assert_eq!(handles.cache.breaker.state(), State::Open);
    hung.assert_done();
    let save = Some("tea".to_owned());
    let refused = cache.oneshot(Query { save, ..find(1) }).await;
    assert!(matches!(refused, Err(CallError::Open(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_is_no_success_of_the_store() {
    let handles = handles(FILE);
    let gone = || redis::RedisError::from((redis::ErrorKind::Io, "gone"));
    let client = Storage::new().then_always(move |_| Err(gone().into()));
    let store = stacks::store(&handles.store, BoxCloneSyncService::new(client.clone()));
    for _ in 0..2 {
        let failed = store.clone().oneshot(find(1)).await;
        assert!(matches!(failed, Err(CallError::Redis(_))), "{failed:?}");
    }
    let held = bulkhead::fill(&handles.store.bulkhead);
    let refused = store.clone().oneshot(find(1)).await;
    assert!(matches!(refused, Err(CallError::Full(_))), "{refused:?}");
    drop(held);
    let opened = store.oneshot(find(1)).await;
    assert!(matches!(opened, Err(CallError::Open(_))), "{opened:?}");
    assert_eq!(client.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_short_deadline_opens_no_circuit() {
    let handles = handles(FILE);
    let client = Storage::new().then_always(|_| Ok(None));
    let slow = client.clone().map_future(async |call| {
        sleep(Duration::from_millis(20)).await;
        call.await
    });
    let cache = stacks::store(&handles.cache, BoxCloneSyncService::new(slow));
    for _ in 0..5 {
        let deadline = Deadline::after(Duration::from_millis(1));
        let late = cache
            .clone()
            .oneshot(Query {
                deadline,
                ..find(1)
            })
            .await;
        assert!(matches!(late, Err(CallError::Elapsed(_))), "{late:?}");
    }
    assert_eq!(handles.cache.breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_grpc_trailers_is_retried() {
    // One message if it succeeds, and none if it fails.
    let ended = |code: u16| {
        let message = if code == 0 { &b"\0\0\0\0\0"[..] } else { b"" };
        let status = (HeaderName::from_static("grpc-status"), code.into());
        let trailers = async { Some(Ok(HeaderMap::from_iter([status]))) };
        let body = InMemory::from(message).with_trailers(trailers);
        let head = Response::builder().header("content-type", "application/grpc");
        head.body(tonic::body::Body::new(body)).expect("a head")
    };
    let (handles, peer) = (handles(FILE), Shipping::new().ok(ended(14)).ok(ended(0)));
    let shipping = BoxCloneSyncService::new(peer.clone());
    let shipping = stacks::shipping(&handles.shipping, shipping);
    let announced = parcels::announce(shipping.clone(), Deadline::NEVER).await;
    announced.expect("the second attempt succeeds");
    peer.assert_done();
    assert_eq!(handles.shipping.breaker.snapshot().failures(), 1);

    circuit_breaker::open(&handles.shipping.breaker);
    let refused = parcels::announce(shipping, Deadline::NEVER).await;
    let refused = refused.expect_err("the circuit is open").into_response();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    circuit_breaker::assert_idle(&handles.shipping.breaker);
    bulkhead::assert_idle(&handles.shipping.bulkhead);
}

#[tokio::test(start_paused = true)]
async fn a_full_server_answers_503() {
    let file = FILE.replace("max_queued = 128", "max_queued = 1");
    let (handles, begun) = (handles(&file), Instant::now());
    let service = service(&handles, Duration::ZERO);
    let _held = bulkhead::fill(&handles.server.bulkhead);
    let ask = async || {
        let answer = ask(&service, "GET", "/ok").await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        begun.elapsed().as_millis()
    };
    let (waited, rejected) = tokio::join!(ask(), ask());
    assert_eq!((waited, rejected), (250, 0), "the line has one seat");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_beyond_its_share_gets_429() {
    let handles = handles(FILE);
    let _held = bulkhead::fill(&handles.server.tenants.get(&key("")));
    let service = service(&handles, Duration::ZERO);
    assert_eq!(ask(&service, "GET", "/ok").await.status(), 429);
    let counted = handles.server.budget.report();
    assert_eq!(counted.period().counts().total(), 0, "it is not counted");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_caller_ends_a_request() {
    let handles = handles(FILE);
    let service = service(&handles, Duration::from_mins(1));
    let budget = &handles.server.budget;
    // What its own deadline cuts off does not burn the error budget. What is too slow for the service does.
    for (header, expected, bad) in [
        ("150", (504, 140), 0),
        ("1", (504, 0), 0),
        ("9999", (504, 2_000), 1),
        ("soon", (400, 0), 1),
    ] {
        let request = Request::get("/slow").header(server::DEADLINE, header);
        let request = request.body(Body::empty()).expect("a legal request");
        let begun = Instant::now();
        let answer = service.clone().oneshot(request).await;
        let status = answer.expect("it is infallible").status().as_u16();
        assert_eq!((status, begun.elapsed().as_millis()), expected);
        assert_eq!(budget.counts(budget.period()).bad(), bad);
    }
}

#[tokio::test(start_paused = true)]
async fn the_gate_refuses_writes_while_the_budget_burns() {
    let handles = handles(FILE);
    let service = service(&handles, Duration::ZERO);
    // The time before the start counts as good.
    for _ in 0..1_000 {
        assert_eq!(ask(&service, "POST", "/broken").await.status(), 502);
    }
    advance(Duration::from_secs(1)).await;
    let mut refused = 0;
    for _ in 0..100 {
        refused += u32::from(ask(&service, "POST", "/ok").await.status() == 503);
        assert_eq!(ask(&service, "GET", "/ok").await.status(), 200);
    }
    assert!((40..=60).contains(&refused), "{refused}");
    advance(Duration::from_mins(1)).await;
    assert!(handles.server.gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_refused_changes_nothing() {
    let handles = handles(FILE);
    let limits = || {
        let host = handles.payments.attempts.get(&key("a.example"));
        (handles.store.bulkhead.limit(), host.limit().as_millis())
    };
    let changed = FILE
        .replace("limit = 16 }\n", "limit = 7 }\n")
        .replace("300ms", "200ms");
    handles.reload(&changed).expect("valid numbers");
    assert_eq!(limits(), (7, 200));

    // The error is in the last table.
    let refused = FILE.replace("limit = 16 }\n", "limit = 0 }\n");
    let error = handles
        .reload(&refused)
        .expect_err("a limit of 0")
        .to_string();
    assert!(error.starts_with("store.bulkhead"), "{error}");
    let refused = FILE.replace("\"99.9%\"", "\"99%\", resolution = \"20s\"");
    handles.reload(&refused).expect_err("a resolution");
    assert_eq!(limits(), (7, 200));
}

#[tokio::test(start_paused = true)]
async fn an_operator_opens_and_resumes_a_circuit() {
    let handles = handles(FILE);
    let recorder = PrometheusBuilder::new().build_recorder();
    let admin = admin::routes(handles.clone(), recorder.handle());
    let host = Host::new().ok(answer(200));
    let payments = payments(&handles, &host);
    let _made = handles.payments.breakers.get(&key("a.example"));
    let path = "/admin/payments/force_open?key=a.example&actor=alice&reason=test&minutes=5";
    assert_eq!(ask(&admin, "POST", path).await.status(), 200);

    let refused = payments.clone().oneshot(payment("http://a.example/")).await;
    let refused = refused.expect_err("the circuit is forced open");
    let open = Open::find(&refused).expect("a rejection");
    assert_eq!(open.by().expect("an override").actor(), "alice");
    let list = ask(&admin, "GET", "/admin")
        .await
        .into_body()
        .collect()
        .await;
    let list = list.expect("a body").to_bytes();
    assert!(String::from_utf8_lossy(&list).contains("alice"), "{list:?}");

    let path = path.replace("force_open", "resume");
    assert_eq!(ask(&admin, "POST", &path).await.status(), 200);
    let paid = payments.oneshot(payment("http://a.example/")).await;
    assert_eq!(paid.expect("a call").status(), 200);
    let path = path.replace("payments", "nothing");
    assert_eq!(ask(&admin, "POST", &path).await.status(), 404);
}
