//! The types that loom must see. No other file of the crate names an atomic or a lock.
//!
//! The reference counts of the handles, and the `OnceLock` of a member of a family, are `std`'s and proven elsewhere.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

/// A lock for work that happens once a slot or once a query. Never held while user code runs, and only ever *tried*
/// by a request.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Inner<T>);

#[cfg(all(test, loom))]
type Inner<T> = loom::sync::Mutex<T>;
#[cfg(not(all(test, loom)))]
type Inner<T> = parking_lot::Mutex<T>;

#[cfg(not(all(test, loom)))]
pub(crate) type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;
#[cfg(all(test, loom))]
pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    #[cfg(not(all(test, loom)))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    #[cfg(not(all(test, loom)))]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock()
    }

    #[cfg(all(test, loom))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    #[cfg(all(test, loom))]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// A value that is made once, under a lock. loom has none.
#[cfg(not(all(test, loom)))]
pub(crate) type OnceLock<T> = std::sync::OnceLock<T>;

#[cfg(all(test, loom))]
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    /// What loom sees of `value`.
    is_set: atomic::AtomicBool,
}

#[cfg(all(test, loom))]
impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: std::sync::OnceLock::new(),
            is_set: atomic::AtomicBool::new(false),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire pairs with the Release in `get_or_init`.
        let is_set = self.is_set.load(atomic::Ordering::Acquire);
        is_set.then(|| self.value.get().expect("set before the flag"))
    }

    pub(crate) fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        let value = self.value.get_or_init(f);
        self.is_set.store(true, atomic::Ordering::Release);
        value
    }
}

/// A lock in a `static`. Not loom's, which does not outlive a model.
pub(crate) use parking_lot::Mutex as StaticMutex;

/// The number of shards of the counters. Sixteen lines of 128 bytes are 2 KB, and reading them takes about 20 ns. More
/// would make queries slower, for machines that record on more than 16 cores at once.
#[cfg(not(all(test, loom)))]
pub(crate) const SHARDS: usize = 16;
#[cfg(all(test, loom))]
pub(crate) const SHARDS: usize = 2;

/// A member of a family with more events than this in a slot gets all shards: 1,000 a second at the default resolution. With
/// fewer, threads that wait for the cache line of a single shard cost less than a ten-thousandth of a core.
#[cfg(not(all(test, loom)))]
pub(crate) const BUSY: u128 = 10_000;
#[cfg(all(test, loom))]
pub(crate) const BUSY: u128 = 1;

/// The shard of the current thread. Threads take the shards in turn, each once.
#[cfg(not(all(test, loom)))]
pub(crate) fn shard() -> usize {
    use std::cell::Cell;

    static NEXT: atomic::AtomicUsize = atomic::AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });

    // It has no destructor, so it exists as long as its thread. Shard 0 would be correct too.
    MINE.try_with(|mine| {
        let mut shard = mine.get();
        if shard == usize::MAX {
            // Relaxed: only the number matters, and two threads may share a shard.
            shard = NEXT.fetch_add(1, atomic::Ordering::Relaxed) % SHARDS;
            mine.set(shard);
        }
        shard
    })
    .unwrap_or(0)
}

/// Models choose their shards themselves.
#[cfg(all(test, loom))]
pub(crate) fn shard() -> usize {
    0
}

/// Runs a loom model over every interleaving with at most `preemptions` involuntary switches. Three threads
/// without a bound take minutes, and two or three switches catch every mutant.
#[cfg(all(test, loom))]
pub(crate) fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 1, "a model of one interleaving proves nothing");
}
