//! The atomics, the lock and the map. In loom tests they are loom's. No other file of this crate names one.
//!
//! The reference counts of the handles are std's `Arc`, which is not modelled here.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

/// A lock for cold paths, without poisoning, also in a `static`. Not loom's, which does not outlive a model.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "`parking_lot` would be the only use of seven more crates"
)]
pub(crate) struct StaticMutex<T>(std::sync::Mutex<T>);

#[expect(clippy::disallowed_types, reason = "as above")]
impl<T> StaticMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
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

/// loom's lock, with the methods of the other one.
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

/// The timeouts of a family by their keys, read without a lock. Its steps are no part of a model.
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

/// The values are shared, as a reader of the other map takes no clone of a value, and may still read one that was removed.
#[cfg(all(feature = "family", test, loom))]
pub(crate) struct Map<K, V>(Mutex<std::collections::HashMap<K, std::sync::Arc<V>>>);

#[cfg(all(feature = "family", test, loom))]
impl<K: std::hash::Hash + Eq, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(std::collections::HashMap::new()))
    }

    pub(crate) fn get<T>(&self, key: &K, f: impl FnOnce(&V) -> T) -> Option<T> {
        let found = self.0.lock().get(key).cloned();
        // A step in which others come between: what was found may be out of the map before it is used.
        drop(self.0.lock());
        found.map(|value| f(&value))
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.0.lock().insert(key, value.into());
    }

    pub(crate) fn remove(&self, key: &K) {
        self.0.lock().remove(key);
    }
}
