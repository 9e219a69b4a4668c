//! Plain values. They import nothing else of the crate.

#[cfg(feature = "http-body")]
mod body_end;
mod burn_rate;
pub(crate) mod checksum;
mod counts;
pub(crate) mod decimal;
pub(crate) mod duration;
mod error;
mod event;
mod factor;
pub(crate) mod few;
#[cfg_attr(
    not(feature = "family"),
    allow(dead_code, reason = "only families make keys")
)]
pub(crate) mod keys;
#[cfg(feature = "http")]
pub(crate) mod meaning;
mod name;
pub(crate) mod no_retry;
mod objective;
mod override_by;
#[cfg(feature = "http")]
mod rejection;
#[cfg(feature = "http")]
pub(crate) mod response;
pub(crate) mod subject;

#[cfg(feature = "http-body")]
pub use body_end::BodyEnd;
#[cfg(feature = "http-body")]
pub(crate) use body_end::awaits_code;
pub use burn_rate::BurnRate;
pub use counts::Counts;
pub use duration::Window;
pub(crate) use error::Object;
pub use error::{InvalidConfig, InvalidConfigKind};
pub use event::Event;
pub use factor::Factor;
pub use name::Name;
pub use objective::Objective;
pub use override_by::Override;
