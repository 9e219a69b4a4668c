//! Whole requests, legal and illegal, in an order that a seed fixes.

use std::sync::Arc;

use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use crate::arena::{Ledger, run};
use crate::client::{Client, RUNS};
use crate::rows;

const JSON: (&str, &str) = ("content-type", "application/json");
const HURRY: (&str, &str) = ("request-timeout-ms", "0");

/// A request, and the statuses of its answer besides 408, 503 and 504.
struct Shot {
    method: Method,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    statuses: &'static [u16],
}

/// Sends one request after another, and checks that no answer is out of place.
pub(crate) async fn shoot(client: Client, ledger: Arc<Ledger>, seed: u64, until: Instant) {
    let mut dice = StdRng::seed_from_u64(seed);
    while Instant::now() < until {
        let name = ledger.name();
        let shot = Shot::any(dice.random_range(0..28), &name, &ledger);
        let (method, path) = (shot.method, shot.path);
        let answer = client
            .try_send(method.clone(), &path, &shot.headers, &shot.body)
            .await;
        // Without an answer: the connection was closed for another one before the request was read.
        if let Some(answer) = answer {
            let status = answer.status;
            // A busy machine may be slow to send a body.
            let busy = [408, 503, 504].contains(&status);
            let expected = busy || shot.statuses.contains(&status);
            assert!(expected, "{method} {path}: {status} {}", answer.text);
            if method == Method::POST {
                ledger.note(&name, &answer);
            }
        }
    }
}

// === impl Shot ===

impl Shot {
    fn any(number: u32, name: &str, ledger: &Ledger) -> Self {
        let nested = |depth| {
            run(
                name,
                &format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)),
            )
        };
        match number {
            0..=3 => Self::post(run(name, "{}"), &[201, 202]),
            4..=6 => Self::post(
                run(name, &format!(r#"{{"x":"{}"}}"#, "x".repeat(63_000))),
                &[201, 202],
            ),
            7..=8 => Self::post(
                run(name, &format!(r#"{{"x":[{}]}}"#, ["{}"; 900].join(","))),
                &[201, 202],
            ),
            9 => Self::post(nested(24), &[201, 202]),
            10 => Self::post(run(name, "{}"), &[201, 202]).header(HURRY),
            11 => Self::post(rows::many_values(), &[400]),
            12 => Self::post(nested(20_000), &[400]),
            13 => Self::post(run(name, "{"), &[400]),
            14 => Self::post("\0".repeat(60_000), &[400]),
            15 => Self::post(" ".repeat(70_000), &[413]),
            16 => Self::post(String::new(), &[400]),
            17 => Self::post(run(name, "{}"), &[415]).header(("content-type", "text/plain")),
            18 => Self::post(run(name, "{}"), &[400]).header(("idempotency-key", "")),
            19 => Self::post(run(name, "{}"), &[421]).header(("host", "attacker.example")),
            20 => Self::get(format!("{RUNS}?limit=200"), &[200]),
            21 => Self::get(format!("{RUNS}?limit=200"), &[200]).header(HURRY),
            22 => Self::get(format!("{RUNS}?limit=0&cursor=%00"), &[400]),
            23 => Self::get(format!("{RUNS}/{}", rows::id(1)), &[404]).header(HURRY),
            24 => match ledger.some() {
                Some(id) => Self::get(format!("{RUNS}/{id}"), &[200]),
                None => Self::get(RUNS.to_owned(), &[200]),
            },
            25 => Self::get("/readyz".to_owned(), &[200]),
            26 => Self::get("/metrics".to_owned(), &[200]),
            _ => Self {
                method: Method::from_bytes(b"BREW").expect("a method"),
                ..Self::get(RUNS.to_owned(), &[405])
            },
        }
    }

    fn post(body: String, statuses: &'static [u16]) -> Self {
        Self {
            method: Method::POST,
            path: RUNS.to_owned(),
            headers: vec![JSON],
            body,
            statuses,
        }
    }

    fn get(path: String, statuses: &'static [u16]) -> Self {
        Self {
            method: Method::GET,
            path,
            headers: Vec::new(),
            body: String::new(),
            statuses,
        }
    }

    /// Adds a header, instead of one of the same name.
    fn header(mut self, header: (&'static str, &'static str)) -> Self {
        self.headers.retain(|(name, _)| *name != header.0);
        self.headers.push(header);
        self
    }
}
