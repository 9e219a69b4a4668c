pub(crate) mod builder;
pub(crate) mod checked;
pub(crate) mod packed;
pub(crate) mod probes;
pub(crate) mod ramp;
#[cfg(feature = "serde")]
mod serde;
pub(crate) mod settings;
pub(crate) mod wait;
pub(crate) mod window;
