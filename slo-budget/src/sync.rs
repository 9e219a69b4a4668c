//! The types loom must see. Nothing else in this crate names an atomic or a lock.
//!
//! The handle's reference count is not among them: it is `std`'s, proven elsewhere.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

/// A lock for what happens once a slot or once a question: never held across user code, and only ever
/// *tried* on the path of a request.
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

/// How many shards the counters have. Sixteen lines of 128 bytes are 2 KB beside 37 KB of rings, and read
/// in some 20 ns; more would make reading dearer for machines that record on more than 16 cores at once.
#[cfg(not(all(test, loom)))]
pub(crate) const SHARDS: usize = 16;
#[cfg(all(test, loom))]
pub(crate) const SHARDS: usize = 2;

/// The shard of the current thread: threads take them in turn, once each.
#[cfg(not(all(test, loom)))]
pub(crate) fn shard() -> usize {
    use std::cell::Cell;

    static NEXT: atomic::AtomicUsize = atomic::AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });

    // No destructor, so it is there as long as its thread; 0 would do if it ever were not.
    MINE.try_with(|mine| {
        let mut shard = mine.get();
        if shard == usize::MAX {
            // Relaxed: only the number matters, and a number taken twice would only be slower.
            shard = NEXT.fetch_add(1, atomic::Ordering::Relaxed) % SHARDS;
            mine.set(shard);
        }
        shard
    })
    .unwrap_or(0)
}

/// Models say themselves which shard they use.
#[cfg(all(test, loom))]
pub(crate) fn shard() -> usize {
    0
}
