//! Runs the loom models of the crates as ordinary tests.
//!
//! loom replaces the atomics of a crate, which needs a separate build: a second cargo with `--cfg loom` and its own
//! target directory.

use std::{env, path::Path, process::Command};

/// Runs the models of one crate with these features, and fails if there are fewer than `least`: a model may stand behind
/// a `cfg` that leaves it out. Tests without a model that compile under the `cfg` run too, and count.
fn check_models(package: &str, features: &str, least: usize) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("loom");
    let flags = format!("{} --cfg loom", env::var("RUSTFLAGS").unwrap_or_default());
    let output = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args([
            "test",
            "--lib",
            "--profile",
            "loom",
            "--package",
            package,
            "--features",
            features,
        ])
        .env("RUSTFLAGS", flags.trim())
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("the cargo that runs this test can be run again");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "a model of {package} failed:\n{out}\n{err}"
    );
    let ran = out.matches(" ... ok").count();
    assert!(
        ran >= least,
        "{package}: {ran} tests ran under loom, and there are at least {least}:\n{out}"
    );
    println!("{package}: {ran} tests ran under loom");
}

#[test]
fn the_models_of_bulkhead_hold() {
    check_models("maestro-bulkhead", "", 30);
}

#[test]
fn the_models_of_circuit_breaker_hold() {
    check_models("maestro-circuit-breaker", "family", 63);
}

#[test]
fn the_models_of_retry_hold() {
    check_models("maestro-retry", "family", 27);
}

#[test]
fn the_models_of_slo_budget_hold() {
    check_models("maestro-slo-budget", "", 38);
}

#[test]
fn the_models_of_timeout_hold() {
    check_models("maestro-timeout", "family", 14);
}
