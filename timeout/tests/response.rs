//! Responses that stand for an elapsed call, and responses that pass unchanged.

use std::{
    convert::Infallible,
    error::Error,
    future::{pending, ready},
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full as Whole};
use maestro_timeout::{
    BodyTimeout, BodyTimeoutLayer, Deadline, DeadlineFilter, DeadlineFilterLayer, Elapsed, Phase,
    ReadDeadlineLayer, TimeHeader, Timeout, TimeoutLayer, WriteDeadlineLayer,
};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// What a classifier of the sibling crates finds in the extensions of a response.
type Cause = Arc<dyn Error + Send + Sync>;

const SECOND: Duration = Duration::from_secs(1);

fn cause<B>(response: &Response<B>) -> &Elapsed {
    let cause = response.extensions().get::<Cause>().expect("a cause");
    Elapsed::find(cause.as_ref()).expect("it is the `Elapsed`")
}

/// Whether the last source of the cause has the text by which the sibling crates know a rejection.
fn is_rejection<B>(response: &Response<B>) -> bool {
    let source = cause(response).source();
    source.is_some_and(|source| source.to_string() == "do not retry here")
}

/// A request with the time that it has left. The service never answers.
type Left = Option<Duration>;

fn hangs() -> impl Service<Left, Response = Response<String>, Error = Infallible> + Clone {
    service_fn(|_| pending())
}

fn at(left: &Left) -> Option<Instant> {
    left.and_then(|left| Deadline::after(left).at())
}

#[tokio::test(start_paused = true)]
async fn a_borrowed_rejection_becomes_the_same_response() {
    let elapsed = Deadline::after(SECOND).run(pending::<()>()).await;
    let elapsed = elapsed.unwrap_err();
    let borrowed = elapsed.to_http_response::<String>();
    let owned = elapsed.clone().http_response::<String, Infallible>();
    let owned = owned.unwrap();
    assert_eq!(borrowed.status(), 504);
    assert_eq!(borrowed.status(), owned.status());
    assert_eq!(borrowed.headers(), owned.headers());
    assert_eq!(borrowed.body(), owned.body());
    assert_eq!([cause(&borrowed), cause(&owned)], [&elapsed; 2]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_tells_a_limit_from_a_deadline() {
    let layer = TimeoutLayer::new(Timeout::new(SECOND).named("store")).deadline(at);
    let mut http = layer
        .clone()
        .on_reject(Elapsed::http_response)
        .layer(hangs());
    let mut grpc = layer.on_reject(Elapsed::grpc_response).layer(hangs());
    for (left, by_deadline) in [
        (None, false),
        (Some(2 * SECOND), false),
        (Some(SECOND / 2), true),
    ] {
        let response = http.call(left).await.unwrap();
        assert_eq!(response.status(), 504);
        assert!(response.headers().is_empty() && response.body().is_empty());
        assert_eq!(is_rejection(&response), by_deadline, "{left:?}");
        assert_eq!(
            (cause(&response).name(), cause(&response).phase()),
            ("store", Phase::Call)
        );

        let response = grpc.call(left).await.unwrap();
        let headers = response.headers();
        assert_eq!((response.status().as_u16(), headers.len()), (200, 3));
        assert_eq!(headers["grpc-message"], "the call took too long");
        assert_eq!(
            (&headers["grpc-status"], &headers["content-type"]),
            (&"4".parse().unwrap(), &"application/grpc".parse().unwrap())
        );
        assert_eq!(is_rejection(&response), by_deadline, "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_an_expired_request_is_a_rejection() {
    let limits = BodyTimeout::builder().headers(SECOND).build("files");
    let mut files = BodyTimeoutLayer::new(limits)
        .deadline(at)
        .on_reject(Elapsed::http_response)
        .layer(hangs());
    let response = files.call(None).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), is_rejection(&response)),
        (504, false)
    );
    assert_eq!(cause(&response).phase(), Phase::Headers);
    assert!(response.body().is_end_stream());
    let response = files.call(Some(SECOND / 2)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), is_rejection(&response)),
        (504, true)
    );

    let expired = |_: &Left| Some(Instant::now() - SECOND);
    tokio::time::advance(SECOND).await; // so that there is such an instant
    let filter = DeadlineFilter::builder()
        .max_share(1.0)
        .build("orders")
        .unwrap();
    let mut orders = DeadlineFilterLayer::new(filter)
        .deadline(expired)
        .on_reject(Elapsed::grpc_response)
        .layer(hangs());
    let response = orders.call(None).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "4");
    assert!(is_rejection(&response));
    assert_eq!(cause(&response).phase(), Phase::Before);
}

/// Heads, extensions, data and trailers, with and without a message.
#[tokio::test(start_paused = true)]
async fn grpc_responses_pass_all_layers_unchanged() {
    for messages in [&[][..], b"a message"] {
        for code in 0..=17_u16 {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.into());
            trailers.insert("grpc-message", "as it was sent".parse().unwrap());
            let sent = trailers.clone();
            let inner = service_fn(move |_: Request<()>| {
                let trailers = ready(Some(Ok(sent.clone())));
                let body = Whole::new(messages).with_trailers(trailers);
                let mut response = Response::new(body);
                let headers = response.headers_mut();
                headers.insert("content-type", "application/grpc".parse().unwrap());
                headers.insert("x-head", code.into());
                response.extensions_mut().insert(code);
                ready(Ok::<_, BoxError>(response))
            });
            let limits = BodyTimeout::builder()
                .headers(SECOND)
                .idle(SECOND)
                .whole(2 * SECOND)
                .build("files");
            let mut service = ServiceBuilder::new()
                .layer(ReadDeadlineLayer::new(TimeHeader::grpc_timeout()))
                .layer(DeadlineFilterLayer::new(DeadlineFilter::new("orders")))
                .layer(TimeoutLayer::new(SECOND).stamp())
                .layer(BodyTimeoutLayer::new(limits))
                .layer(WriteDeadlineLayer::new(TimeHeader::grpc_timeout()))
                .service(inner);

            let response = service.call(Request::new(())).await.unwrap();
            assert_eq!(response.headers().len(), 2);
            assert_eq!(response.headers()["content-type"], "application/grpc");
            assert_eq!(response.headers()["x-head"], code.to_string());
            assert_eq!(response.extensions().get(), Some(&code));
            assert!(response.extensions().get::<Cause>().is_none());
            let body = response.into_body().collect().await.unwrap();
            assert_eq!(body.trailers(), Some(&trailers));
            assert_eq!(body.to_bytes(), messages);
        }
    }
}

/// A code in the head and no body: the response is at its end at once.
#[tokio::test(start_paused = true)]
async fn trailers_only_responses_pass_unchanged() {
    let inner = service_fn(|_: Request<()>| {
        let mut response = Response::new(Whole::<&[u8]>::default());
        response.headers_mut().insert("grpc-status", 14.into());
        ready(Ok::<_, BoxError>(response))
    });
    let limits = BodyTimeout::builder().whole(SECOND).build("files");
    let mut service = TimeoutLayer::new(SECOND).layer(BodyTimeoutLayer::new(limits).layer(inner));
    let response = service.call(Request::new(())).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(response.body().is_end_stream());
}

/// A stack as it is written by hand, without a type that is spelled out. The outer answer has a body of the inner layer.
#[tokio::test(start_paused = true)]
async fn on_reject_infers_body_and_error() {
    let limits = BodyTimeout::builder().idle(SECOND).build("files");
    let mut service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(SECOND).on_reject(Elapsed::http_response))
        .layer(BodyTimeoutLayer::new(limits).on_reject(Elapsed::http_response))
        .map_request(|(): ()| None)
        .service(hangs());
    let response = service.ready().await.unwrap().call(()).await.unwrap();
    assert_eq!(response.status(), 504);
    assert!(response.body().is_end_stream());
    let body = response.into_body().collect().await.expect("no limit");
    assert!(body.to_bytes().is_empty());
}
