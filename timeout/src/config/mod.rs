//! The builders, and the serialized form of rejections and changes.

#[cfg(feature = "http-body")]
mod body;
#[cfg(feature = "serde")]
#[expect(
    dead_code,
    reason = "the file is the same in four crates, and no duration here is optional"
)]
mod duration;
mod filter;
mod presets;
#[cfg(feature = "serde")]
mod printed;
#[cfg(feature = "serde")]
mod table;
mod timeout;

#[cfg(feature = "http-body")]
pub use self::body::BodyTimeoutBuilder;
pub use self::{filter::DeadlineFilterBuilder, timeout::Builder};
