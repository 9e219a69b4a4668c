use std::{convert::Infallible, error::Error, fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Response, StatusCode};

use crate::{
    http::RetryHttp,
    policy::Classify,
    types::{Attempt, Now, Verdict},
};

/// The error of a layer that rejects calls.
#[derive(Debug)]
pub(super) struct Rejection;

#[derive(Debug)]
struct NoRetry;

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rejected")
    }
}

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("do not retry here")
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NoRetry)
    }
}

impl Error for NoRetry {}

pub(super) fn verdict<V, B, E>(classifier: &V, result: &Result<Response<B>, E>) -> Verdict
where
    V: Classify<(), Response<B>, E>,
{
    let now = Now::unread();
    classifier.classify(&Attempt::new(1, None, None, &now), result)
}

fn of_status(classifier: &impl Classify<(), Response<()>, Infallible>, status: u16) -> Verdict {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).expect("a legal status");
    verdict(classifier, &Ok(response))
}

fn of_code(classifier: &impl Classify<(), Response<()>, Infallible>, code: u32) -> Verdict {
    let mut response = Response::new(());
    response.headers_mut().insert("grpc-status", code.into());
    verdict(classifier, &Ok(response))
}

/// A row of the published table.
struct Row {
    statuses: &'static str,
    codes: &'static str,
    verdict: Verdict,
}

fn table() -> Vec<Row> {
    let lines = include_str!("../../meaning.md").lines();
    let rows = lines.filter(|line| line.starts_with("| ")).skip(1);
    let row = |line: &'static str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let verdict = match cells[4] {
            "no" => Verdict::Done,
            "no, ignored" => Verdict::Ignored,
            "no, failed" => Verdict::Never,
            "yes" => Verdict::Retry,
            "yes, throttled" => Verdict::Retry.throttled(),
            cell => panic!("no meaning for `{cell}`"),
        };
        Row {
            statuses: cells[0],
            codes: cells[1],
            verdict,
        }
    };
    rows.map(row).collect()
}

/// The verdict in the row that has `number`, or `other`, in the cell of `column`.
fn listed(number: u32, other: &str, column: fn(&Row) -> &'static str) -> Verdict {
    let row = |text: &str| {
        let has = |row: &Row| column(row).split(", ").any(|cell| cell == text);
        table().into_iter().find(has).map(|row| row.verdict)
    };
    let verdict = row(&number.to_string()).or_else(|| row(other));
    verdict.expect("the table has every status and code")
}

#[test]
fn every_status_has_the_verdict_of_the_table() {
    for status in 100..1_000 {
        let other = if status < 500 {
            "all not below"
        } else {
            "other 5xx"
        };
        let expected = listed(status.into(), other, |row| row.statuses);
        assert_eq!(of_status(&RetryHttp, status), expected, "{status}");
    }
}

#[test]
fn every_grpc_code_has_the_verdict_of_the_table() {
    for code in 0..100 {
        let expected = listed(code, "other", |row| row.codes);
        assert_eq!(of_code(&RetryHttp, code), expected, "{code}");
    }
    for value in ["", "soon", "-1", "4294967296"] {
        let mut response = Response::new(());
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert("grpc-status", value);
        assert_eq!(
            verdict(&RetryHttp, &Ok::<_, Infallible>(response)),
            listed(2, "other", |row| row.codes),
            "a value that is no number is unknown"
        );
    }
}

#[test]
fn error_and_rejection_have_the_verdict_of_the_table() {
    let error = listed(0, "error", |row| row.statuses);
    let rejection = listed(0, "rejection", |row| row.statuses);
    assert_eq!(
        verdict(&RetryHttp, &Err::<Response<()>, _>(fmt::Error)),
        error
    );
    assert_eq!(
        verdict(&RetryHttp, &Err::<Response<()>, _>(Rejection)),
        rejection
    );
}

#[test]
fn answer_to_a_rejection_is_ignored_whatever_its_status() {
    type Cause = Arc<dyn Error + Send + Sync>;
    let chosen = RetryHttp::statuses(|_| true).codes(|_| true);
    for status in [200, 429, 503, 504] {
        let answer = |cause: Cause| {
            let response = Response::builder().status(status).extension(cause);
            let response = response.header("grpc-retry-pushback-ms", "9");
            Ok::<_, Infallible>(response.body(()).unwrap())
        };
        let rejected = answer(Arc::new(Rejection));
        assert_eq!(verdict(&RetryHttp, &rejected), Verdict::Ignored, "{status}");
        assert_eq!(verdict(&chosen, &rejected), Verdict::Ignored, "{status}");
        // As the answer to an attempt that took too long.
        let failed = answer(Arc::new(fmt::Error));
        assert_ne!(verdict(&RetryHttp, &failed), Verdict::Ignored, "{status}");
    }
}

#[test]
fn code_behind_a_status_that_failed_is_not_asked() {
    let response = |status| {
        let response = Response::builder().status(status);
        Ok::<_, Infallible>(response.header("grpc-status", "14").body(()).unwrap())
    };
    assert_eq!(verdict(&RetryHttp, &response(204)), Verdict::Retry);
    assert_eq!(verdict(&RetryHttp, &response(500)), Verdict::Never);
    assert_eq!(verdict(&RetryHttp, &response(404)), Verdict::Done);
}

#[test]
fn chosen_codes_replace_those_of_the_table() {
    let chosen = RetryHttp::codes(|code| matches!(code, 0 | 1 | 8 | 10));
    for (code, expected) in [
        (0, Verdict::Done),
        (1, Verdict::Retry),
        (8, Verdict::Retry.throttled()),
        (10, Verdict::Retry),
        (14, Verdict::Never),
        (4, Verdict::Never),
        (5, Verdict::Done),
    ] {
        assert_eq!(of_code(&chosen, code), expected, "{code}");
    }
    assert_eq!(of_status(&chosen, 503), Verdict::Retry);
    assert_eq!(of_status(&chosen, 500), Verdict::Never);
}

#[test]
fn chosen_statuses_replace_those_of_the_table() {
    let chosen = RetryHttp::statuses(|status| matches!(status.as_u16(), 202 | 499 | 500));
    for (status, expected) in [
        (200, Verdict::Done),
        (202, Verdict::Retry),
        (408, Verdict::Never),
        (425, Verdict::Done),
        (429, Verdict::Never),
        (499, Verdict::Retry),
        (500, Verdict::Retry),
        (503, Verdict::Never),
    ] {
        assert_eq!(of_status(&chosen, status), expected, "{status}");
    }
    assert_eq!(of_code(&chosen, 14), Verdict::Retry);
    let both = chosen.codes(|code| code == 4);
    assert_eq!(of_code(&both, 4), Verdict::Retry);
    assert_eq!(of_status(&both, 500), Verdict::Retry);
}

#[test]
fn pushback_decides_except_for_cancelled_calls_and_successes() {
    let wait = Verdict::RetryAfter(Duration::from_millis(250));
    for (code, expected) in [
        ("0", Verdict::Done),
        ("1", Verdict::Ignored),
        ("5", wait),
        ("13", wait),
        ("14", wait),
    ] {
        let response = Response::builder().header("grpc-status", code);
        let response = response.header("grpc-retry-pushback-ms", "250");
        let result = Ok::<_, Infallible>(response.body(()).unwrap());
        assert_eq!(verdict(&RetryHttp, &result), expected, "{code}");
    }
}
