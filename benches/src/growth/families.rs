//! Families by key: a call of one of many keys, a full family, and the removal of idle members.

use std::{convert::Infallible, hint::black_box, sync::Arc, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Bulkheads};
use maestro_circuit_breaker::{CircuitBreakerLayer, CircuitBreakers};
use maestro_retry::{RetryBudget, RetryLayer};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer};
use maestro_timeout::{Timeout, TimeoutLayer};
use tokio::time::Instant;
use tower::Layer;

use super::Growth;
use crate::{
    Request, Row,
    inner::Nothing,
    rows::{
        breaker::IN_A_ROW,
        floors::{EMPTY, READY},
        retry::policy,
    },
    timed::LIMIT,
};

const KEYS: &[u32] = &[1, 1_000, 100_000];
const FULL: &[u32] = &[16, 1_000, 100_000];

pub(super) fn all() -> [Growth; 9] {
    [
        Growth::repeated("breaker, by key, keys", KEYS, breaker),
        Growth::repeated("bulkhead, by key, keys", KEYS, bulkhead),
        Growth::repeated("retry, with a budget by key, keys", KEYS, retry),
        Growth::repeated("timeout, by key, keys", KEYS, timeout),
        Growth::repeated("slo, recording layer by key, keys", KEYS, slo),
        Growth::repeated(
            "breaker, an unknown key, a full family of",
            FULL,
            full_of_breakers,
        ),
        Growth::repeated(
            "bulkhead, an unknown key, a full family of",
            FULL,
            full_of_bulkheads,
        ),
        Growth::prepared("breaker, evict_idle, keys", KEYS, evict_breakers),
        Growth::prepared("bulkhead, evict_idle, keys", KEYS, evict_bulkheads),
    ]
}

/// Requests of all keys in a random order, so that a key is seldom in a cache.
fn key(request: Request, keys: u32) -> u64 {
    (request.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % u64::from(keys)
}

fn breaker(keys: u32) -> Row {
    Row::service("", READY, move || {
        let hosts = breakers(keys);
        CircuitBreakerLayer::new(hosts.by(move |request: &Request| key(*request, keys)))
            .layer(Nothing)
    })
}

fn bulkhead(keys: u32) -> Row {
    Row::service("", READY, move || {
        let tenants = bulkheads(keys);
        BulkheadLayer::new(tenants.by(move |request: &Request| key(*request, keys))).layer(Nothing)
    })
}

fn retry(keys: u32) -> Row {
    Row::service("", READY, move || {
        let hosts = RetryBudget::builder().build_family("hosts", keys as usize);
        let hosts = hosts.expect("the defaults are legal");
        for key in 0..u64::from(keys) {
            black_box(hosts.get(&key));
        }
        let by = hosts.by(move |request: &Request| key(*request, keys));
        RetryLayer::new(policy().budget(by).leak()).layer(Nothing)
    })
}

fn timeout(keys: u32) -> Row {
    Row::service("", READY, move || {
        let hosts = Timeout::builder()
            .limit(LIMIT)
            .build_family("hosts", keys as usize);
        let hosts = hosts.expect("at least one key");
        for key in 0..u64::from(keys) {
            black_box(hosts.get(&key));
        }
        TimeoutLayer::new(hosts.by(move |request: &Request| key(*request, keys))).layer(Nothing)
    })
}

fn slo(keys: u32) -> Row {
    Row::service("", READY, move || {
        let tenants = ErrorBudget::builder().build_family("tenants", keys as usize);
        let tenants = tenants.expect("the defaults are legal");
        for key in 0..u64::from(keys) {
            black_box(tenants.get(&key));
        }
        ErrorBudgetLayer::new(tenants.by(move |request: &Request| key(*request, keys)))
            .layer(Nothing)
    })
}

/// The members cannot go, because they are in use. Each request has another key, so the overflow serves it.
fn full_of_breakers(members: u32) -> Row {
    Row::object("", EMPTY, move || {
        let hosts = breakers(members);
        let used: Arc<[_]> = (0..u64::from(members)).map(|key| hosts.get(&key)).collect();
        move |request| {
            let _in_use = &used;
            Ok::<_, Infallible>(hosts.get(&(u64::from(u32::MAX) + request)))
        }
    })
}

fn full_of_bulkheads(members: u32) -> Row {
    Row::object("", EMPTY, move || {
        let tenants = bulkheads(members);
        let used: Arc<[_]> = (0..u64::from(members))
            .map(|key| tenants.get(&key))
            .collect();
        move |request| {
            let _in_use = &used;
            Ok::<_, Infallible>(tenants.get(&(u64::from(u32::MAX) + request)))
        }
    })
}

/// The second call removes all: no member was used since the first.
fn evict_breakers(keys: u32) -> Duration {
    let hosts = breakers(keys);
    hosts.evict_idle();
    let start = Instant::now();
    black_box(hosts.evict_idle());
    start.elapsed()
}

fn evict_bulkheads(keys: u32) -> Duration {
    let tenants = bulkheads(keys);
    tenants.evict_idle();
    let start = Instant::now();
    black_box(tenants.evict_idle());
    start.elapsed()
}

fn breakers(keys: u32) -> CircuitBreakers<u64> {
    let hosts = IN_A_ROW.build_family("hosts", keys as usize);
    let hosts = hosts.expect("these numbers are legal");
    for key in 0..u64::from(keys) {
        black_box(hosts.get(&key));
    }
    hosts
}

fn bulkheads(keys: u32) -> Bulkheads<u64> {
    let tenants = Bulkhead::builder()
        .limit(64)
        .build_family("tenants", keys as usize);
    let tenants = tenants.expect("64 is legal");
    for key in 0..u64::from(keys) {
        black_box(tenants.get(&key));
    }
    tenants
}
