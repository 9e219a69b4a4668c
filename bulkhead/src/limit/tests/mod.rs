//! The laws in a simulated service, against recorded answers, and in windows that overlap.

mod order;
mod phase;
mod random;
mod recorded;
mod rows;
mod simulation;
