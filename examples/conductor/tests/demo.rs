//! The demo in its short form. It has a test binary to itself, because it measures times.

use std::process::Command;

#[test]
fn the_demo_keeps_all_its_promises() {
    let output = Command::new(env!("CARGO_BIN_EXE_conductor"))
        .args(["demo", "--quick"])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    for phase in [
        "peer closed",
        "peer stalls",
        "peer answers 500",
        "store locked",
    ] {
        assert!(said.contains(phase), "{said}");
    }
    assert!(said.contains("Every promise kept"), "{said}");
    // It fits a terminal of 80 columns, and its figures have names.
    for line in said.lines() {
        assert!(line.chars().count() <= 80, "{line}\n{said}");
    }
    for name in ["in flight", "retry budget", "burn rate  1h", "median"] {
        assert!(said.contains(name), "{name}\n{said}");
    }
}
