//! HTTP and gRPC responses: what they mean for an objective, and those that stand for a refusal.

use std::{convert::Infallible, error::Error, sync::Arc, time::Duration};

use http::{Request, Response};
use maestro_slo_budget::{
    Class, Classify, ClassifyChosen, ClassifyHttp, Counts, ErrIsBad, ErrorBudget, ErrorBudgetLayer,
    Event, Gate, GateLayer, Override, Spent,
};
use static_assertions::assert_impl_all;
use tokio_test::{assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

assert_impl_all!(ClassifyHttp: Copy, Default, Send, Sync, std::fmt::Debug);
assert_impl_all!(ClassifyChosen: Copy, Send, Sync, std::fmt::Debug);

fn budget() -> ErrorBudget {
    ErrorBudget::new("api", "99.9%".parse().expect("an objective"))
}

fn counts(budget: &ErrorBudget) -> Counts {
    budget.counts(Duration::MAX)
}

/// A gate that an operator has closed.
fn closed(budget: &ErrorBudget) -> Gate {
    let gate = Gate::new(budget.clone());
    gate.force_closed(Override::new("alice", "a test"));
    gate
}

fn cause(response: &Response<String>) -> Option<&Spent> {
    let cause = response.extensions().get::<Arc<dyn Error + Send + Sync>>();
    cause.and_then(|cause| Spent::find(cause.as_ref()))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_becomes_a_response_that_says_why_and_when() {
    let gate = closed(&budget());
    let lasting = Override::new("alice", "a test").lasting(Duration::from_millis(1500));
    gate.force_closed(lasting);
    let spent = gate.check(Class::Optional).expect_err("it is closed");
    let Ok::<_, Infallible>(response) = spent.clone().http_response::<String, _>();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["x-envoy-overloaded"], "true");
    assert_eq!(cause(&response), Some(&spent));

    let Ok::<_, Infallible>(response) = spent.clone().grpc_response::<String, _>();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["grpc-retry-pushback-ms"], "1500");
    assert_eq!(response.headers()["x-envoy-overloaded"], "true");
    assert_eq!(cause(&response), Some(&spent));
}

#[test]
fn a_response_by_reference_is_that_of_on_reject() {
    let spent = (closed(&budget()).check(Class::Optional)).expect_err("it is closed");
    let by_reference = spent.to_http_response::<String>();
    let Ok::<_, Infallible>(answer) = spent.clone().http_response::<String, _>();
    assert_eq!(by_reference.status(), answer.status());
    assert_eq!(by_reference.headers(), answer.headers());
    assert_eq!(by_reference.body(), answer.body());
    assert_eq!(cause(&by_reference), Some(&spent));
    assert_eq!(cause(&answer), Some(&spent));
}

#[tokio::test]
async fn answered_refusals_are_not_counted_by_the_gates_budget() {
    let budget = budget();
    let gate = closed(&budget);
    let stack = ServiceBuilder::new()
        .layer(GateLayer::new(gate.clone()).on_reject(Spent::http_response))
        .layer(ErrorBudgetLayer::new(budget.clone()).http());
    let mut api = stack.service(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(String::from("hello")))
    }));
    for _ in 0..5 {
        let refused = api.ready().await.unwrap().call(Request::new(())).await;
        assert_eq!(refused.unwrap().status(), 503);
    }
    assert_eq!(counts(&budget), Counts::new(0, 0));
    assert_eq!(gate.snapshot().refused(), 5);
    gate.resume(Override::new("alice", "the test is over"));
    let answer = api.ready().await.unwrap().call(Request::new(())).await;
    assert_eq!(answer.unwrap().body(), "hello");
    assert_eq!(counts(&budget), Counts::new(1, 0));
}

#[tokio::test]
async fn a_recorder_further_out_sees_an_answered_refusal() {
    type Answer = fn(Spent) -> Result<Response<String>, Infallible>;
    let answers: [Answer; 2] = [Spent::http_response, Spent::grpc_response];
    for answer in answers {
        let gate = GateLayer::new(closed(&budget())).on_reject(answer);
        let inner = gate.layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
        let (http, chosen, default) = (budget(), budget(), budget());
        let nothing = ClassifyHttp::statuses(|_| false).codes(|_| false);
        let mut service = ServiceBuilder::new()
            .layer(ErrorBudgetLayer::new(http.clone()).http())
            .layer(ErrorBudgetLayer::new(chosen.clone()).classifier(nothing))
            .layer(ErrorBudgetLayer::new(default.clone()))
            .service(inner);
        service.call(Request::new(())).await.unwrap();
        assert_eq!(counts(&http), Counts::new(0, 1));
        assert_eq!(counts(&chosen), Counts::new(0, 1));
        // As the docs of `on_reject` warn.
        assert_eq!(counts(&default), Counts::new(1, 0));
    }
}

#[test]
fn an_error_is_bad_even_if_it_is_a_rejection() {
    let spent = closed(&budget()).check(Class::Optional).unwrap_err();
    for rejected in [true, false] {
        let budget = budget();
        let error = |spent: &Spent| -> BoxError {
            if rejected {
                spent.clone().into()
            } else {
                "refused".into()
            }
        };
        let layer = ErrorBudgetLayer::new(budget.clone());
        let mut service = layer.http().layer(service_fn(async |_: Request<()>| {
            Err::<Response<String>, _>(error(&spent))
        }));
        assert_ready_err!(task::spawn(Box::pin(service.call(Request::new(())))).poll());
        assert_eq!(counts(&budget), Counts::new(0, 1));
    }
}

#[test]
fn a_default_classifier_knows_no_status() {
    for (is_http, expected) in [(false, Counts::new(1, 0)), (true, Counts::new(0, 1))] {
        let budget = budget();
        let inner = service_fn(async |_: Request<()>| {
            let response = Response::builder().status(500).body(String::new());
            Ok::<_, Infallible>(response.expect("a valid response"))
        });
        let layer = ErrorBudgetLayer::new(budget.clone());
        if is_http {
            let mut service = layer.http().layer(inner);
            assert_ready_ok!(task::spawn(Box::pin(service.call(Request::new(())))).poll());
        } else {
            let mut service = layer.layer(inner);
            assert_ready_ok!(task::spawn(Box::pin(service.call(Request::new(())))).poll());
        }
        assert_eq!(counts(&budget), expected);
    }
    let _: ErrIsBad = ErrIsBad;
}

#[test]
fn a_closure_may_exclude_and_leave_the_rest_to_the_table() {
    let classify = |result: &Result<Response<()>, Infallible>| match result {
        Ok(response) if response.status() == 401 => Event::Excluded,
        result => ClassifyHttp.classify(result, Duration::ZERO),
    };
    let event = |status| {
        let response = Response::builder().status(status).body(());
        classify(&Ok(response.expect("a valid response")))
    };
    let events = [200, 401, 404, 429, 500].map(event);
    let expected = [
        Event::Good,
        Event::Excluded,
        Event::Good,
        Event::Excluded,
        Event::Bad,
    ];
    assert_eq!(events, expected);
}

/// As `Router::layer` of axum: the types of the response and the error follow from the service.
fn route<L, S>(layer: L, service: S) -> L::Service
where
    L: Layer<S> + Clone + Send + Sync + 'static,
    L::Service: Service<Request<String>> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request<String>>>::Response: Into<Response<String>>,
    <L::Service as Service<Request<String>>>::Error: Into<Infallible>,
{
    layer.layer(service)
}

#[tokio::test]
async fn types_of_an_answer_follow_from_the_service() {
    #[derive(Clone)]
    struct Echo;
    impl Service<Request<String>> for Echo {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<String>) -> Self::Future {
            std::future::ready(Ok(Response::new(request.into_body())))
        }
    }
    let gate = closed(&budget());
    let mut http = route(
        GateLayer::new(gate.clone()).on_reject(Spent::http_response),
        Echo,
    );
    let mut grpc = route(GateLayer::new(gate).on_reject(Spent::grpc_response), Echo);
    let request = || Request::new(String::from("hello"));
    assert_eq!(http.call(request()).await.unwrap().status(), 503);
    let answer = grpc.call(request()).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "14");
}

#[test]
fn a_classifier_for_http_is_free() {
    assert_eq!(size_of::<ClassifyHttp>(), 0);
    assert_eq!(size_of::<ClassifyChosen>(), 2 * size_of::<usize>());
    const { assert!(!<ClassifyHttp as Classify<Response<()>, Infallible>>::TIMED) };
    const { assert!(!<ClassifyChosen as Classify<Response<()>, Infallible>>::TIMED) };
}
