//! The decision of a filter, compared with a naive count.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    period::{MOST_MILLIS, Period},
    settings::{Settings, WHOLE},
};

fn settings(share: f64) -> Settings {
    Settings::new(share, Duration::from_secs(1), false).expect("within the ranges")
}

/// What one period has seen and rejected.
#[derive(Default)]
struct Naive {
    began: u64,
    seen: u64,
    rejected: u64,
}

impl Naive {
    /// `share` in ten-thousandths.
    fn request(&mut self, now: u64, share: u64, period: u64, is_expired: bool) -> bool {
        if now.saturating_sub(self.began) >= period {
            *self = Self {
                began: now,
                ..Self::default()
            };
        }
        self.seen += 1;
        let is_rejected = is_expired && (self.rejected + 1) * 10_000 <= share * self.seen;
        self.rejected += u64::from(is_rejected);
        is_rejected
    }
}

proptest! {
    #[test]
    fn requests_are_rejected_exactly_up_to_the_share(
        share in prop_oneof![Just(0_u16), Just(2_000), Just(10_000), 0_u16..=10_000],
        period in 1_u64..50,
        requests in prop::collection::vec((0_u64..20, prop::bool::weighted(0.7)), 1..200),
    ) {
        let settings = Settings::new(
            f64::from(share) / f64::from(WHOLE),
            Duration::from_millis(period),
            false,
        )
        .unwrap();
        prop_assert_eq!(settings.share(), share);
        let (mut now, mut naive, mut word) = (0, Naive::default(), 0);
        for (step, is_expired) in requests {
            now += step * u64::from(step > 15);
            let (next, is_rejected) = Period::from_word(word).request(now, settings, is_expired);
            word = next.word();
            prop_assert_eq!(is_rejected, naive.request(now, u64::from(share), period, is_expired));
            prop_assert!(naive.rejected * 10_000 <= naive.seen * u64::from(share));
        }
    }

    #[test]
    fn settings_survive_their_word(share in 0.0..=1.0_f64, millis in 1..=MOST_MILLIS, dark: bool) {
        let settings = Settings::new(share, Duration::from_millis(millis), dark).unwrap();
        prop_assert_eq!(Settings::from_word(settings.word()), settings);
        prop_assert_eq!((settings.period(), settings.is_dark()), (millis, dark));
        prop_assert!(f64::from(settings.share()) <= share * 10_000.0 + 0.001);
    }
}

#[test]
fn a_share_with_four_decimals_is_exact() {
    for parts in 0..=10_000_u16 {
        assert_eq!(settings(f64::from(parts) / 10_000.0).share(), parts);
    }
}

#[test]
fn a_period_saves_up_a_thousand_rejections() {
    let half = settings(0.5);
    let request = |period: Period, is_expired| period.request(0, half, is_expired);
    let mut period = Period::from_word(0);
    for _ in 0..2_000 {
        period = request(period, false).0;
    }
    assert_eq!(request(period, false).0, period, "so it is not written");
    let mut rejected = 0;
    while let (next, true) = request(period, true) {
        (period, rejected) = (next, rejected + 1);
    }
    assert_eq!(
        rejected, 1_999,
        "a thousand saved, and half of the requests since"
    );
}

#[test]
fn a_share_of_zero_rejects_nothing_despite_credit() {
    let (half, none) = (settings(0.5), settings(0.0));
    let mut period = Period::from_word(0);
    for _ in 0..10 {
        period = period.request(0, half, false).0;
    }
    let (after, is_rejected) = period.request(0, none, true);
    assert!(!is_rejected);
    assert_eq!(after, period, "the credit stays");
    assert!(after.request(0, half, true).1);
}

#[test]
fn a_clock_read_before_the_period_belongs_to_it() {
    let whole = settings(1.0);
    let (period, _) = Period::from_word(0).request(5_000, whole, false);
    let (after, is_rejected) = period.request(4_999, whole, true);
    assert!(is_rejected);
    assert_eq!(after, period, "it deposited what it withdrew");
    let at_its_end = after.request(5_999, whole, false).0;
    assert_eq!(at_its_end, period.request(5_000, whole, false).0);
}
