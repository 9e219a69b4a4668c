//! Families by key: a call of one of many keys, a full family, and the removal of idle members.

use std::{convert::Infallible, hint::black_box, sync::Arc, time::Duration};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Bulkheads};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakers};
use maestro_retry::{RetryBudget, RetryBudgets, RetryLayer};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, ErrorBudgets};
use maestro_timeout::{Timeout, TimeoutLayer, Timeouts};
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

pub(super) fn all() -> [Growth; 15] {
    [
        Growth::repeated("breaker, by key, keys", KEYS, breaker),
        Growth::repeated("bulkhead, by key, keys", KEYS, bulkhead),
        Growth::repeated("retry, with a budget by key, keys", KEYS, retry),
        Growth::repeated("timeout, by key, keys", KEYS, timeout),
        Growth::repeated("slo, recording layer by key, keys", KEYS, slo),
        Growth::repeated(
            "breaker, an unknown key, a full family of",
            FULL,
            |members| full(breakers, members),
        ),
        Growth::repeated(
            "bulkhead, an unknown key, a full family of",
            FULL,
            |members| full(bulkheads, members),
        ),
        Growth::repeated(
            "retry budget, an unknown key, a full family of",
            FULL,
            |members| full(retry_budgets, members),
        ),
        Growth::repeated(
            "timeout, an unknown key, a full family of",
            FULL,
            |members| full(timeouts, members),
        ),
        Growth::repeated("slo, an unknown key, a full family of", FULL, |members| {
            full(error_budgets, members)
        }),
        Growth::prepared("breaker, evict_idle, keys", KEYS, |keys| {
            evict(&breakers(keys), keys)
        }),
        Growth::prepared("bulkhead, evict_idle, keys", KEYS, |keys| {
            evict(&bulkheads(keys), keys)
        }),
        Growth::prepared("retry budget, evict_idle, keys", KEYS, |keys| {
            evict(&retry_budgets(keys), keys)
        }),
        Growth::prepared("timeout, evict_idle, keys", KEYS, |keys| {
            evict(&timeouts(keys), keys)
        }),
        Growth::prepared("slo, evict_idle, keys", KEYS, |keys| {
            evict(&error_budgets(keys), keys)
        }),
    ]
}

/// What the families have in common.
trait Family: Clone + Send + Sync + 'static {
    type Member: Send + Sync + 'static;

    /// How often a new member, which nobody uses, is looked at before it may go.
    const LOOKS: usize;

    fn member(&self, key: u64) -> Self::Member;

    fn evict(&self) -> usize;

    /// The keys that have a member of their own.
    #[cfg(test)]
    fn keys(&self) -> Vec<u64>;
}

macro_rules! family {
    ($family:ident of $member:ident, $looks:literal) => {
        impl Family for $family<u64> {
            type Member = $member;

            const LOOKS: usize = $looks;

            fn member(&self, key: u64) -> $member {
                self.get(&key)
            }

            fn evict(&self) -> usize {
                self.evict_idle()
            }

            #[cfg(test)]
            fn keys(&self) -> Vec<u64> {
                self.iter().map(|(key, _)| key).collect()
            }
        }
    };
}

// A member may go if it was not used between two calls of `evict_idle`.
family!(CircuitBreakers of CircuitBreaker, 1);
family!(Bulkheads of Bulkhead, 1);
family!(RetryBudgets of RetryBudget, 1);
family!(Timeouts of Timeout, 1);
// An error budget may go while it has counted nothing.
family!(ErrorBudgets of ErrorBudget, 0);

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
        let hosts = retry_budgets(keys);
        let by = hosts.by(move |request: &Request| key(*request, keys));
        RetryLayer::new(policy().budget(by).leak()).layer(Nothing)
    })
}

fn timeout(keys: u32) -> Row {
    Row::service("", READY, move || {
        let hosts = timeouts(keys);
        TimeoutLayer::new(hosts.by(move |request: &Request| key(*request, keys))).layer(Nothing)
    })
}

fn slo(keys: u32) -> Row {
    Row::service("", READY, move || {
        let tenants = error_budgets(keys);
        ErrorBudgetLayer::new(tenants.by(move |request: &Request| key(*request, keys)))
            .layer(Nothing)
    })
}

/// The members cannot go, because they are in use. Each request has another key, so the overflow serves it.
fn full<F: Family>(make: fn(u32) -> F, members: u32) -> Row {
    Row::object("", EMPTY, move || {
        let family = make(members);
        let used = used(&family, members);
        move |request| {
            let _in_use = &used;
            Ok::<_, Infallible>(family.member(u64::from(u32::MAX) + request))
        }
    })
}

fn used<F: Family>(family: &F, members: u32) -> Arc<[F::Member]> {
    (0..u64::from(members))
        .map(|key| family.member(key))
        .collect()
}

/// The time in which all members are removed.
fn evict<F: Family>(family: &F, keys: u32) -> Duration {
    for _ in 0..F::LOOKS {
        family.evict();
    }
    let start = Instant::now();
    let gone = black_box(family.evict());
    let time = start.elapsed();
    assert_eq!(gone, keys as usize, "each member is idle");
    time
}

fn breakers(keys: u32) -> CircuitBreakers<u64> {
    let hosts = IN_A_ROW.build_family("hosts", keys as usize);
    filled(hosts.expect("these numbers are legal"), keys)
}

fn bulkheads(keys: u32) -> Bulkheads<u64> {
    let tenants = Bulkhead::builder().limit(64);
    let tenants = tenants.build_family("tenants", keys as usize);
    filled(tenants.expect("64 is legal"), keys)
}

fn retry_budgets(keys: u32) -> RetryBudgets<u64> {
    let hosts = RetryBudget::builder().build_family("hosts", keys as usize);
    filled(hosts.expect("the defaults are legal"), keys)
}

fn timeouts(keys: u32) -> Timeouts<u64> {
    let hosts = Timeout::builder().limit(LIMIT);
    let hosts = hosts.build_family("hosts", keys as usize);
    filled(hosts.expect("at least one key"), keys)
}

fn error_budgets(keys: u32) -> ErrorBudgets<u64> {
    let tenants = ErrorBudget::builder().build_family("tenants", keys as usize);
    filled(tenants.expect("the defaults are legal"), keys)
}

fn filled<F: Family>(family: F, keys: u32) -> F {
    for key in 0..u64::from(keys) {
        black_box(family.member(key));
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether unknown keys leave a full family as it is, so that the overflow serves them.
    fn overflows<F: Family>(make: fn(u32) -> F) {
        let family = make(16);
        let in_use = used(&family, 16);
        // More than the searches after which a family does not search for a while.
        for key in 1_000..1_100 {
            family.member(key);
        }
        let mut keys = family.keys();
        keys.sort_unstable();
        assert!(keys.into_iter().eq(0..16), "unknown keys have a member");
        drop(in_use);
    }

    #[test]
    fn unknown_keys_of_full_families_share_the_overflow() {
        overflows(breakers);
        overflows(bulkheads);
        overflows(retry_budgets);
        overflows(timeouts);
        overflows(error_budgets);
    }
}
