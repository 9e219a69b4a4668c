use std::time::Duration;

use super::{EVENTS, Scene, Sent, grpc, table};
use crate::{layer::ClassifyHttp, types::Event};

/// All that are defined, and some that are not.
const CODES: std::ops::Range<u32> = 0..20;

#[tokio::test(start_paused = true)]
async fn every_code_in_a_head_is_as_published() {
    let table = table::codes();
    for code in CODES {
        let mut scene = Scene::new([]);
        for foresees_end in [true, false] {
            scene.foresees_end = foresees_end;
            let head = grpc().header("grpc-status", code);
            assert_eq!(scene.count(ClassifyHttp, head).await, table(code), "{code}");
        }
        // Counted at once, unless it is good.
        scene.is_dropped = true;
        let expected = match table(code) {
            Event::Good => scene.on_cancel,
            event => event,
        };
        let head = grpc().header("grpc-status", code);
        assert_eq!(scene.count(ClassifyHttp, head).await, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_code_in_trailers_is_as_published() {
    let table = table::codes();
    for code in CODES {
        for frames in [
            vec![Sent::Code(code)],
            vec![Sent::Data, Sent::Code(code)],
            vec![Sent::Data, Sent::Data, Sent::Code(code)],
        ] {
            let mut scene = Scene::new(frames);
            assert_eq!(
                scene.count(ClassifyHttp, grpc()).await,
                table(code),
                "{code}"
            );
            scene.foresees_end = true;
            assert_eq!(
                scene.count(ClassifyHttp, grpc()).await,
                table(code),
                "{code}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_end_makes_good_trailers_bad_and_no_others() {
    let table = table::codes();
    for code in CODES {
        let mut scene = Scene::new([Sent::Data, Sent::Code(code)]);
        scene.read_after += Duration::from_nanos(1);
        let expected = match table(code) {
            Event::Good => Event::Bad,
            event => event,
        };
        assert_eq!(scene.count(ClassifyHttp, grpc()).await, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_before_its_code_is_bad() {
    for on_cancel in EVENTS {
        for frames in [
            vec![Sent::Reset],
            vec![Sent::Data, Sent::Reset, Sent::Code(0)],
        ] {
            let mut scene = Scene::new(frames);
            scene.on_cancel = on_cancel;
            assert_eq!(scene.count(ClassifyHttp, grpc()).await, Event::Bad);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_before_its_code_was_cancelled() {
    for on_cancel in EVENTS {
        for code in CODES {
            let mut scene = Scene::new([Sent::Data, Sent::Code(code)]);
            scene.on_cancel = on_cancel;
            scene.is_dropped = true;
            assert_eq!(scene.count(ClassifyHttp, grpc()).await, on_cancel);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_body_without_its_code_is_bad() {
    for frames in [vec![], vec![Sent::Data]] {
        let mut scene = Scene::new(frames);
        for foresees_end in [true, false] {
            scene.foresees_end = foresees_end;
            assert_eq!(scene.count(ClassifyHttp, grpc()).await, Event::Bad);
        }
    }
    // Trailers without a code, and one that is not a number.
    for value in [None, Some("ok")] {
        let scene = Scene::new([Sent::Trailers(value)]);
        assert_eq!(
            scene.count(ClassifyHttp, grpc()).await,
            Event::Bad,
            "{value:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_grpc_needs_no_code() {
    // gRPC-Web has its code in the data.
    for kind in [
        "text/plain",
        "application/grpc-web+proto",
        "application/grpcish",
    ] {
        let head = || http::Response::builder().header("content-type", kind);
        let scene = Scene::new([Sent::Data]);
        assert_eq!(
            scene.count(ClassifyHttp, head()).await,
            Event::Good,
            "{kind}"
        );
        let scene = Scene::new([Sent::Data, Sent::Code(13)]);
        assert_eq!(
            scene.count(ClassifyHttp, head()).await,
            Event::Bad,
            "{kind}"
        );
    }
    for kind in ["application/grpc", "application/grpc; x=y"] {
        let head = http::Response::builder().header("content-type", kind);
        assert_eq!(
            Scene::new([Sent::Data]).count(ClassifyHttp, head).await,
            Event::Bad,
            "{kind}"
        );
    }
}
