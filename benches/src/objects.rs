//! The objects whose memory `report memory` counts.

use std::any::Any;

use maestro_bulkhead::{Bulkhead, Gradient2};
use maestro_circuit_breaker::{Builder, CircuitBreaker, Window};
use maestro_retry::RetryBudget;
use maestro_slo_budget::{ErrorBudget, Gate};
use maestro_timeout::Timeout;

use crate::rows::{
    breaker::{IN_A_ROW, OVER_TIME, shared},
    slo::budget,
};

/// A kind of object.
pub struct Object {
    /// What it is.
    pub name: &'static str,
    /// The number of keys that it has. The bytes are shared among them.
    pub keys: u32,
    make: fn(u32) -> Box<dyn Any>,
}

/// The number of keys of the families: enough that the tables of the map are spread over many.
const KEYS: u32 = 1_000;

/// Every kind of object.
#[must_use]
pub fn all() -> Vec<Object> {
    single().into_iter().chain(families()).collect()
}

fn single() -> [Object; 9] {
    [
        Object::one("breaker, consecutive failures", |_| {
            Box::new(shared(IN_A_ROW))
        }),
        Object::one("breaker, time window", |_| Box::new(shared(OVER_TIME))),
        Object::one("breaker, window of 100 calls", |_| {
            Box::new(shared(calls(100)))
        }),
        Object::one("breaker, window of 1,024 calls", |_| {
            Box::new(shared(calls(1_024)))
        }),
        Object::one("bulkhead", |_| Box::new(Bulkhead::new("one", 64))),
        Object::one("bulkhead, adaptive", |_| {
            Box::new(Bulkhead::builder().build_adaptive("one", Gradient2::new()))
        }),
        Object::one("retry budget", |_| Box::new(RetryBudget::new("one"))),
        Object::one("error budget", |_| Box::new(budget())),
        Object::one("error budget and gate", |_| Box::new(Gate::new(budget()))),
    ]
}

fn families() -> [Object; 7] {
    [
        Object::family("breaker, consecutive failures, a key", |keys| {
            breakers(IN_A_ROW, keys)
        }),
        Object::family("breaker, time window, a key", |keys| {
            breakers(OVER_TIME, keys)
        }),
        Object::family("breaker, window of 100 calls, a key", |keys| {
            breakers(calls(100), keys)
        }),
        Object::family("bulkhead, a key", |keys| {
            let family = Bulkhead::builder().build_family("family", keys as usize);
            let family = family.expect("the defaults are legal");
            each(keys, |key| drop(family.get(key)));
            Box::new(family)
        }),
        Object::family("retry budget, a key", |keys| {
            let family = RetryBudget::builder().build_family("family", keys as usize);
            let family = family.expect("the defaults are legal");
            each(keys, |key| drop(family.get(key)));
            Box::new(family)
        }),
        Object::family("timeout, a key", |keys| {
            let family = Timeout::builder().build_family("family", keys as usize);
            let family = family.expect("the defaults are legal");
            each(keys, |key| drop(family.get(key)));
            Box::new(family)
        }),
        Object::family("error budget, a key", |keys| {
            let family = ErrorBudget::builder().build_family("family", keys as usize);
            let family = family.expect("the defaults are legal");
            each(keys, |key| drop(family.get(key)));
            Box::new(family)
        }),
    ]
}

// === impl Object ===

impl Object {
    const fn one(name: &'static str, make: fn(u32) -> Box<dyn Any>) -> Self {
        Self {
            name,
            keys: 1,
            make,
        }
    }

    const fn family(name: &'static str, make: fn(u32) -> Box<dyn Any>) -> Self {
        Self {
            name,
            keys: KEYS,
            make,
        }
    }

    /// Creates it, with all its keys.
    #[must_use]
    pub fn make(&self) -> Box<dyn Any> {
        (self.make)(self.keys)
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

fn calls(calls: u32) -> Builder {
    CircuitBreaker::builder()
        .failure_ratio(0.5)
        .const_window(Window::calls(calls))
}

fn breakers(builder: Builder, keys: u32) -> Box<dyn Any> {
    let family = builder.build_family("family", keys as usize);
    let family = family.expect("these numbers are legal");
    each(keys, |key| drop(family.get(key)));
    Box::new(family)
}

fn each(keys: u32, make: impl Fn(&u64)) {
    (0..u64::from(keys)).for_each(|key| make(&key));
}
