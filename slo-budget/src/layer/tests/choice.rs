use std::{error::Error, fmt, sync::Arc};

use http::{Response, StatusCode};

use super::{Scene, Sent, grpc, table};
use crate::{
    layer::{ClassifyChosen, ClassifyHttp},
    types::{Event, meaning::Cause},
};

/// What is expected if the numbers for which `is_chosen` is true are bad.
fn expected(is_chosen: bool, published: Event) -> Event {
    match published {
        _ if is_chosen => Event::Bad,
        Event::Excluded => Event::Excluded,
        _ => Event::Good,
    }
}

#[tokio::test(start_paused = true)]
async fn chosen_statuses_are_bad_and_no_others() {
    let table = table::statuses();
    let chosen = |status: StatusCode| status.as_u16() % 10 == 9;
    for status in 100..1000 {
        let classifier = ClassifyHttp::statuses(chosen);
        let head = Response::builder().status(status);
        let event = Scene::new([Sent::Data]).count(classifier, head).await;
        assert_eq!(event, expected(status % 10 == 9, table(status)), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn chosen_codes_are_bad_and_no_others() {
    let table = table::codes();
    for code in 0..20 {
        let classifier = ClassifyHttp::codes(|code| code % 4 == 0);
        // No choice makes a call bad that ended well.
        let expected = expected(code != 0 && code % 4 == 0, table(code));
        let head = grpc().header("grpc-status", code);
        assert_eq!(Scene::new([]).count(classifier, head).await, expected);
        let scene = Scene::new([Sent::Data, Sent::Code(code)]);
        assert_eq!(scene.count(classifier, grpc()).await, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_choice_of_one_kind_leaves_the_other_as_published() {
    let (statuses, codes) = (table::statuses(), table::codes());
    for status in 100..1000 {
        let head = Response::builder().status(status);
        let event = Scene::new([])
            .count(ClassifyHttp::codes(|_| true), head)
            .await;
        assert_eq!(event, statuses(status), "{status}");
    }
    for code in 0..20 {
        let scene = Scene::new([Sent::Code(code)]);
        let event = scene.count(ClassifyHttp::statuses(|_| false), grpc()).await;
        assert_eq!(event, codes(code), "{code}");
    }
    // A response that ends without its code has code 2.
    let without = Scene::new([Sent::Data]);
    let none = ClassifyHttp::codes(|code| code != 2).statuses(|_| false);
    assert_eq!(without.count(none, grpc()).await, Event::Good);
}

#[derive(Debug)]
struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too late")
    }
}

impl Error for Late {}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stands_for_an_error_is_bad() {
    let cause: Cause = Arc::new(Late);
    let nothing: ClassifyChosen = ClassifyHttp::statuses(|_| false).codes(|_| false);
    for status in [200, 404, 429, 499, 504] {
        let head = || Response::builder().status(status).extension(cause.clone());
        let scene = Scene::new([]);
        assert_eq!(scene.count(ClassifyHttp, head()).await, Event::Bad);
        assert_eq!(scene.count(nothing, head()).await, Event::Bad, "{status}");
    }
}
