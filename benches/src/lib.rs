//! What the layers cost: rows to measure, each defined once, for the criterion bench, the report and the
//! allocation test alike. See the README for how to run and read them.

mod drive;
mod inner;
mod recorder;
mod row;
mod timed;
mod trouble;

pub mod rows;

pub use drive::{Answers, Measured, Request, Response};
pub use recorder::watch;
pub use row::{Kind, Row, Sizes, Subject, Target};
pub use trouble::Trouble;
