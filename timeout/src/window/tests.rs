//! The decision of a filter, compared with a naive count.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Window,
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
    fn count(&mut self, now: u64, period: u64, is_rejected: bool) {
        if now.saturating_sub(self.began) >= period {
            *self = Self {
                began: now,
                ..Self::default()
            };
        }
        self.seen += 1;
        self.rejected += u64::from(is_rejected);
    }

    /// The rejections are within the share in the first hundred, and at most three ahead of it from then on.
    fn is_ahead(&self, share: u64) -> bool {
        let ahead = if self.seen <= 100 { 0 } else { 3 };
        self.rejected * 10_000 > self.seen * share + ahead * 10_000
    }

    /// If all requests have expired, the rejections are behind the share by less than four.
    fn is_behind(&self, share: u64) -> bool {
        self.seen * share >= (self.rejected + 4) * 10_000
    }
}

/// The rejections of each kind of request when the kinds arrive in turn.
fn kinds_in_turn(share: u16, began: u64, kinds: usize) -> Vec<usize> {
    let settings = settings(f64::from(share) / f64::from(WHOLE));
    let (mut period, mut rejected) = (Period::from_word(0), vec![0; kinds]);
    for request in 0..10_000 {
        let (next, is_rejected) = period.request(began, settings, true);
        period = next;
        rejected[request % kinds] += usize::from(is_rejected);
    }
    rejected
}

proptest! {
    #[test]
    fn kinds_in_turn_get_close_to_their_share(
        share in 1_u16..=100,
        began in 1..=MOST_MILLIS,
        kinds in 2_usize..=10,
    ) {
        let rejected = kinds_in_turn(share * 100, began, kinds);
        let fair = usize::from(share) * 100 / kinds;
        for kind in &rejected {
            // Five deviations of a random choice.
            prop_assert!(kind.abs_diff(fair) <= 2 + 5 * (fair + 1).isqrt(), "{rejected:?}");
        }
    }

    #[test]
    fn rejections_stay_within_the_share_and_close_to_it(
        share in prop_oneof![Just(0_u16), Just(2_000), Just(10_000), 0_u16..=10_000],
        period in 1_u64..50,
        requests in prop::collection::vec((0_u64..20, prop::bool::weighted(0.7)), 1..400),
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
            now += step * u64::from(step > 18);
            let (next, is_rejected) = Period::from_word(word).request(now, settings, is_expired);
            word = next.word();
            naive.count(now, period, is_rejected);
            prop_assert!(!naive.is_ahead(share.into()));
            if is_expired && !is_rejected {
                prop_assert!(!naive.is_behind(share.into()), "four are unspent");
            }
        }
    }

    #[test]
    fn each_hundred_rejects_exactly_the_share(
        share in 0_u16..=10_000,
        began in prop_oneof![Just(0), 0..=MOST_MILLIS],
    ) {
        let settings = settings(f64::from(share) / f64::from(WHOLE));
        let (mut word, mut naive, share) = (0, Naive::default(), u64::from(share));
        // The position begins again after ten thousand requests.
        for _ in 0..110 {
            for _ in 0..100 {
                let (next, is_rejected) = Period::from_word(word).request(began, settings, true);
                word = next.word();
                naive.seen += 1;
                naive.rejected += u64::from(is_rejected);
                prop_assert!(!naive.is_ahead(share) && !naive.is_behind(share));
            }
            prop_assert_eq!(naive.rejected, naive.seen * share / 10_000);
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
    for _ in 0..2_100 {
        period = request(period, false).0;
    }
    assert_eq!(period.credit(), 1_000);
    assert_eq!(request(period, false).0, period, "so it is not written");
    let mut rejected = 0;
    while let (next, true) = request(period, true) {
        (period, rejected) = (next, rejected + 1);
    }
    let expected = 1_000 + rejected / 2;
    assert!(
        (expected - 3..=expected + 3).contains(&rejected),
        "a thousand saved, and half of the requests since: {rejected}"
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
fn a_new_share_never_exceeds_itself() {
    let check = |before: f64, after: f64, change: u64, began: u64| {
        let window = Window::new(settings(before));
        let (mut seen, mut rejected) = (0_u32, 0_u32);
        for _ in 0..change {
            seen += 1;
            rejected += u32::from(window.request(began, true).0);
        }
        window.reconfigure(settings(after));
        for _ in 0..100 {
            seen += 1;
            rejected += u32::from(window.request(began, true).0);
            assert!(f64::from(rejected) <= f64::from(seen) * after + 1e-9);
        }
    };
    for change in 1..=100 {
        check(0.2, 0.5, change, 1_000 * change);
        check(0.49, 0.5, change, 1_000 * change);
    }
}

#[test]
fn a_clock_read_before_the_period_belongs_to_it() {
    let whole = settings(1.0);
    let (period, _) = Period::from_word(0).request(5_000, whole, false);
    let (after, is_rejected) = period.request(4_999, whole, true);
    assert!(is_rejected);
    assert_eq!(
        after.credit(),
        period.credit(),
        "it deposited what it withdrew"
    );
    let at_its_end = after.request(5_999, whole, false).0;
    assert_eq!(
        at_its_end.credit(),
        period.credit() + 1,
        "still the same period"
    );
}
