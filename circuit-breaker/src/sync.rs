//! The types loom must see. Nothing else in this crate names an atomic or a lock.
//!
//! The reference count of the handle is not among them: it is `std`'s, proven elsewhere. Nor is
//! [`OnceLock`]: no model reads the clock, and listeners exist before the threads of a model. The
//! map of a family is proven elsewhere too: to loom each of its operations is one step.

pub(crate) use std::sync::OnceLock;

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic;

// The lock is for cold paths: transitions, the operator's methods, `snapshot`, listeners, waiting calls
// and the ends of probes. No other call takes it that is admitted, rejected or recorded, unless it
// changes the state.
#[cfg(not(all(test, loom)))]
pub(crate) use parking_lot::Mutex;
/// A lock in a `static`, for what people read. Not loom's, which does not outlive a model.
pub(crate) use parking_lot::Mutex as StaticMutex;

/// loom's lock, with the methods of `parking_lot`'s.
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

/// A value in an allocation of its own, made once: in advance, by the functions that build and reconfigure a breaker, or by the
/// first call that needs it. Only a breaker in a `static`, which cannot allocate where it is declared, is left to its calls.
///
/// A look costs one load. To make it takes the lock of the `OnceLock` and an allocation; other threads that need the value
/// wait meanwhile. It is freed with the breaker, and not before.
#[cfg(not(all(test, loom)))]
#[derive(Debug)]
pub(crate) struct Lazy<T>(OnceLock<Box<T>>);

#[cfg(not(all(test, loom)))]
impl<T> Lazy<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value, if it was made, as its maker has written it: the load of the `OnceLock` is an Acquire, and pairs with the
    /// Release of its maker.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get().map(|made| &**made)
    }

    /// The value, made by `new` if it was not made before. Of threads that come at the same time one makes it.
    #[cold]
    #[inline(never)]
    fn make(&self, new: fn() -> T) -> &T {
        self.0.get_or_init(|| Box::new(new()))
    }
}

/// The same in steps that loom sees: another thread may come between the allocation and its publication.
#[cfg(all(test, loom))]
#[derive(Debug)]
pub(crate) struct Lazy<T> {
    is_made: atomic::AtomicBool,
    making: Mutex<()>,
    value: OnceLock<Box<T>>,
}

#[cfg(all(test, loom))]
impl<T> Lazy<T> {
    pub(crate) fn new() -> Self {
        Self {
            is_made: atomic::AtomicBool::new(false),
            making: Mutex::new(()),
            value: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire pairs with the Release below.
        let is_made = self.is_made.load(atomic::Ordering::Acquire);
        is_made.then(|| &**self.value.get().expect("set before the flag"))
    }

    fn make(&self, new: fn() -> T) -> &T {
        let _making = self.making.lock();
        let value = self.value.get_or_init(|| Box::new(new()));
        self.is_made.store(true, atomic::Ordering::Release);
        value
    }
}

impl<T> Lazy<T> {
    /// The value, which is made out of line if it is the first need.
    #[inline]
    pub(crate) fn get_or_make(&self, new: fn() -> T) -> &T {
        match self.get() {
            Some(made) => made,
            None => self.make(new),
        }
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

/// An array of values that hold atomics, in a `const fn` where that is possible.
#[cfg(not(all(test, loom)))]
macro_rules! repeat {
    ($value:expr; $n:expr) => {
        [const { $value }; $n]
    };
}
#[cfg(all(test, loom))]
macro_rules! repeat {
    ($value:expr; $n:expr) => {
        std::array::from_fn::<_, { $n }, _>(|_| $value)
    };
}
pub(crate) use repeat;

/// An array of zeros, in a `const fn` where that is possible.
macro_rules! zeros {
    ($n:expr) => {
        $crate::sync::repeat!($crate::sync::atomic::AtomicU64::new(0); $n)
    };
}
pub(crate) use zeros;

/// The breakers of a family by their keys, read without a lock.
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
