//! Feature `metrics`: the labels of keys. Without it nothing here holds or does anything.

#[cfg(feature = "metrics")]
mod on {
    use std::{
        collections::HashSet,
        fmt::Display,
        sync::{Arc, OnceLock},
    };

    use crate::{
        sync::Mutex,
        types::{keys, subject::Identity},
    };

    /// How keys are written in a label, and which have one.
    pub(in crate::family) struct Labels<K> {
        write: OnceLock<fn(&K) -> Arc<str>>,
        /// Locked when a key gets a budget, and to publish.
        given: Mutex<HashSet<Arc<str>>>,
    }

    /// The text of a key, before it is known whether it gets a label.
    pub(in crate::family) type Text = Option<Arc<str>>;

    /// The label of the keys that have none.
    const OVERFLOW: &str = "_overflow";

    impl<K> Labels<K> {
        pub(in crate::family) fn new() -> Self {
            Self {
                write: OnceLock::new(),
                given: Mutex::new(HashSet::new()),
            }
        }

        /// Labels keys from now on as they are displayed. `overflow` is that of the family.
        pub(in crate::family) fn display(&self, overflow: &Identity)
        where
            K: Display,
        {
            self.write.get_or_init(|| |key| keys::text(key));
            overflow.set_label(Arc::from(OVERFLOW));
        }

        /// Calls user code.
        pub(in crate::family) fn text(&self, key: &K) -> Text {
            self.write.get().map(|write| write(key))
        }

        /// Labels a member with `text`, or as the overflow if `limit` other texts have a label.
        pub(in crate::family) fn give(&self, text: Text, to: &Identity, limit: usize) {
            let Some(text) = text else { return };
            let mut given = self.given.lock();
            if !given.contains(&text) && given.len() >= limit {
                return to.set_label(Arc::from(OVERFLOW));
            }
            given.insert(Arc::clone(&text));
            to.set_label(text);
        }

        /// All labels that were given.
        pub(in crate::family) fn given(&self) -> Vec<Arc<str>> {
            self.given.lock().iter().cloned().collect()
        }
    }
}

#[cfg(feature = "metrics")]
pub(super) use on::{Labels, Text};

#[cfg(not(feature = "metrics"))]
pub(super) struct Labels<K>(std::marker::PhantomData<fn(K)>);

#[cfg(not(feature = "metrics"))]
pub(super) struct Text;

#[cfg(not(feature = "metrics"))]
#[expect(clippy::unused_self, reason = "as with the feature")]
impl<K> Labels<K> {
    pub(super) const fn new() -> Self {
        Self(std::marker::PhantomData)
    }

    pub(super) const fn text(&self, _: &K) -> Text {
        Text
    }

    pub(super) const fn give(&self, _: Text, _: &crate::types::subject::Identity, _: usize) {}
}
