//! The atomics and locks, loom's in its models. No other file of the crate names one.
//!
//! The reference count of a handle and the cell that keeps a budget's first instant are `std`'s, and no part
//! of a model.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

/// A lock for cold paths, without poisoning: also one in a `static`. Not loom's, which does not outlive a model.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "no path of a call takes it: parking_lot would be seven more crates"
)]
pub(crate) struct StaticMutex<T>(std::sync::Mutex<T>);

impl<T> StaticMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        #[expect(clippy::disallowed_types, reason = "as above")]
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(all(test, loom)))]
pub(crate) use StaticMutex as Mutex;

/// loom's lock, with the methods of [`StaticMutex`].
#[cfg(all(test, loom))]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(all(test, loom))]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

/// Declares a `const fn`, or a plain one under loom, whose atomics have no const constructor.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(all(test, loom)))]
        $(#[$meta])*
        $vis const fn $($rest)*

        #[cfg(all(test, loom))]
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
pub(crate) use const_fn;

/// `N` atomics at 0.
#[cfg(not(all(test, loom)))]
pub(crate) const fn zeroes<const N: usize>() -> [atomic::AtomicU64; N] {
    [const { atomic::AtomicU64::new(0) }; N]
}

/// `N` atomics at 0.
#[cfg(all(test, loom))]
pub(crate) fn zeroes<const N: usize>() -> [atomic::AtomicU64; N] {
    std::array::from_fn(|_| atomic::AtomicU64::new(0))
}

/// An atomic for each number.
#[cfg(not(all(test, loom)))]
pub(crate) const fn numbers<const N: usize>(values: [u64; N]) -> [atomic::AtomicU64; N] {
    let mut numbers = zeroes();
    let mut index = 0;
    // No iterator is const.
    while index < N {
        numbers[index] = atomic::AtomicU64::new(values[index]);
        index += 1;
    }
    numbers
}

/// An atomic for each number.
#[cfg(all(test, loom))]
pub(crate) fn numbers<const N: usize>(values: [u64; N]) -> [atomic::AtomicU64; N] {
    values.map(atomic::AtomicU64::new)
}

/// Of a model: runs `f` on another thread and `g` on this one at the same time. Returns both results.
#[cfg(all(test, loom))]
pub(crate) fn both<T: Send + Sync + 'static, A: 'static, B>(
    shared: &loom::sync::Arc<T>,
    f: impl FnOnce(&T) -> A + 'static,
    g: impl FnOnce(&T) -> B,
) -> (A, B) {
    let other = loom::sync::Arc::clone(shared);
    let there = loom::thread::spawn(move || f(&other));
    let here = g(shared);
    (there.join().unwrap(), here)
}

/// The value of a reference that is the only one, as [`std::sync::Arc::try_unwrap`].
#[cfg(feature = "family")]
pub(crate) fn sole<T>(shared: std::sync::Arc<T>) -> Result<T, std::sync::Arc<T>> {
    // loom does not see `std`'s count of references: without this step no other thread takes and drops one between the
    // last atomic that this thread has read and the question whether there is another.
    #[cfg(all(test, loom))]
    loom::thread::yield_now();
    std::sync::Arc::try_unwrap(shared)
}

/// The budgets of a family by their keys, read without a lock. Its steps are no part of a model.
#[cfg(all(feature = "family", not(all(test, loom))))]
pub(crate) struct Map<K, V>(papaya::HashMap<K, V>);

#[cfg(all(feature = "family", not(all(test, loom))))]
impl<K: std::hash::Hash + Eq, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self(papaya::HashMap::new())
    }

    /// Calls `f` with the value of `key`, if there is one.
    #[inline]
    pub(crate) fn get<T>(&self, key: &K, f: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.pin().get(key).map(f)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.0.pin().insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.0.pin().remove(key);
    }
}

#[cfg(all(feature = "family", test, loom))]
pub(crate) struct Map<K, V>(loom::sync::Mutex<std::collections::HashMap<K, V>>);

#[cfg(all(feature = "family", test, loom))]
impl<K: std::hash::Hash + Eq, V: Clone> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Mutex::new(std::collections::HashMap::new()))
    }

    pub(crate) fn get<T>(&self, key: &K, f: impl FnOnce(&V) -> T) -> Option<T> {
        let found = self
            .0
            .lock()
            .expect("no model panics here")
            .get(key)
            .cloned();
        // A step in which others come between: what was found may be out of the map before it is
        // used.
        drop(self.0.lock().expect("no model panics here"));
        found.as_ref().map(f)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let mut map = self.0.lock().expect("no model panics here");
        map.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut map = self.0.lock().expect("no model panics here");
        map.remove(key);
    }
}
