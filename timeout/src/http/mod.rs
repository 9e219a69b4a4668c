//! Deadlines in the extensions and in the headers of HTTP requests (feature `http`).

mod extensions;
mod header;
mod read;
mod stamp;
mod write;

pub use self::{
    extensions::{InExtensions, in_extensions},
    header::{Malformed, TimeHeader},
    read::{Ignore, OnMalformed, ReadDeadlineLayer, ReadDeadlineService, Refuse},
    stamp::Stamp,
    write::{WriteDeadlineLayer, WriteDeadlineService},
};
