//! Plain values: what the other rooms pass to each other and to the user.

#[cfg(feature = "http-body")]
mod body_end;
mod cause;
mod error;
#[cfg_attr(
    not(any(all(test, not(loom)), feature = "family")),
    expect(dead_code, reason = "only members of families have keys")
)]
mod keys;
mod may_reject;
#[cfg(feature = "http")]
mod meaning;
mod name;
mod no_retry;
mod open;
#[cfg(feature = "http")]
mod open_response;
mod outcome;
mod override_by;
mod overrides;
mod ratio;
mod rejection;
#[cfg(feature = "http")]
mod response;
#[cfg(feature = "http")]
#[expect(
    unreachable_pub,
    reason = "the file is shared with a crate that exports both"
)]
mod retry_after;
mod rounded;
mod state;
pub(crate) mod ticks;
mod transition;

#[cfg(feature = "http-body")]
pub use self::body_end::BodyEnd;
#[cfg(feature = "http-body")]
pub(crate) use self::body_end::awaits_code;
#[cfg(feature = "family")]
pub(crate) use self::keys::{Key, text as key_text};
#[cfg(feature = "http")]
pub(crate) use self::meaning::Meaning;
#[cfg(feature = "http")]
pub use self::retry_after::retry_after;
pub use self::{
    cause::Cause,
    error::{InvalidConfig, InvalidConfigKind},
    may_reject::{Boxed, Listed, MayReject},
    name::Name,
    open::Open,
    outcome::{OnCancel, Outcome},
    override_by::Override,
    state::State,
    transition::Transition,
};
pub(crate) use self::{
    keys::KeyNumber,
    open::Refusal,
    outcome::End,
    overrides::{recall, remember},
    ratio::Ratio,
    transition::Change,
};
