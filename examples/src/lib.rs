//! Includes the workspace's README, so that its example is compiled and run. The package also has the tests of all
//! layers together (`tests/composition.rs`) and the runner of the loom models (`tests/loom.rs`).
#![doc = include_str!("../../README.md")]
