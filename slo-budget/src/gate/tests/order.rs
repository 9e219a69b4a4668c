//! Which requests a share admits: exact in each 128, and the same of every kind.

use crate::gate::{law::WHOLE, order::is_admitted};

#[test]
fn a_share_of_each_128_requests_is_exact() {
    for share in [
        0, 1, 9_999, 10_000, 250_000, 333_333, 500_000, 999_999, WHOLE,
    ] {
        let exact = u64::from(share) * 128 / u64::from(WHOLE);
        for block in 0..200 {
            let admitted = (block * 128..(block + 1) * 128)
                .filter(|n| is_admitted(*n, share))
                .count() as u64;
            assert!(
                admitted == exact || admitted == exact + 1,
                "{share} {block}"
            );
        }
    }
    // The fraction adds up over the blocks.
    let admitted = (0..1_000_000).filter(|n| is_admitted(*n, 10_000)).count();
    assert!((9_800..=10_200).contains(&admitted), "{admitted}");
}

#[test]
fn alternating_kinds_get_the_same_share() {
    for period in [2, 3, 4, 5, 7, 10, 50, 64, 100, 128] {
        for share in [100_000, 500_000, 900_000] {
            let kind = |kind: u64| {
                let n = 10_000 * period;
                let all = (0..n).filter(|n| n % period == kind);
                all.filter(|n| is_admitted(*n, share)).count() as u64 * 1_000_000 / 10_000
            };
            // Within 3 points, and 0.3 for those that come in turn.
            let most = if period == 2 { 3_000 } else { 30_000 };
            for each in [kind(0), kind(1), kind(period - 1)] {
                assert!(
                    each.abs_diff(share.into()) <= most,
                    "{share} of every {period}th: {each}"
                );
            }
        }
    }
}
