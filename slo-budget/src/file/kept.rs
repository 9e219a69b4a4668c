//! Texts of configuration files. Each distinct one is kept for the life of the process, once, as builders are `Copy`.

use std::{collections::BTreeSet, sync::LazyLock};

use serde::{Deserialize, Deserializer};

use crate::{file::Text, sync::Mutex};

static KEPT: LazyLock<Mutex<BTreeSet<Text>>> = LazyLock::new(|| Mutex::new(BTreeSet::new()));

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
    let text = String::deserialize(from)?;
    let mut kept = KEPT.lock();
    if let Some(text) = kept.get(text.as_str()) {
        return Ok(text);
    }
    let text: Text = text.leak();
    kept.insert(text);
    Ok(text)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use serde::de::value::{Error, StrDeserializer};

    use super::*;

    #[test]
    fn a_text_that_is_read_again_is_kept_once() {
        let read = |text| deserialize(StrDeserializer::<Error>::new(text)).unwrap();
        let first = read("5xx, or slower than 250 ms");
        assert!(std::ptr::eq(first, read("5xx, or slower than 250 ms")));
        assert_eq!(read("4xx too"), "4xx too");
    }
}
