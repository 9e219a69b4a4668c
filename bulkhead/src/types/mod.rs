//! Plain values.

#[cfg(feature = "http-body")]
mod body_end;
mod error;
mod event;
mod full;
#[cfg(feature = "http")]
mod full_response;
#[cfg_attr(
    not(any(all(test, not(loom)), feature = "family")),
    expect(dead_code, reason = "members have keys")
)]
mod keys;
#[cfg(feature = "http")]
mod meaning;
mod name;
mod no_retry;
mod origin;
mod outcome;
mod override_by;
#[cfg(feature = "http")]
mod rejection;
#[cfg(feature = "http")]
mod response;
mod rounded;
mod snapshot;

#[cfg(feature = "http-body")]
pub use body_end::BodyEnd;
#[cfg(feature = "http-body")]
pub(crate) use body_end::awaits_code;
pub use error::{InvalidConfig, InvalidConfigKind};
pub use event::{Event, LimitCause, LimitChange};
pub use full::{Cause, Full};
#[cfg(feature = "family")]
pub(crate) use keys::{Key, text as key_text};
#[cfg(feature = "http")]
pub(crate) use meaning::Meaning;
pub use name::Name;
pub(crate) use origin::{Label, Origin};
pub use outcome::Outcome;
pub use override_by::Override;
pub(crate) use snapshot::{CLOSED, ONE, Snapshot, WAITING};
