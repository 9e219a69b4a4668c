//! Each row of the table as each classifier has it. What retry says is in [`http`](super::http) and
//! [`grpc`](super::grpc): its classifiers take an attempt, which only the layer makes.

use std::time::Duration;

use axum::http::{Response, StatusCode};
use maestro_circuit_breaker::Outcome;
use tower::BoxError;

use crate::table::{Breaker, Bulkhead, Objective, Row, Table};

/// A response with a status, and a code in its head if it is one of gRPC.
fn response(status: u16, code: Option<u16>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some(code) = code {
        response.headers_mut().insert("grpc-status", code.into());
    }
    response
}

/// What the classifiers of three crates say of a result.
fn classified(result: &Result<Response<()>, BoxError>) -> (Breaker, Bulkhead, Objective) {
    use maestro_bulkhead::Classify as _;
    use maestro_slo_budget::Classify as _;

    let breaker = maestro_circuit_breaker::ClassifyHttp::default();
    let breaker = match maestro_circuit_breaker::Classify::classify(&breaker, result) {
        Outcome::Success => Breaker::Success,
        Outcome::Failure => Breaker::Failure,
        Outcome::Ignored => Breaker::Ignored,
        outcome => panic!("{outcome:?}"),
    };
    let bulkhead = match maestro_bulkhead::ClassifyHttp.classify(result) {
        maestro_bulkhead::Outcome::Success => Bulkhead::Success,
        maestro_bulkhead::Outcome::Overload => Bulkhead::Overload,
        maestro_bulkhead::Outcome::Ignored => Bulkhead::Ignored,
        outcome => panic!("{outcome:?}"),
    };
    let objective = maestro_slo_budget::ClassifyHttp;
    let objective = match objective.classify(result, Duration::ZERO) {
        maestro_slo_budget::Event::Good => Objective::Good,
        maestro_slo_budget::Event::Bad => Objective::Bad,
        maestro_slo_budget::Event::Excluded => Objective::Excluded,
        event => panic!("{event:?}"),
    };
    (breaker, bulkhead, objective)
}

#[test]
fn the_four_crates_publish_the_same_table() {
    let first = Table::text(Table::CRATES[0]);
    for other in Table::CRATES {
        assert_eq!(Table::text(other), first, "{other}");
    }
}

#[test]
fn each_classifier_says_what_the_table_says() {
    let table = Table::read();
    let said = |row: Row| (row.breaker, row.bulkhead, row.objective);
    for status in 200..1000 {
        let result = Ok(response(status, None));
        assert_eq!(
            classified(&result),
            said(table.status(status)),
            "status {status}"
        );
    }
    for code in 0..40 {
        let result = Ok(response(200, Some(code)));
        assert_eq!(classified(&result), said(table.code(code)), "code {code}");
    }
    // A proxy answers with its status, and with a code that is not of the service.
    let result = Ok(response(503, Some(0)));
    assert_eq!(classified(&result), said(table.status(503)));
    let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert_eq!(classified(&Err(lost.into())), said(table.error()));
}
