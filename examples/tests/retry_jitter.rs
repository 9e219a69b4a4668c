//! Checks the claims of the example `retry_jitter` and the numbers in the guide of maestro-retry.

#[path = "../examples/retry_jitter.rs"]
#[expect(dead_code, reason = "its `main`")]
mod jitter;

use jitter::{JITTERS, Needed, needed};

#[test]
fn full_jitter_finishes_contending_clients_sooner_than_none() {
    let all = JITTERS.map(|(_, jitter)| needed(jitter));
    let expected = [
        (7_415, 1_924),
        (6_648, 2_414),
        (9_118, 1_902),
        (13_904, 1_998),
        (87_725, 4_683),
    ];
    assert_eq!(
        all,
        expected.map(|(millis, writes)| Needed { millis, writes })
    );
    let guide = include_str!("../../retry/src/guide.md");
    for ((name, _), (millis, writes)) in JITTERS.iter().zip(expected) {
        let figures = format!(
            "| {}.{} s | {},{:03} |",
            millis / 1_000,
            (millis % 1_000 + 50) / 100,
            writes / 1_000,
            writes % 1_000
        );
        let said = |line: &str| line.starts_with(&format!("| {name}")) && line.ends_with(&figures);
        assert!(guide.lines().any(said), "{name}{figures}");
    }
}
