use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::types::Cause;

const SEATS: usize = 12;

fn bound(end: Instant) -> Bound {
    Bound {
        end,
        cause: Cause::WaitedTooLong,
    }
}

proptest! {
    #[test]
    fn any_history_of_bounds_agrees_with_a_list(
        // Few ends, so that many are equal. The last one stands for a removal.
        steps in prop::collection::vec((0..SEATS, 0_u64..7), 0..200),
    ) {
        let now = Instant::now();
        let mut bounds = Heap::new();
        let mut list = [None; SEATS];
        for (seat, seconds) in steps {
            bounds.remove(seat);
            list[seat] = None;
            if seconds < 6 {
                let end = now + Duration::from_secs(seconds);
                bounds.insert(seat, bound(end));
                list[seat] = Some(end);
            }
            let ends = std::array::from_fn(|seat| bounds.of(seat).map(|bound| bound.end));
            prop_assert_eq!(ends, list);
            prop_assert_eq!(bounds.len(), list.iter().flatten().count());
            let first = bounds.first().map(|(bound, seat)| (Some(bound.end), list[seat]));
            let least = list.iter().flatten().min().copied();
            prop_assert_eq!(first, least.map(|end| (Some(end), Some(end))));
        }
    }
}

#[test]
fn a_seat_without_a_bound_takes_no_memory() {
    let mut bounds = Heap::new();
    bounds.remove(SEATS);
    assert!(bounds.of(SEATS).is_none() && bounds.first().is_none());
    assert_eq!(
        (bounds.heap.capacity(), bounds.positions.capacity()),
        (0, 0)
    );
    bounds.insert(SEATS, bound(Instant::now()));
    assert_eq!((bounds.len(), bounds.positions.len()), (1, SEATS + 1));
}
