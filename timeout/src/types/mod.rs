//! Plain values. They import nothing else of this crate.

mod allowance;
mod dark;
mod elapsed;
#[cfg(feature = "http")]
mod elapsed_response;
mod error;
mod event;
#[cfg_attr(
    not(any(all(test, not(loom)), feature = "family")),
    expect(dead_code, reason = "only members of families have keys")
)]
mod keys;
mod label;
mod name;
mod nanos;
mod no_retry;
mod override_by;
#[cfg(feature = "http")]
mod response;
mod rounded;

#[cfg(feature = "family")]
pub(crate) use self::keys::{Key, text as key_text};
pub(crate) use self::{allowance::Allowance, error::Object, label::Label, nanos::Nanos};
pub use self::{
    dark::{DarkCause, DarkChange},
    elapsed::{Elapsed, Phase},
    error::{InvalidConfig, InvalidConfigKind},
    event::{Event, LimitCause, LimitChange},
    name::Name,
    override_by::Override,
};
