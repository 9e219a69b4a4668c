//! Includes the READMEs of the workspace and of its crates, so that their examples are compiled with the clients and servers
//! that they name, and run where they have a `main`. The package also has the tests of all layers together (`tests/composition.rs`) and the runner of
//! the loom models (`tests/loom.rs`).
#![doc = include_str!("../../README.md")]

/// The crates do not run the examples of their READMEs, as those need more dependencies than the crates have.
#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../circuit-breaker/README.md")]
    mod circuit_breaker {}
    #[doc = include_str!("../../retry/README.md")]
    mod retry {}
    #[doc = include_str!("../../bulkhead/README.md")]
    mod bulkhead {}
    #[doc = include_str!("../../timeout/README.md")]
    mod timeout {}
    #[doc = include_str!("../../slo-budget/README.md")]
    mod slo_budget {}
}
