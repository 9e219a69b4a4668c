//! The numbers of a bulkhead and of a queue.

mod builder;
#[cfg(feature = "serde")]
mod duration;
mod queue;
#[cfg(feature = "serde")]
mod table;

pub use builder::Builder;
pub use queue::Queue;
#[cfg(feature = "serde")]
pub(crate) use table::Table;

/// For a law with a duration: how a file writes it.
#[cfg(feature = "serde")]
pub(crate) mod law_duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use super::duration;

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        duration::serialize(time, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        duration::deserialize(from)
    }
}

/// The same for one that may be absent.
#[cfg(feature = "serde")]
pub(crate) mod optional_duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use super::duration::option;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        option::serialize(duration, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        option::deserialize(from)
    }
}
