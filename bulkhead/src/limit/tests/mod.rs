//! The laws in a simulated service, and against recorded answers.

mod phase;
mod random;
mod recorded;
mod rows;
mod simulation;
