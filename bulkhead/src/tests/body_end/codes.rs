//! The codes of gRPC, in the head and in trailers.

use http::Response;
use http_body::Frame;
use tower::{BoxError, Layer};

use super::{
    Bytes, Frames, HEAD, SUCCESS, Sample::Overload, Then, call, check, grpc, hears, inner, of_code,
    response,
};
use crate::{Bulkhead, BulkheadLayer, ClassifyHttp, Queue};

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_reported_with_its_code() {
    let (bulkhead, heard) = hears();
    let service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    check(service, &heard, || bulkhead.overloads(), of_code).await;
    assert_eq!(bulkhead.in_flight(), 0);

    let (bulkhead, heard) = hears();
    let queue = Queue::new(1, HEAD);
    let layer = BulkheadLayer::new(bulkhead.clone()).queue(queue).grpc();
    let overloads = || bulkhead.overloads();
    check(layer.layer(inner()), &heard, overloads, of_code).await;
}

#[tokio::test(start_paused = true)]
async fn a_fixed_limit_counts_overloads_in_trailers() {
    let bulkhead = Bulkhead::builder().limit(1).build("test").unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    let mut counted = 0;
    for (messages, code) in (0..3).flat_map(|n| (0..=17).map(move |code| (n, code))) {
        let response = response(grpc(), messages, Then::Trailers, code);
        call(&mut service, response, usize::MAX).await;
        counted += u64::from(of_code(code) == Some(Overload));
        assert_eq!(bulkhead.overloads(), counted);
    }
    assert_eq!((counted, bulkhead.in_flight()), (9, 0));
}

/// HTTP/2 allows data without bytes at any place.
#[tokio::test(start_paused = true)]
async fn an_empty_frame_is_no_message() {
    let (bulkhead, heard) = hears();
    let mut service = BulkheadLayer::new(bulkhead).grpc().layer(inner());
    let mut response = response(grpc(), 0, Then::Trailers, 14);
    let empty = Ok(Frame::data(Bytes::new()));
    response.body_mut().frames.push_front(empty);
    call(&mut service, response, usize::MAX).await;
    assert_eq!(heard.take(), [Overload]);
}

#[tokio::test(start_paused = true)]
async fn chosen_codes_count_in_head_and_trailers() {
    let (bulkhead, heard) = hears();
    let chosen = ClassifyHttp::codes(|code| matches!(code, 0 | 13));
    let layer = BulkheadLayer::new(bulkhead.clone()).classifier(chosen);
    let of_code = |code| match of_code(code) {
        _ if code == 13 => Some(Overload),
        Some(Overload) => None,
        said => said,
    };
    let overloads = || bulkhead.overloads();
    let service = layer.until_body_end().layer(inner());
    check(service, &heard, overloads, of_code).await;
}

/// A closure sees the head only. The trailers follow the table.
#[tokio::test(start_paused = true)]
async fn every_classifier_sees_trailers() {
    let (bulkhead, heard) = hears();
    let layer = BulkheadLayer::new(bulkhead.clone()).until_body_end();
    let mut default = layer.clone().layer(inner());
    let mut closure = layer
        .overload_if(|result: &Result<Response<Frames>, BoxError>| {
            result
                .as_ref()
                .is_ok_and(|response| response.status() == 503)
        })
        .layer(inner());
    for code in 0..=17 {
        let response = || response(grpc(), 0, Then::Trailers, code);
        let expected = Vec::from_iter(of_code(code));
        call(&mut default, response(), usize::MAX).await;
        assert_eq!(heard.take(), expected, "{code}");
        call(&mut closure, response(), usize::MAX).await;
        assert_eq!(heard.take(), expected, "{code}");
    }
    // What the head says is said once.
    let refused = response(grpc().status(503), 1, Then::Trailers, 14);
    call(&mut closure, refused, usize::MAX).await;
    assert_eq!(heard.take(), [Overload]);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_grpc_is_reported_at_its_head() {
    let (bulkhead, heard) = hears();
    let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    // The code of gRPC for browsers is in the data.
    for other in [
        "text/html",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpcs",
    ] {
        let begin = || Response::builder().header("content-type", other);
        let is_read = response(begin(), 0, Then::EndsWithoutCode, 0);
        call(&mut service, is_read, usize::MAX).await;
        assert_eq!(heard.take(), [SUCCESS], "{other}");
        let is_dropped = response(begin(), 1, Then::IsDropped, 0);
        call(&mut service, is_dropped, 0).await;
        assert_eq!(heard.take(), [SUCCESS], "{other}");
        let of_a_proxy = response(begin(), 0, Then::Trailers, 14);
        call(&mut service, of_a_proxy, usize::MAX).await;
        assert_eq!(heard.take(), [SUCCESS, Overload], "{other}");
    }
    for grpc in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;a=b",
    ] {
        let begin = Response::builder().header("content-type", grpc);
        let is_dropped = response(begin, 1, Then::IsDropped, 0);
        call(&mut service, is_dropped, 0).await;
        assert_eq!(heard.take(), [], "{grpc}");
    }
}
