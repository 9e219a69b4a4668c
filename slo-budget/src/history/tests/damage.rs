//! Damaged and forged histories.

use std::time::Duration;

use proptest::prelude::*;

use crate::{
    history::History,
    record::recorder::Recorder,
    types::{Event, checksum::checksum},
};

const RESOLUTION: u64 = 10;

proptest! {
    // Each case copies 37 KB six times.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_damage_to_a_history_is_detected(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let recorder = Recorder::of_events(RESOLUTION);
        recorder.record(0, Event::Bad, 5000);
        let (ledger, counts) = recorder.view(9000).history();
        let whole = History { meaning: 0, wall: 0, counts, ledger }.to_bytes();
        prop_assert!(History::from_bytes(&whole).is_ok());
        prop_assert!(History::from_bytes(&bytes).is_err());
        prop_assert!(History::from_bytes(&[&whole[..16], &bytes[..]].concat()).is_err());
        prop_assert!(History::from_bytes(&whole[..place.index(whole.len())]).is_err());
        let mut damaged = whole.clone();
        *place.get_mut(&mut damaged) ^= flip;
        prop_assert!(History::from_bytes(&damaged).is_err());
    }
}

#[test]
fn impossible_numbers_in_a_history_are_harmless() {
    let (ledger, counts) = Recorder::of_events(RESOLUTION).view(9000).history();
    let whole = History {
        meaning: 0,
        wall: 0,
        counts,
        ledger,
    }
    .to_bytes();
    for longer in 1..20 {
        let mut forged = [&whole[..whole.len() - 8], &[0; 20][..longer]].concat();
        forged.extend(checksum(&forged).to_le_bytes());
        assert!(History::from_bytes(&forged).is_err(), "{longer}");
    }
    let forgeries = || {
        let values = [0, 1, u64::MAX / 259_200 + 1, u64::MAX];
        (2..12).flat_map(move |word| values.map(|value| (word, value)))
    };
    for one in forgeries() {
        for other in forgeries() {
            let mut forged = whole.clone();
            for (word, value) in [one, other] {
                forged[word * 8..][..8].copy_from_slice(&value.to_le_bytes());
            }
            let end = forged.len() - 8;
            let sum = checksum(&forged[..end]);
            forged[end..].copy_from_slice(&sum.to_le_bytes());
            let Ok(history) = History::from_bytes(&forged) else {
                continue;
            };
            let resolution = history.ledger.resolution();
            assert!(resolution > 0 && resolution <= u64::MAX / 259_200);
            for window in [1, 100, u64::MAX].map(Duration::from_nanos) {
                let _ = history.counts(window, Duration::ZERO);
            }
            let tick = history.tick_at(u64::MAX);
            let recorder = Recorder::resuming(history.ledger, history.counts);
            recorder.record(0, Event::Good, tick);
            let good = recorder.view(u64::MAX).window(u64::MAX).good();
            // Two forged words may be a sum and its part.
            assert!(one.0 != other.0 || good <= 1);
        }
    }
}
