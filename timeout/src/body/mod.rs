//! Feature `http-body`: limits for the phases of an HTTP response.

mod error;
mod handle;
mod layer;
mod response_body;
mod service;

pub use error::BodyError;
pub use handle::BodyTimeout;
pub use layer::BodyTimeoutLayer;
pub use response_body::TimeoutBody;
pub use service::{BodyResponseFuture, BodyTimeoutService};

pub(crate) use handle::Limits;
