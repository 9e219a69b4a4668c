//! What the latency law remembers, against a naive list.

use proptest::prelude::*;

use super::least::{Bucket, Least, ROOM};

const AGE: u64 = 100;

proptest! {
    #[test]
    fn the_least_is_that_of_a_naive_list(
        pushes in prop::collection::vec((0_u64..40, 0_u16..50), 1..60),
    ) {
        let (mut least, mut naive) = (Least::NONE, Vec::new());
        let mut at = 0;
        for (after, latency) in pushes {
            at += after;
            let new = Bucket { at, latency: f64::from(latency) };
            least.push(new);
            least.forget(at, AGE);
            naive.push(new);
            while naive.len() > 1 && at - naive[0].at > AGE {
                naive.remove(0);
            }
            let lowest = naive.iter().map(|bucket| bucket.latency).fold(f64::INFINITY, f64::min);
            let last = naive.iter().rposition(|bucket| bucket.latency <= lowest).expect("one is the lowest");
            let since = naive[last + 1..].iter().map(|bucket| bucket.latency);
            let kept = least.lowest().expect("one was pushed");
            if naive.len() <= ROOM {
                prop_assert_eq!(kept, naive[last]);
                let kept = least.lowest_since().map(|bucket| bucket.latency);
                prop_assert_eq!(kept, since.reduce(f64::min));
            } else {
                // One more than there is room for: a lower one is kept longer.
                prop_assert!(kept.latency <= lowest);
            }
        }
    }
}

#[test]
fn ascending_latencies_are_never_too_many() {
    let mut least = Least::NONE;
    for n in 0..100_u32 {
        let latency = f64::from(n);
        least.push(Bucket {
            at: u64::from(n),
            latency,
        });
    }
    assert_eq!(least.lowest().map(|bucket| bucket.at), Some(0));
    least.forget(200, AGE);
    // The newest one stays, at the lower latency of the last for which there was room.
    let room = f64::from(u32::try_from(ROOM).expect("a few"));
    let left = Bucket {
        at: 99,
        latency: room - 1.0,
    };
    assert_eq!((least.lowest(), least.lowest_since()), (Some(left), None));
}
