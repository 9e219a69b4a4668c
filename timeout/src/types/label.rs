use std::{collections::HashSet, fmt, sync::Arc};

#[cfg(feature = "family")]
use super::Key;
use super::keys::KeyNumber;
use crate::sync::StaticMutex;

/// The name of a timeout, and the key of a member of a family.
///
/// The future of each call has one. It is as large as a name alone, because the name stands behind a reference. A word more
/// would have to be copied into each future.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    name: &'static &'static str,
    key: KeyNumber,
}

/// The names behind references, once each. They are those of code and configuration, so their number is bounded.
static NAMES: StaticMutex<Option<HashSet<&'static &'static str>>> = StaticMutex::new(None);

impl Label {
    /// A name without a key. Takes a short lock.
    pub(crate) fn of(name: &'static str) -> Self {
        let mut names = NAMES.lock();
        let names = names.get_or_insert_with(HashSet::new);
        let known = names.get(&name).copied();
        let name = known.unwrap_or_else(|| {
            let name: &'static &'static str = Box::leak(Box::new(name));
            names.insert(name);
            name
        });
        Self::of_literal(name)
    }

    /// A name without a key, in a constant.
    pub(crate) const fn of_literal(name: &'static &'static str) -> Self {
        let key = KeyNumber::NONE;
        Self { name, key }
    }

    /// The name with the key of a member, if it is shown.
    #[cfg(feature = "family")]
    pub(crate) fn of_member(self, key: Option<&Key>) -> Self {
        let key = key.map_or(KeyNumber::NONE, Key::number);
        Self { key, ..self }
    }

    #[inline]
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }

    pub(crate) fn key(self) -> Option<Arc<str>> {
        self.key.text()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name in quotes, and the key if there is one: `` `hosts` [a.example] ``.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        self.key.write(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn equal_names_stand_behind_one_reference() {
        let (one, other) = ("a".repeat(3), "a".repeat(3));
        let [one, other] = [one, other].map(|name| Label::of(name.leak()));
        assert!(std::ptr::eq(one.name, other.name));
        assert_eq!(one.name(), "aaa");
    }

    #[test]
    fn label_is_as_large_as_a_name() {
        assert_eq!(size_of::<Label>(), size_of::<&'static str>());
    }
}
