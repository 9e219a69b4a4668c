//! Plain values. They import nothing else of the crate.

mod burn_rate;
pub(crate) mod checksum;
mod counts;
pub(crate) mod decimal;
pub(crate) mod duration;
mod error;
mod event;
mod factor;
pub(crate) mod few;
pub(crate) mod no_retry;
mod objective;
mod overrides;

pub use burn_rate::BurnRate;
pub use counts::Counts;
pub use duration::Window;
pub use error::InvalidConfig;
pub use event::Event;
pub use factor::Factor;
pub use objective::Objective;
pub use overrides::Override;
