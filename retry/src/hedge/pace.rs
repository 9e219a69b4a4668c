//! When a hedge begins and whether there is credit for one, in one word:
//!
//! ```text
//! 63                          32 31        24 23        0
//! [   log2 of the live delay    |    era     |  credit  ]
//! ```
//!
//! # The live quantile
//!
//! A call that ends before the delay lowers its logarithm by `STEP × (1 − q)`, a call that reaches it raises it by
//! `STEP × q`. Both are in balance where the share `1 − q` of the calls reaches the delay: at the quantile. This is
//! stochastic approximation (Robbins, Monro: "A Stochastic Approximation Method", 1951) with a constant step, so that it
//! follows a service that changes. It needs no latency, only whether the delay was reached, which is known of a call
//! whose attempt was dropped because its hedge won. A histogram of latencies does not contain those calls, and so its
//! quantiles fall, and more calls are hedged.
//!
//! The sum of all steps is the distance that the delay moved, so the share holds for any latencies, and not only for
//! random ones (Gibbs, Candès: "Adaptive Conformal Inference Under Distribution Shift", 2021). Of calls one after another
//! that are all faster than 0.9 × the longest delay,
//!
//! ```text
//! calls that reach the delay ≤ (1 − q) × calls + log2(longest / first delay) / STEP
//! ```
//!
//! # Credit
//!
//! A call that ends before the delay pays `share` of a hedge, up to `burst` hedges. There is none in the beginning. So over
//! any history `hedges ≤ share × calls that ended before the delay`, and from any moment on at most `burst` more.
//!
//! # Changing the numbers
//!
//! There are two sets of numbers, and the lowest bit of the era names the one in force. A change writes the other set, and
//! then the word. A call that has read the numbers of an era changes the word only while it has that era, so no step is made
//! by numbers that are no longer in force. The era has 8 bits: a thread that is suspended in the middle of a step during
//! exactly 256 changes would not notice them.
//!
//! # Ordering
//!
//! | publishes (Release) | is seen by (Acquire) | so that |
//! |---|---|---|
//! | the word in `change` | the word in `level`, `update` | a thread that sees an era sees its numbers |
//! | the word in `update` | the word in `change` | no step reads numbers that a later change writes |
//! | a number in `change` | a number in `terms` | a thread that sees a newer number sees a newer era afterwards |

use std::time::Duration;

use crate::sync::{
    StaticMutex,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Release},
    },
    numbers, zeroes,
};

pub(super) struct Pace {
    word: AtomicU64,
    sets: [[AtomicU64; WORDS]; 2],
    /// One change at a time.
    changes: StaticMutex<()>,
}

const WORDS: usize = 6;

/// The numbers by which the word changes.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Equal for a fixed delay.
    shortest: Duration,
    longest: Duration,
    /// In units of the logarithm, as what follows.
    first: u32,
    lowest: u32,
    highest: u32,
    /// Both are 0 for a fixed delay.
    up: u32,
    down: u32,
    /// In units of credit.
    pay: u32,
    most: u32,
}

/// The parts of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// log2 of nanoseconds, in units of 1 / [`OCTAVE`].
    log: u32,
    era: u8,
    /// 24 bits: at most 1,000 hedges.
    credit: u32,
}

const ERA_SHIFT: u32 = 24;
const CREDIT: u32 = (1 << ERA_SHIFT) - 1;

/// What one hedge costs, and so the resolution of the share.
pub(super) const HEDGE: u32 = 10_000;

/// The units of a factor of two. The logarithm of an hour in nanoseconds, 41.7, fits in 32 bits.
const OCTAVE: f64 = (1 << 26) as f64;

/// How far a call moves the delay, in factors of two. With the 99th percentile, eight calls that reach the delay double
/// it, and 800 that do not halve it. In the balance the delay of an exponential distribution then varies by about 10 %.
const STEP: f64 = 0.125;

// === impl Pace ===

impl Pace {
    pub(super) fn new(terms: Terms) -> Self {
        let level = Level {
            log: terms.first,
            era: 0,
            credit: 0,
        };
        Self {
            word: AtomicU64::new(level.pack()),
            sets: [numbers(terms.pack()), zeroes()],
            changes: StaticMutex::new(()),
        }
    }

    /// The time after which a hedge begins.
    pub(super) fn delay(&self) -> Duration {
        let mut level = self.level();
        loop {
            let delay = self.terms(level).delay(level);
            let after = self.level();
            if after.era == level.era {
                return delay;
            }
            level = after;
        }
    }

    /// The hedges that could begin.
    pub(super) fn credit(&self) -> u32 {
        self.level().credit / HEDGE
    }

    /// A call succeeded before the delay was over.
    pub(super) fn early(&self) {
        // A fixed delay and full credit are only read.
        self.update(|level| Some(self.terms(level).early(level)).filter(|after| *after != level));
    }

    /// A call reached the delay.
    pub(super) fn reached(&self) {
        // A fixed delay is only read.
        self.update(|level| Some(self.terms(level).reached(level)).filter(|after| *after != level));
    }

    /// Takes the credit for one hedge, if there is enough.
    pub(super) fn take(&self) -> bool {
        self.update(Level::take)
    }

    /// The hedge whose credit was taken does not begin.
    pub(super) fn give_back(&self) {
        self.update(|level| Some(self.terms(level).give_back(level)));
    }

    /// Puts other numbers into force. The credit stays, cut to the new burst, and so does a live delay, cut to its new
    /// bounds.
    pub(super) fn change(&self, to: Terms) {
        let _one = self.changes.lock();
        let era = self.level().era.wrapping_add(1);
        let set = &self.sets[usize::from(era % 2)];
        for (word, value) in set.iter().zip(to.pack()) {
            // Release pairs with the Acquire in `terms`.
            word.store(value, Release);
        }
        let was_live = self.terms(self.level()).is_live();
        let change = |word| {
            let level = Level::unpack(word);
            let log = if was_live && to.is_live() {
                level.log.clamp(to.lowest, to.highest)
            } else {
                to.first
            };
            let credit = level.credit.min(to.most);
            Some(Level { log, era, credit }.pack())
        };
        // Release and Acquire: see the table above.
        let _ = self.word.fetch_update(AcqRel, Acquire, change);
    }

    fn level(&self) -> Level {
        // Acquire pairs with the Release in `change`.
        Level::unpack(self.word.load(Acquire))
    }

    /// The numbers of the level's era. To be believed only if the word has that era afterwards.
    fn terms(&self, level: Level) -> Terms {
        let set = &self.sets[usize::from(level.era % 2)];
        // Acquire pairs with the Release of a number in `change`: the word is read again afterwards.
        Terms::unpack(set.each_ref().map(|word| word.load(Acquire)))
    }

    fn update(&self, by: impl Fn(Level) -> Option<Level>) -> bool {
        self.word
            .fetch_update(Release, Acquire, |word| {
                by(Level::unpack(word)).map(Level::pack)
            })
            .is_ok()
    }
}

// === impl Terms ===

impl Terms {
    /// A delay that stays as it is.
    pub(super) fn fixed(delay: Duration, share: f64, burst: u32) -> Self {
        Self {
            shortest: delay,
            longest: delay,
            first: log(delay),
            lowest: log(delay),
            highest: log(delay),
            up: 0,
            down: 0,
            pay: scaled(share, f64::from(HEDGE)),
            most: burst.saturating_mul(HEDGE),
        }
    }

    /// A delay that follows a quantile, between two bounds.
    pub(super) fn live(self, quantile: f64, shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            lowest: log(shortest),
            highest: log(longest),
            up: scaled(STEP * quantile, OCTAVE),
            down: scaled(STEP * (1.0 - quantile), OCTAVE),
            ..self
        }
    }

    const fn is_live(&self) -> bool {
        self.up > 0
    }

    fn pack(&self) -> [u64; WORDS] {
        [
            nanos(self.shortest),
            nanos(self.longest),
            both(self.first, self.lowest),
            both(self.highest, self.up),
            both(self.down, self.pay),
            self.most.into(),
        ]
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of words")]
    fn unpack(words: [u64; WORDS]) -> Self {
        let [shortest, longest, first_lowest, highest_up, down_pay, most] = words;
        Self {
            shortest: Duration::from_nanos(shortest),
            longest: Duration::from_nanos(longest),
            first: (first_lowest >> 32) as u32,
            lowest: first_lowest as u32,
            highest: (highest_up >> 32) as u32,
            up: highest_up as u32,
            down: (down_pay >> 32) as u32,
            pay: down_pay as u32,
            most: most as u32,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and below an hour in nanoseconds"
    )]
    fn delay(&self, level: Level) -> Duration {
        let nanos = (f64::from(level.log) / OCTAVE).exp2();
        // The bounds are exact, and a fixed delay with them. Not `clamp`, which panics where the numbers are of two changes
        // and the shortest is above the longest.
        Duration::from_nanos(nanos as u64)
            .max(self.shortest)
            .min(self.longest)
    }

    fn early(&self, level: Level) -> Level {
        Level {
            log: level.log.saturating_sub(self.down).max(self.lowest),
            credit: level.credit.saturating_add(self.pay).min(self.most),
            ..level
        }
    }

    fn reached(&self, level: Level) -> Level {
        Level {
            log: level.log.saturating_add(self.up).min(self.highest),
            ..level
        }
    }

    fn give_back(&self, level: Level) -> Level {
        Level {
            credit: level.credit.saturating_add(HEDGE).min(self.most),
            ..level
        }
    }
}

// === impl Level ===

impl Level {
    #[expect(clippy::cast_possible_truncation, reason = "the parts of a word")]
    const fn unpack(word: u64) -> Self {
        Self {
            log: (word >> 32) as u32,
            era: (word >> ERA_SHIFT) as u8,
            credit: word as u32 & CREDIT,
        }
    }

    const fn pack(self) -> u64 {
        (self.log as u64) << 32 | (self.era as u64) << ERA_SHIFT | self.credit as u64
    }

    fn take(self) -> Option<Self> {
        Some(Self {
            credit: self.credit.checked_sub(HEDGE)?,
            ..self
        })
    }
}

const fn both(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

fn nanos(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an hour in nanoseconds is below 2^53"
)]
fn log(delay: Duration) -> u32 {
    scaled((delay.as_nanos() as f64).log2(), OCTAVE)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast of a float saturates"
)]
fn scaled(number: f64, unit: f64) -> u32 {
    (number * unit).round() as u32
}
