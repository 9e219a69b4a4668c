//! The keys of members of families, by number: a rejection names its key without a pointer to it.
//!
//! A rejection is part of the error type of a stack. With an `Arc` of the key in it, each healthy call would have
//! something to drop.

use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Write},
    sync::Arc,
};

use crate::sync::StaticMutex;

/// The number of a key, or of no key. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyNumber(u64);

/// The key of a member of a family. Dropped with the member.
#[derive(Debug)]
pub(crate) struct Key(KeyNumber);

/// Of all families of the process.
static KEYS: StaticMutex<Option<Keys>> = StaticMutex::new(None);

#[derive(Debug, Default)]
struct Keys {
    texts: HashMap<u64, Arc<str>>,
    /// The numbers of members that are gone, the latest last.
    gone: VecDeque<u64>,
    last: u64,
}

/// How many keys of members that are gone are kept: for rejections that are read after the member went.
const KEPT: usize = 1_000;

/// The longest text of a key, in characters: a request chooses it.
const LONGEST: usize = 128;

impl KeyNumber {
    /// No key: of an object without a family, or of a family that does not show its keys.
    pub(crate) const NONE: Self = Self(0);

    /// The text of the key, unless it is [`NONE`](Self::NONE), or its member has been gone for long.
    pub(crate) fn text(self) -> Option<Arc<str>> {
        if self == Self::NONE {
            return None;
        }
        KEYS.lock().as_ref()?.texts.get(&self.0).cloned()
    }

    /// Writes ` [key]` after a name, or nothing.
    pub(crate) fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(key) => write!(f, " [{key}]"),
            None => Ok(()),
        }
    }
}

/// The text of a key: as it is displayed, without control characters, and no longer than 128 characters.
///
/// Runs the user's `Display`, so it is called with no lock held.
pub(crate) fn text(key: &impl fmt::Display) -> Arc<str> {
    let mut text = Text(String::new(), LONGEST);
    // An error is that of a text that is long enough, or of the user's `Display`: what was written counts.
    let _ = write!(text, "{key}");
    Arc::from(text.0)
}

impl Key {
    /// Remembers a [`text`].
    pub(crate) fn new(text: Arc<str>) -> Self {
        Self(KEYS.lock().get_or_insert_with(Keys::default).add(text))
    }

    pub(crate) const fn number(&self) -> KeyNumber {
        self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(keys) = KEYS.lock().as_mut() {
            keys.forget(self.0.0);
        }
    }
}

impl Keys {
    fn add(&mut self, text: Arc<str>) -> KeyNumber {
        self.last += 1;
        self.texts.insert(self.last, text);
        KeyNumber(self.last)
    }

    fn forget(&mut self, number: u64) {
        self.gone.push_back(number);
        if self.gone.len() > KEPT {
            let oldest = self.gone.pop_front();
            oldest.and_then(|oldest| self.texts.remove(&oldest));
        }
    }
}

/// A text with room for as many more characters.
struct Text(String, usize);

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for character in more.chars() {
            if self.1 == 0 {
                self.0.push('…');
                return Err(fmt::Error);
            }
            let is_plain = !character.is_control();
            self.0.push(if is_plain {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            });
            self.1 -= 1;
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recalled_by_its_number() {
        let (one, two) = (Key::new(text(&"one")), Key::new(text(&2)));
        assert_eq!(one.number().text().as_deref(), Some("one"));
        assert_eq!(two.number().text().as_deref(), Some("2"));
        assert_eq!(KeyNumber::NONE.text(), None);
    }

    #[test]
    fn the_latest_keys_outlive_their_members() {
        let mut keys = Keys::default();
        let numbers: Vec<_> = (0..2 * KEPT)
            .map(|n| keys.add(n.to_string().into()).0)
            .collect();
        for number in &numbers[..=KEPT] {
            keys.forget(*number);
        }
        let known = |number: &u64| keys.texts.contains_key(number);
        assert!(!known(&numbers[0]));
        assert!(numbers[1..].iter().all(known));
        assert_eq!((keys.texts.len(), keys.gone.len()), (2 * KEPT - 1, KEPT));
    }

    #[test]
    fn a_key_text_is_bounded_and_printable() {
        let key = Key::new(text(&format_args!("a\n\u{1b}[0m{}", "é".repeat(1_000))));
        let shown = key.number().text().expect("the member exists");
        assert!(shown.starts_with("a\u{fffd}\u{fffd}[0m"));
        assert_eq!(shown.chars().count(), LONGEST + 1);
        assert!(shown.ends_with("é…"));
        let exact = "x".repeat(LONGEST);
        assert_eq!(
            Key::new(text(&exact)).number().text().as_deref(),
            Some(&*exact)
        );
    }

    #[test]
    fn a_display_that_fails_leaves_what_it_wrote() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("part")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(
            Key::new(text(&Fails)).number().text().as_deref(),
            Some("part")
        );
    }
}
