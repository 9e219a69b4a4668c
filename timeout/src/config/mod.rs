#[cfg(feature = "http-body")]
pub(crate) mod body;
pub(crate) mod filter;
#[cfg(feature = "serde")]
mod serde;
pub(crate) mod timeout;
