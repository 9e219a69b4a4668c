//! The rows that measure what the layers cost. The criterion bench, the report and the tests share them. The README
//! describes how to run and read them.

mod drive;
mod inner;
mod marks;
mod recorder;
mod row;
mod timed;
mod together;
mod trouble;

pub mod growth;
pub mod objects;
#[cfg(feature = "peers")]
pub mod peers;
pub mod rows;

pub use drive::{Answers, Measured, Request, Response};
pub use marks::Marks;
pub use recorder::{WATCHED, watch};
pub use row::{Kind, Row, Sizes, Subject, Target};
pub use timed::exact_clock;
pub use together::together;
pub use trouble::Trouble;
