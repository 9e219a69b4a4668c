//! The tests of the whole crate. Each room has the tests of its parts.

#[cfg(not(loom))]
mod model;

#[cfg(loom)]
/// Runs `f` over every interleaving with at most `preemptions` involuntary switches.
pub(crate) fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    // The limit of loom is 1,000 steps a run; a look at the numbers of a breaker alone is sixteen.
    model.max_branches = 10_000;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    // loom tries another order only where a thread that may be switched away writes.
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 1, "a model of one interleaving proves nothing");
}
