//! The filter's decision against counts that anybody can check by eye.

use std::time::Duration;

use proptest::prelude::*;

use crate::{
    DeadlineFilter, InvalidConfig,
    config::filter::Settings,
    window::share::Share,
    window::word::{MOST_MILLIS, Window},
};

/// Plainly: what one period has seen and rejected.
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
    fn any_request_is_rejected_exactly_when_the_share_of_its_period_allows(
        share in prop_oneof![Just(0_u16), Just(2_000), Just(10_000), 0_u16..=10_000],
        period in 1_u64..50,
        requests in prop::collection::vec((0_u64..20, prop::bool::weighted(0.7)), 1..200),
    ) {
        let (mut now, mut naive, mut word) = (0, Naive::default(), 0);
        for (step, is_expired) in requests {
            now += step * u64::from(step > 15);
            let (next, is_rejected) = Window::from_word(word)
                .request(now, Share::from_parts(share), period, is_expired);
            word = next.word();
            prop_assert_eq!(is_rejected, naive.request(now, u64::from(share), period, is_expired));
            prop_assert!(naive.rejected * 10_000 <= naive.seen * u64::from(share));
        }
    }

    #[test]
    fn numbers_survive_their_word(share in 0.0..=1.0_f64, millis in 1..=MOST_MILLIS, dark: bool) {
        let settings = DeadlineFilter::builder()
            .max_share(share)
            .period(Duration::from_millis(millis))
            .dark(dark)
            .settings()
            .unwrap();
        prop_assert_eq!(Settings::from_word(settings.word()), settings);
        prop_assert_eq!((settings.period, settings.dark), (millis, dark));
        prop_assert!(f64::from(settings.share.parts()) <= share * 10_000.0 + 0.001);
    }
}

#[test]
fn a_share_written_with_four_decimals_is_the_one_you_wrote() {
    for parts in 0..=10_000_u16 {
        let share = Share::new(f64::from(parts) / 10_000.0).unwrap();
        assert_eq!(share.parts(), parts);
    }
}

#[test]
fn a_window_saves_up_a_thousand_rejections_and_is_unchanged_from_there() {
    let half = Share::new(0.5).unwrap();
    let request = |window: Window, is_expired| window.request(0, half, 1_000, is_expired);
    let mut window = Window::from_word(0);
    for _ in 0..2_000 {
        window = request(window, false).0;
    }
    assert_eq!(request(window, false).0, window, "so it is not written");
    let mut rejected = 0;
    while let (next, true) = request(window, true) {
        (window, rejected) = (next, rejected + 1);
    }
    assert_eq!(
        rejected, 1_999,
        "a thousand saved, and half of those that came meanwhile"
    );
}

#[test]
fn a_share_of_none_rejects_nothing_even_where_credit_is_left() {
    let (half, none) = (Share::new(0.5).unwrap(), Share::new(0.0).unwrap());
    let mut window = Window::from_word(0);
    for _ in 0..10 {
        window = window.request(0, half, 1_000, false).0;
    }
    let (after, is_rejected) = window.request(0, none, 1_000, true);
    assert!(!is_rejected);
    assert_eq!(after, window, "what was saved up stays");
    assert!(after.request(0, half, 1_000, true).1);
}

#[test]
fn a_clock_that_was_read_before_the_window_began_neither_ends_nor_begins_one() {
    let whole = Share::new(1.0).unwrap();
    let (window, _) = Window::from_word(0).request(5_000, whole, 1_000, false);
    let (after, is_rejected) = window.request(4_999, whole, 1_000, true);
    assert!(is_rejected);
    assert_eq!(after, window, "it brought what it took");
    let at_its_end = after.request(5_999, whole, 1_000, false).0;
    assert_eq!(at_its_end, window.request(5_000, whole, 1_000, false).0);
}

#[test]
fn what_is_out_of_range_is_refused_with_its_name() {
    let builder = DeadlineFilter::builder();
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = builder.max_share(share).build("x").unwrap_err();
        assert_eq!(error, InvalidConfig::MaxShare);
        assert!(error.to_string().contains("`max_share`"));
    }
    for period in [Duration::ZERO, Duration::from_micros(999)] {
        let error = builder.period(period).build("x").unwrap_err();
        assert_eq!(error, InvalidConfig::Period);
        assert!(error.to_string().contains("`period`"));
    }
    assert!(
        builder
            .period(Duration::MAX)
            .max_share(0.0)
            .build("x")
            .is_ok()
    );
}
