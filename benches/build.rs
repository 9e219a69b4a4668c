//! Passes the compiler's version to the report. Instruction counts depend on it.

use std::{env, process::Command};

fn main() {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("cargo has just run this compiler");
    let version = String::from_utf8_lossy(&output.stdout);
    println!(
        "cargo::rustc-env=MAESTRO_COMPILER={}, {target}",
        version.trim()
    );
    println!("cargo::rerun-if-changed=build.rs");
}
