//! A backoff in three words, for a policy whose numbers change while calls read them.

use std::{sync::OnceLock, time::Duration};

use super::{Backoff, Custom, Growth, Jitter};

/// ```text
/// 63                  32 31   24 23   16 15    8 7     0
/// [ number of `custom`  ][  0   ][percent][ jitter][growth]
/// ```
///
/// The third word, after the first delay and the cap in nanoseconds.
pub(crate) const WORDS: usize = 3;

/// The functions of a policy's custom backoffs, by number from 1: a word of atomics cannot hold a function.
///
/// Each function is kept once, so as many as the program has.
#[derive(Debug, Default)]
pub(crate) struct Customs {
    custom: OnceLock<Custom>,
    next: OnceLock<Box<Self>>,
}

impl Customs {
    fn number(&self, custom: Custom) -> u32 {
        let (mut customs, mut number) = (self, 1);
        while *customs.custom.get_or_init(|| custom) != custom {
            customs = customs.next.get_or_init(Box::default);
            number += 1;
        }
        number
    }

    fn get(&self, number: u32) -> Option<Custom> {
        let mut customs = self;
        for _ in 1..number {
            customs = customs.next.get()?;
        }
        customs.custom.get().copied().filter(|_| number > 0)
    }
}

impl Backoff {
    /// Durations of more than 584 years are cut to that.
    pub(crate) fn pack(self, customs: &Customs) -> [u64; WORDS] {
        let (jitter, percent) = self.jitter.pack();
        let custom = self.custom.map_or(0, |custom| customs.number(custom));
        let kinds = [self.growth.0, jitter, percent, 0];
        let kinds = u64::from(custom) << 32 | u64::from(u32::from_le_bytes(kinds));
        [nanos(self.first), nanos(self.cap), kinds]
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    pub(crate) fn unpack([first, cap, kinds]: [u64; WORDS], customs: &Customs) -> Self {
        let [growth, jitter, percent, _] = (kinds as u32).to_le_bytes();
        Self {
            first: Duration::from_nanos(first),
            cap: Duration::from_nanos(cap),
            growth: Growth(growth),
            custom: customs.get((kinds >> 32) as u32),
            jitter: Jitter::unpack(jitter, percent),
        }
    }

    /// Whether every delay is known to be zero. A custom function is not called for it.
    pub(crate) fn has_no_delays(&self) -> bool {
        self.cap.is_zero() || (self.custom.is_none() && self.first.is_zero())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backoff::tests::backoff;

    proptest! {
        #[test]
        fn packed_backoff_stays_within_its_cap(backoff in backoff()) {
            let customs = Customs::default();
            let packed = Backoff::unpack(backoff.pack(&customs), &customs);
            prop_assert!(packed.cap <= backoff.cap && packed.first <= backoff.first);
            let century = Duration::from_secs(3_600 * 24 * 36_500);
            if backoff.cap.max(backoff.first) < century {
                prop_assert_eq!(packed, backoff);
            }
        }
    }

    #[test]
    fn each_function_has_one_number() {
        let customs = Customs::default();
        let functions: [fn(u32) -> Duration; 3] = [
            |_| Duration::ZERO,
            |n| Duration::from_secs(n.into()),
            |n| Duration::from_millis(n.into()),
        ];
        for _ in 0..2 {
            let numbers = functions.map(|f| customs.number(Custom(f)));
            assert_eq!(numbers, [1, 2, 3]);
        }
        assert_eq!(customs.get(2), Some(Custom(functions[1])));
        assert_eq!((customs.get(0), customs.get(4)), (None, None));
    }
}
