use super::*;

#[test]
fn a_stored_bound_is_the_first_tick_after_it() {
    let epoch = *EPOCH.get_or_init(Instant::now);
    for nanos in [0, 1, 9_999_999, 10_000_000, 994_999_999, 999_999_999] {
        for seconds in [0, 1, 3_600, 1 << 31] {
            let end = epoch + Duration::new(seconds, nanos);
            let stored = unpack(pack(end)).expect("it is near the epoch");
            assert!(
                end < stored && stored <= end + TICK,
                "{seconds} s {nanos} ns"
            );
            assert!(pack(end) <= pack(end + Duration::from_nanos(1)));
        }
    }
}

#[test]
fn a_bound_beyond_the_range_is_stored_as_the_last() {
    let now = Instant::now();
    let century = Duration::from_secs(100 * 365 * 24 * 3_600);
    let far = pack(now + 2 * century);
    assert!(pack(now + century) < far && far < NONE);
    assert!(unpack(far).expect("it is no absent bound") > now + century);
    assert_eq!(unpack(NONE), None);
}
