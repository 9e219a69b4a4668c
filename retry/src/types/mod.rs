//! Plain values. They hold no state and import no other room.

mod attempt;
#[cfg(feature = "http")]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with crates that need more of it"
)]
mod body_end;
mod budget_event;
mod error;
mod event;
#[cfg(feature = "family")]
#[expect(dead_code, reason = "shared with crates that need more of it")]
mod keys;
mod may_reject;
#[cfg(feature = "http")]
mod meaning;
mod name;
mod now;
mod override_by;
mod rejection;
#[cfg(feature = "http")]
mod retry_after;
mod rounded;
mod verdict;

pub use attempt::Attempt;
pub use budget_event::{BudgetEvent, BudgetState};
pub(crate) use error::Object;
pub use error::{InvalidConfig, InvalidConfigKind};
pub use event::{Event, GiveUpReason, HedgeResult, RetryReason, SwitchCause};
#[cfg(feature = "family")]
pub(crate) use keys::{Key, text as key_text};
pub use may_reject::{Boxed, Listed, MayReject};
pub use name::Name;
pub use now::Now;
pub use override_by::Override;
pub(crate) use rejection::is_rejection;
#[cfg(feature = "http")]
pub use retry_after::{retry_after, retry_after_at};
pub use verdict::{RetryTerms, Verdict};
#[cfg(feature = "http")]
pub(crate) use {
    body_end::{BodyEnd, awaits_code},
    meaning::{Meaning, grpc_code},
};
