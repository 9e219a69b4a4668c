//! Names of objects, from code or from configuration.

use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use crate::sync::StaticMutex;

/// The name of an object in its errors, events and metrics.
///
/// Made from a string literal, or from an owned string such as a `String` of a configuration file. An owned string is
/// kept until the process ends, once for each distinct name, so that an error or a label holds a name without an
/// allocation or a reference count. Names come from code and configuration; what a request brings is a key of a family.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(&'static str);

/// The owned names.
static OWNED: StaticMutex<Option<HashSet<&'static str>>> = StaticMutex::new(None);

impl Name {
    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    fn of_owned(name: impl AsRef<str> + Into<Box<str>>) -> Self {
        let mut owned = OWNED.lock();
        let names = owned.get_or_insert_with(HashSet::new);
        if let Some(known) = names.get(name.as_ref()) {
            return Self(known);
        }
        let name: &'static str = Box::leak(name.into());
        names.insert(name);
        Self(name)
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self::of_owned(name)
    }
}

impl From<Box<str>> for Name {
    fn from(name: Box<str>) -> Self {
        Self::of_owned(name)
    }
}

impl From<Arc<str>> for Name {
    fn from(name: Arc<str>) -> Self {
        Self::of_owned(&*name)
    }
}

impl From<Cow<'static, str>> for Name {
    fn from(name: Cow<'static, str>) -> Self {
        match name {
            Cow::Borrowed(name) => Self(name),
            Cow::Owned(name) => Self::from(name),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn equal_owned_names_are_kept_once() {
        let first = Name::from("kept once".to_owned()).as_str();
        let others = [
            Name::from("kept once".to_owned()),
            Name::from(Box::from("kept once")),
            Name::from(Arc::from("kept once")),
            Name::from(Cow::Owned("kept once".to_owned())),
        ];
        for other in others {
            assert!(std::ptr::eq(first, other.as_str()));
        }
    }

    #[test]
    fn a_literal_is_not_kept() {
        let literal = "a literal that is not kept";
        assert!(std::ptr::eq(literal, Name::from(literal).as_str()));
        assert!(std::ptr::eq(
            literal,
            Name::from(Cow::Borrowed(literal)).as_str()
        ));
        let kept = OWNED.lock();
        assert!(kept.iter().flatten().all(|name| *name != literal));
    }
}
