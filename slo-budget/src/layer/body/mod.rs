//! Feature `http-body`: a call is counted when the response body ends.

mod future;
mod layer;
mod observed_body;
mod service;

pub use future::BodyFuture;
pub use layer::BodyLayer;
pub use observed_body::ObservedBody;
pub use service::BodyService;
