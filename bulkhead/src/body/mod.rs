//! Feature `http-body`: a place is held until the response body ends.

mod future;
mod layer;
mod permit_body;
mod service;

pub use future::BodyFuture;
pub use layer::BodyLayer;
pub use permit_body::PermitBody;
pub use service::BodyService;
