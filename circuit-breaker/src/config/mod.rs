//! The numbers of a breaker: as the user writes them, and as the state machine needs them.

mod builder;
#[cfg(feature = "serde")]
mod duration;
mod probes;
mod ramp;
mod validate;
mod wait;
mod window;

pub(crate) use self::validate::{Config, Trial};
pub use self::{builder::Builder, probes::Probes, ramp::Ramp, wait::Wait, window::Window};
