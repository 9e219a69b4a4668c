//! What COMPARE.md says about the behaviour of other crates is what the programs show.

use maestro_benches::peers::behaviour;

#[test]
fn compare_shows_the_verdicts_and_ours_have_no_defect() {
    let defects = behaviour::defects();
    for defect in &defects {
        assert_ne!(defect.ours, Some(true), "ours: {}", defect.name);
        assert!(!defect.peers.is_empty(), "{} has no peer", defect.name);
    }
    let table = behaviour::markdown(&defects);
    let page = include_str!("../../COMPARE.md");
    assert!(
        page.contains(&table),
        "COMPARE.md has another table. The command that writes this one stands above it there:\n{table}"
    );
}
