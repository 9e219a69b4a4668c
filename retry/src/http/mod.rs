//! Requests and responses of the `http` crate (feature `http`).

mod hints;
mod replay;

pub use hints::{RetryHttp, grpc_pushback, retry_after, retry_after_at};
pub use replay::{AttemptNumber, HttpReplay};
