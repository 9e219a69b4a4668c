use std::{pin::pin, task::Poll};

use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use tower::{
    Layer, Service, ServiceExt,
    limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer},
    load_shed::LoadShedLayer,
    service_fn,
};
use tower_acc::{Aimd, ConcurrencyLimit, ConcurrencyLimitLayer as AccLayer};
use tower_resilience_bulkhead::BulkheadLayer as ResilienceLayer;

use super::{
    Defect,
    breakers::{Anything, Work, done, hung, now},
    panics, paused,
};
use crate::peers::Peer;

pub(super) fn defects() -> Vec<Defect> {
    vec![for_each_layer(), fail_fast(), without_bound(), idle()]
}

fn for_each_layer() -> Defect {
    let one = || {
        Bulkhead::builder()
            .limit(1)
            .build("one")
            .expect("one is legal")
    };
    let layer = BulkheadLayer::new(one());
    let ours = two_enter(&layer.layer(backend()), &layer.layer(backend()));
    let layer = ConcurrencyLimitLayer::new(1);
    let tower = two_enter(&layer.layer(backend()), &layer.layer(backend()));
    let layer = ResilienceLayer::builder().max_concurrent_calls(1).build();
    let layer = layer.expect("one is legal");
    let resilience = two_enter(&layer.layer(backend()), &layer.layer(backend()));
    let layer = AccLayer::new(narrow());
    let acc = two_enter(&layer.layer(backend()), &layer.layer(backend()));
    Defect::new(
        "the places are made where the layer is applied: two connections have twice as many (tower: not with \
         `GlobalConcurrencyLimitLayer`; tower-resilience: not with its handle)",
        ours,
        [
            (Peer::Tower, tower),
            (Peer::TowerResilience, resilience),
            (Peer::TowerAcc, acc),
        ],
    )
}

/// Whether two calls, one of each service, are with the backend at once.
fn two_enter<S>(a: &S, b: &S) -> bool
where
    S: Service<Work> + Clone + 'static,
{
    paused(async {
        let (mut a, mut b) = (call(a, hung()), call(b, done()));
        assert!(now(&mut a).is_pending());
        // The backend answers the second one at once, if it is asked.
        matches!(now(&mut b), Poll::Ready(true))
    })
}

/// A call that says whether it was answered.
fn call<S>(service: &S, work: Work) -> Anything<'static, bool>
where
    S: Service<Work> + Clone + 'static,
{
    let service = service.clone();
    Box::pin(async move { service.oneshot(work).await.is_ok() })
}

fn backend() -> Backend {
    service_fn(|work| work)
}

type Backend = tower::util::ServiceFn<fn(Work) -> Work>;

/// A law that allows one call.
fn narrow() -> Aimd {
    Aimd::builder()
        .initial_limit(1)
        .min_limit(1)
        .max_limit(1)
        .build()
}

/// A full bulkhead refuses outside of a runtime.
fn fail_fast() -> Defect {
    let ours = panics(|| {
        let bulkhead = Bulkhead::builder()
            .limit(1)
            .build("one")
            .expect("one is legal");
        let _place = bulkhead.try_acquire().expect("it is new");
        refuses(&BulkheadLayer::new(bulkhead).layer(backend()));
    });
    let tower = panics(|| {
        let full = GlobalConcurrencyLimitLayer::new(0).layer(backend());
        refuses(&LoadShedLayer::new().layer(full));
    });
    let resilience = panics(|| {
        let layer = ResilienceLayer::builder()
            .max_concurrent_calls(1)
            .reject_when_full()
            .build();
        let layer = layer.expect("one is legal");
        let service = layer.layer(backend());
        let mut first = call(&service, hung());
        let _ = now(&mut first);
        refuses(&service);
    });
    Defect::new(
        "a full bulkhead that refuses at once needs a timer, and panics without a runtime",
        ours,
        [(Peer::Tower, tower), (Peer::TowerResilience, resilience)],
    )
}

fn refuses<S>(service: &S)
where
    S: Service<Work> + Clone + 'static,
{
    assert_eq!(
        now(&mut call(service, done())),
        Poll::Ready(false),
        "it refuses at once"
    );
}

/// A thousand calls wait, by default, for a place that nobody gives back.
fn without_bound() -> Defect {
    let waits = |services: &dyn Fn(Work) -> Anything<'static, bool>| {
        paused(async {
            let mut first = services(hung());
            assert!(now(&mut first).is_pending());
            let mut waiting: Vec<_> = (0..1_000).map(|_| services(done())).collect();
            waiting.iter_mut().all(|call| now(call).is_pending())
        })
    };
    let bulkhead = Bulkhead::builder()
        .limit(1)
        .build("one")
        .expect("one is legal");
    let ours = BulkheadLayer::new(bulkhead).layer(backend());
    let tower = ConcurrencyLimitLayer::new(1).layer(backend());
    let layer = ResilienceLayer::builder().max_concurrent_calls(1).build();
    let resilience = layer.expect("one is legal").layer(backend());
    let acc = ConcurrencyLimit::new(backend(), narrow());
    Defect::new(
        "by default calls wait for a place without a bound in number or time",
        waits(&|work| call(&ours, work)),
        [
            (Peer::Tower, waits(&|work| call(&tower, work))),
            (
                Peer::TowerResilience,
                waits(&|work| call(&resilience, work)),
            ),
            (Peer::TowerAcc, waits(&|work| call(&acc, work))),
        ],
    )
}

/// A clone that is ready and is not called.
fn idle() -> Defect {
    let bulkhead = Bulkhead::builder()
        .limit(1)
        .build("one")
        .expect("one is legal");
    let ours = BulkheadLayer::new(bulkhead).layer(backend());
    let tower = ConcurrencyLimitLayer::new(1).layer(backend());
    let layer = ResilienceLayer::builder().max_concurrent_calls(1).build();
    let resilience = layer.expect("one is legal").layer(backend());
    let acc = ConcurrencyLimit::new(backend(), narrow());
    Defect::new(
        "a clone that was made ready and is not called holds a place",
        holds(ours),
        [
            (Peer::Tower, holds(tower)),
            (Peer::TowerResilience, holds(resilience)),
            (Peer::TowerAcc, holds(acc)),
        ],
    )
}

fn holds<S>(service: S) -> bool
where
    S: Service<Work, Error: std::fmt::Debug> + Clone + 'static,
{
    paused(async move {
        let mut idle = service.clone();
        let ready = pin!(idle.ready());
        ready.await.map(drop).expect("the place is free");
        now(&mut call(&service, done())) != Poll::Ready(true)
    })
}
