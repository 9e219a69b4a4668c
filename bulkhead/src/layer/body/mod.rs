//! Feature `http-body`: a place is held until the response body ends.

mod future;
mod layer;
mod permit_body;
mod queue_future;
mod queue_layer;
mod queue_service;
mod service;

pub use future::BodyFuture;
pub use layer::BodyLayer;
pub use permit_body::PermitBody;
pub use queue_future::QueueBodyFuture;
pub use queue_layer::QueueBodyLayer;
pub use queue_service::QueueBodyService;
pub use service::BodyService;
