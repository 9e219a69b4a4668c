//! Checks the claims of the example `retry_storm` and the numbers in maestro-retry's README.

#[path = "../examples/retry_storm.rs"]
#[expect(dead_code, reason = "its `main`, and what that prints")]
mod storm;

#[test]
fn the_server_recovers_only_with_a_retry_budget() {
    let outcomes = storm::outcomes();
    let recovered: Vec<_> = outcomes.iter().map(storm::Outcome::recovered).collect();
    assert_eq!(
        recovered,
        [Some(2), None, Some(3), Some(2), Some(2), Some(4)],
        "seconds after the trouble"
    );
    let at_the_end: Vec<_> = outcomes.iter().map(storm::Outcome::at_the_end).collect();
    assert_eq!(at_the_end, [70, 0, 70, 70, 70, 70], "of 70 a second");
    let load = |outcome: &storm::Outcome| outcome.asked[40..].iter().sum::<u32>() / 20;
    let load: Vec<_> = outcomes.iter().map(load).collect();
    // The trigger has been gone for twenty seconds, and without a budget nothing has changed: the failure is
    // metastable.
    assert!(
        load[1] > 2 * 100,
        "{} a second of the 100 it can do",
        load[1]
    );
    assert!([0, 2, 3, 4, 5].iter().all(|n| load[*n] == 70), "{load:?}");
    assert_eq!(storm::outcomes(), outcomes, "each run is the same");
}
