//! Deadlines in extensions and headers.

use std::{convert::Infallible, fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use maestro_timeout::{
    Deadline, DeadlineFilter, DeadlineFilterLayer, Elapsed, Phase, ReadDeadlineLayer,
    ReadDeadlineService, TimeHeader, Timeout, TimeoutLayer, WriteDeadlineLayer,
    WriteDeadlineService, in_extensions,
};
use proptest::prelude::*;
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

const LEFT: HeaderName = HeaderName::from_static("x-time-left-ms");
const SECOND: Duration = Duration::from_secs(1);

fn headers(name: &HeaderName, value: &str) -> HeaderMap {
    let value = HeaderValue::from_str(value).expect("a header value");
    HeaderMap::from_iter([(name.clone(), value)])
}

fn request(name: &str, value: &str) -> Request<()> {
    let request = Request::builder().header(name, value).body(());
    request.expect("a request")
}

fn grpc(value: &str) -> Option<Duration> {
    let header = TimeHeader::grpc_timeout();
    header
        .read(&headers(header.name(), value))
        .expect("well formed")
}

fn written(header: &TimeHeader, left: Duration) -> String {
    let mut headers = HeaderMap::new();
    header.write(left, &mut headers);
    headers[header.name()].to_str().expect("ASCII").to_owned()
}

// === The values ===

#[test]
fn every_unit_of_grpc_timeout_is_read() {
    for (value, time) in [
        ("1H", 3_600 * SECOND),
        ("2M", 120 * SECOND),
        ("3S", 3 * SECOND),
        ("4m", Duration::from_millis(4)),
        ("5u", Duration::from_micros(5)),
        ("6n", Duration::from_nanos(6)),
        ("00000001S", SECOND),
        ("99999999H", 3_600 * Duration::from_secs(99_999_999)),
        // Against the specification, which wants a positive value, but some peers write it.
        ("0n", Duration::ZERO),
    ] {
        assert_eq!(grpc(value), Some(time), "{value}");
    }
}

#[test]
fn a_malformed_header_differs_from_a_missing_one() {
    let header = TimeHeader::grpc_timeout();
    for value in [
        "",
        "S",
        "1",
        "123456789n",
        "1s",
        "1h",
        "1 S",
        " 1S",
        "1S ",
        "+1S",
        "-1S",
        "1.5S",
        "0x1S",
        "1SS",
        "1S,2S",
        "٣S",
        "1\t",
    ] {
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
            continue;
        };
        let headers = HeaderMap::from_iter([(header.name().clone(), value.clone())]);
        let malformed = header.read(&headers).expect_err("malformed");
        assert_eq!(malformed.name(), "grpc-timeout", "{value:?}");
    }
    let millis = TimeHeader::millis(LEFT);
    for value in [
        "",
        "ms",
        "+1",
        "-1",
        ".5",
        "1.",
        "1.5.2",
        "1.-5",
        "1,5",
        "1e3",
        "NaN",
        " 1",
        "1ms",
        "12345678901234567890",
    ] {
        assert!(millis.read(&headers(&LEFT, value)).is_err(), "{value:?}");
    }
    assert_eq!(header.read(&HeaderMap::new()), Ok(None));

    let mut twice = headers(&LEFT, "1");
    twice.append(LEFT, HeaderValue::from_static("2"));
    let malformed = millis.read(&twice).unwrap_err();
    assert_eq!(
        malformed.to_string(),
        "the header `x-time-left-ms` does not say how much time is left"
    );
}

#[test]
fn a_fraction_of_a_millisecond_is_read() {
    let header = TimeHeader::millis(LEFT);
    for (value, nanos) in [
        ("1.0", 1_000_000),
        ("1500.25", 1_500_250_000),
        ("0.4", 400_000),
        // As JavaScript prints 0.1 + 0.2. Below a nanosecond it is rounded down.
        ("0.30000000000000004", 300_000),
        ("2.0000009999999999999999999999", 2_000_000),
        ("0", 0),
    ] {
        let read = header.read(&headers(&LEFT, value));
        assert_eq!(read, Ok(Some(Duration::from_nanos(nanos))), "{value}");
    }
}

#[test]
fn no_header_is_written_as_no_limit() {
    let header = TimeHeader::millis(LEFT);
    for (left, value) in [
        // Peers read zero as "no limit".
        (Duration::ZERO, "1"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_micros(400), "1"),
        (Duration::from_micros(1_999), "1"),
        (Duration::from_millis(2), "2"),
        // Peers that count signed nanoseconds read more as negative.
        (Duration::from_secs(u64::MAX), "9223372036854"),
    ] {
        assert_eq!(written(&header, left), value);
    }
}

#[test]
fn the_finest_unit_that_fits_is_written() {
    let header = TimeHeader::grpc_timeout();
    for (left, value) in [
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_millis(100), "100000u"),
        (Duration::from_nanos(99_999_999_999), "99999999u"),
        (Duration::from_secs(100), "100000m"),
        (Duration::from_secs(100_000), "100000S"),
        (Duration::from_secs(100_000_000), "1666666M"),
        (Duration::from_secs(6_000_000_000), "1666666H"),
        (Duration::from_secs(u64::MAX), "99999999H"),
        // The value must be positive.
        (Duration::ZERO, "1n"),
    ] {
        assert_eq!(written(&header, left), value);
    }
}

#[test]
fn an_unlimited_time_removes_the_header() {
    for header in [TimeHeader::grpc_timeout(), TimeHeader::millis(LEFT)] {
        let mut headers = headers(header.name(), "1");
        header.write(Duration::MAX, &mut headers);
        assert!(headers.is_empty());
    }
}

fn any_duration() -> impl Strategy<Value = Duration> {
    // Every magnitude with the same probability.
    (0_u32..94, any::<u128>()).prop_map(|(bits, nanos)| {
        let nanos = nanos & ((1 << bits) - 1);
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(
            seconds,
            u32::try_from(nanos % 1_000_000_000).expect("less than 10^9"),
        )
    })
}

proptest! {
    #[test]
    fn grpc_timeout_values_round_trip(
        value in 1_u32..=99_999_999,
        unit in prop::sample::select(vec!['n', 'u', 'm', 'S', 'M', 'H']),
    ) {
        let time = grpc(&format!("{value}{unit}")).unwrap();
        prop_assert_eq!(grpc(&written(&TimeHeader::grpc_timeout(), time)), Some(time));
    }

    #[test]
    fn written_headers_are_legal_and_never_longer(left in any_duration()) {
        let value = written(&TimeHeader::grpc_timeout(), left);
        prop_assert!(value.len() <= 9 && !value.starts_with('0'));
        let read = grpc(&value).unwrap();
        if left.is_zero() {
            prop_assert_eq!(read, Duration::from_nanos(1));
        } else {
            prop_assert!(read <= left);
        }
        if left < Duration::from_secs(99_999_999) {
            prop_assert!(left.saturating_sub(read) <= left / 99_999);
        }

        let header = TimeHeader::millis(LEFT);
        let read = header.read(&headers(&LEFT, &written(&header, left))).unwrap().unwrap();
        prop_assert!(!read.is_zero());
        prop_assert!(read <= left.max(Duration::from_millis(1)));
        // 292 years.
        if left < Duration::from_nanos(i64::MAX.unsigned_abs()) {
            prop_assert!(left.saturating_sub(read) < Duration::from_millis(1));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            for header in [TimeHeader::grpc_timeout(), TimeHeader::millis(LEFT)] {
                let headers = HeaderMap::from_iter([(header.name().clone(), value.clone())]);
                let _ = header.read(&headers);
            }
        }
    }
}

// === The layers ===

/// The time left in the service inside of `layer`, or the rejection.
async fn left_inside<L>(layer: L, request: Request<()>) -> Result<Duration, Elapsed>
where
    L: tower::Layer<Deadlines>,
    L::Service: Service<Request<()>, Response = Duration, Error = Elapsed>,
{
    let service: Deadlines = service_fn(|request| {
        let deadline = Deadline::from_extensions(request.extensions());
        std::future::ready(Ok(deadline.remaining()))
    });
    layer.layer(service).oneshot(request).await
}

type Deadlines =
    tower::util::ServiceFn<fn(Request<()>) -> std::future::Ready<Result<Duration, Elapsed>>>;

#[tokio::test(start_paused = true)]
async fn a_timeout_stamps_its_end_unless_one_is_earlier() {
    let timeout = |limit| TimeoutLayer::new(limit);
    let within = |left| {
        let mut request = Request::new(());
        Deadline::after(left).insert_into(request.extensions_mut());
        request
    };
    let empty = || Request::new(());
    let unstamped = left_inside(timeout(SECOND), empty()).await;
    assert_eq!(unstamped, Ok(Duration::MAX));
    let stamped = left_inside(timeout(SECOND).stamp(), empty()).await;
    assert_eq!(stamped, Ok(SECOND));
    for (left, seen) in [(SECOND / 2, SECOND / 2), (2 * SECOND, SECOND)] {
        let stamped = left_inside(timeout(SECOND).stamp(), within(left)).await;
        assert_eq!(stamped, Ok(seen));
    }
    let unlimited = left_inside(timeout(Duration::MAX).stamp(), empty()).await;
    assert_eq!(unlimited, Ok(Duration::MAX));

    // The limit and the deadline of the request are told too.
    let layer = timeout(SECOND).limit(|_: &Request<()>| SECOND / 4).stamp();
    assert_eq!(left_inside(layer, empty()).await, Ok(SECOND / 4));
    let deadline = Deadline::after(SECOND / 5);
    let layer = timeout(SECOND).deadline(move |_: &Request<()>| deadline.at());
    assert_eq!(left_inside(layer.stamp(), empty()).await, Ok(SECOND / 5));

    // A nested timeout never tells more than the outer one.
    let nested = ServiceBuilder::new()
        .layer(timeout(SECOND).stamp())
        .layer(timeout(2 * SECOND).stamp());
    assert_eq!(left_inside(nested, empty()).await, Ok(SECOND));

    // A deadline in the extensions bounds the layer that stamps.
    let expired = within(Duration::ZERO);
    advance(SECOND).await;
    let late = left_inside(timeout(SECOND).stamp(), expired).await;
    assert_eq!(late.unwrap_err().phase(), Phase::Before);
}

#[tokio::test(start_paused = true)]
async fn a_stamp_reaches_outgoing_headers() {
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(SECOND).stamp())
        .layer(WriteDeadlineLayer::new(TimeHeader::millis(LEFT)))
        .service(service_fn(async |request: Request<()>| {
            Ok::<_, Elapsed>(request.headers()[LEFT].clone())
        }));
    assert_eq!(client.oneshot(Request::new(())).await.unwrap(), "1000");
}

#[tokio::test(start_paused = true)]
async fn a_stamp_includes_the_wait_for_readiness() {
    let timeout = Timeout::builder().limit(SECOND).count_readiness(true);
    let layer = TimeoutLayer::new(timeout.build("orders")).stamp();
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<Request<()>, (), _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    advance(SECOND / 4).await;
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let _call = task::spawn(service.call(Request::new(())));
    let (served, _) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    let left = Deadline::from_extensions(served.extensions()).remaining();
    assert_eq!(left, SECOND * 3 / 4);
}

#[tokio::test(start_paused = true)]
async fn a_server_reads_the_deadline_into_the_extensions() {
    let layer = ReadDeadlineLayer::new(TimeHeader::grpc_timeout());
    let left = left_inside(layer.clone(), request("grpc-timeout", "250m")).await;
    assert_eq!(left, Ok(Duration::from_millis(250)));
    let left = left_inside(layer.clone(), Request::new(())).await;
    assert_eq!(left, Ok(Duration::MAX));

    // A deadline that is there already is not lengthened.
    let mut nested = request("grpc-timeout", "1H");
    Deadline::after(SECOND).insert_into(nested.extensions_mut());
    assert_eq!(left_inside(layer, nested).await, Ok(SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_header_is_ignored_or_refused() {
    let layer = ReadDeadlineLayer::new(TimeHeader::millis(LEFT));
    let malformed = || request(LEFT.as_str(), "soon");
    let left = left_inside(layer.clone(), malformed()).await;
    assert_eq!(left, Ok(Duration::MAX));

    let mut refusing = ServiceBuilder::new()
        .layer(layer.refuse(|malformed| Ok(format!("400: {malformed}"))))
        .service(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>("200".to_owned())
        }));
    let answer = refusing.call(malformed()).await.unwrap();
    assert_eq!(
        answer,
        "400: the header `x-time-left-ms` does not say how much time is left"
    );
    assert_eq!(
        refusing.call(request(LEFT.as_str(), "7")).await.unwrap(),
        "200"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_writes_the_time_left_and_never_lengthens_it() {
    let mut client = ServiceBuilder::new()
        .layer(WriteDeadlineLayer::new(TimeHeader::millis(LEFT)).reserve(Duration::from_millis(50)))
        .service(service_fn(async |request: Request<()>| {
            let said = request.headers().get(LEFT).cloned();
            Ok::<_, Infallible>(said.map(|said| said.to_str().expect("ASCII").to_owned()))
        }));
    let within = |mut request: Request<()>, time| {
        Deadline::after(time).insert_into(request.extensions_mut());
        request
    };
    let empty = || Request::new(());
    assert_eq!(
        client.call(within(empty(), SECOND)).await.unwrap().unwrap(),
        "950"
    );
    assert_eq!(client.call(empty()).await.unwrap(), None);
    assert_eq!(
        client
            .call(within(empty(), SECOND / 25))
            .await
            .unwrap()
            .unwrap(),
        "1"
    );
    for (said, written) in [
        ("900", "900"),
        ("951", "950"),
        ("soon", "950"),
        // The shorter time of the request, in the form that every peer reads.
        ("0", "1"),
        ("0.4", "1"),
        ("900.25", "900"),
    ] {
        let request = within(request(LEFT.as_str(), said), SECOND);
        assert_eq!(client.call(request).await.unwrap().unwrap(), written);
    }
    // A repeated request holds the time left at that moment.
    let repeated = within(empty(), SECOND);
    advance(SECOND / 2).await;
    assert_eq!(client.call(repeated).await.unwrap().unwrap(), "450");
    let said = client.call(request(LEFT.as_str(), "7")).await.unwrap();
    assert_eq!(
        said.unwrap(),
        "7",
        "a request without a deadline keeps its header"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_be_read_by_a_closure_instead() {
    let deadline = Deadline::after(SECOND);
    let client = ServiceBuilder::new()
        .layer(
            WriteDeadlineLayer::new(TimeHeader::grpc_timeout())
                .deadline(move |_: &Request<()>| deadline.at()),
        )
        .service(service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(request.headers()["grpc-timeout"].clone())
        }));
    assert_eq!(client.oneshot(Request::new(())).await.unwrap(), "1000000u");
}

#[tokio::test(start_paused = true)]
async fn deadlines_shrink_over_the_wire() {
    // Three processes, connected only by the header.
    let server = ServiceBuilder::new()
        .layer(ReadDeadlineLayer::new(TimeHeader::grpc_timeout()))
        .layer(DeadlineFilterLayer::new(DeadlineFilter::new("server")).deadline(in_extensions))
        .layer(TimeoutLayer::new(60 * SECOND).deadline(in_extensions))
        .map_request(|mut request: Request<()>| {
            let left = Deadline::from_extensions(request.extensions());
            *request.extensions_mut() = http::Extensions::new();
            left.reserve(SECOND / 10)
                .insert_into(request.extensions_mut());
            request
        })
        .layer(WriteDeadlineLayer::new(TimeHeader::grpc_timeout()))
        .service(service_fn(async |request: Request<()>| {
            let left = TimeHeader::grpc_timeout()
                .read(request.headers())
                .expect("ours");
            tokio::time::sleep(2 * SECOND).await;
            Ok::<_, Elapsed>(left)
        }));
    let late = server
        .clone()
        .oneshot(request("grpc-timeout", "1S"))
        .await
        .unwrap_err();
    assert_eq!(late.after(), SECOND);
    let left = server.oneshot(request("grpc-timeout", "3S")).await.unwrap();
    assert_eq!(left, Some(SECOND * 29 / 10));
}

#[test]
fn a_refused_request_keeps_the_inner_readiness() {
    let layer = ReadDeadlineLayer::new(TimeHeader::grpc_timeout())
        .refuse(|malformed| Err(malformed.into()));
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<Request<()>, (), _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut refused = task::spawn(service.call(request("grpc-timeout", "soon")));
    assert_ready_err!(refused.poll());
    let _call = task::spawn(service.call(request("grpc-timeout", "1S")));
    let (served, _) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    assert_ne!(
        Deadline::from_extensions(served.extensions()),
        Deadline::NEVER
    );

    let layer = WriteDeadlineLayer::new(TimeHeader::grpc_timeout());
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<Request<()>, (), _>(layer);
    handle.send_error("connect failed");
    let error = assert_ready_err!(service.poll_ready());
    assert_eq!(error.to_string(), "connect failed");
}

type Inner = tower::util::ServiceFn<fn(Request<()>) -> std::future::Ready<Result<(), Infallible>>>;
assert_impl_all!(TimeHeader: Clone, PartialEq, Send, Sync, fmt::Debug);
assert_impl_all!(ReadDeadlineLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(WriteDeadlineLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(ReadDeadlineService<Inner>: Clone, Send, Sync, fmt::Debug, Service<Request<()>>);
assert_impl_all!(WriteDeadlineService<Inner>: Clone, Send, Sync, fmt::Debug, Service<Request<()>>);
