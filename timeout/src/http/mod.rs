//! Feature `http`: a deadline in the extensions of a request, and in its headers.

mod extensions;
mod header;
mod malformed;
mod on_malformed;
mod read;
mod write;

pub use extensions::{InExtensions, in_extensions};
pub use header::TimeHeader;
pub use malformed::Malformed;
pub use on_malformed::{Ignore, OnMalformed, Refuse};
pub use read::{ReadDeadlineLayer, ReadDeadlineService};
pub use write::{WriteDeadlineLayer, WriteDeadlineService};
