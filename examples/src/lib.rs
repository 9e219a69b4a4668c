//! The workspace's README, so that its example is compiled and run, and the home of the tests of all layers
//! together (`tests/composition.rs`) and of the loom models' runner (`tests/loom.rs`).
#![doc = include_str!("../../README.md")]
