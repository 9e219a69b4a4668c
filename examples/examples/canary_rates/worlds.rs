//! Worlds in which a canary and its baseline fail.

/// `SplitMix64` (Steele, Lea, Flood, 2014).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

/// How a baseline and a canary fail, by minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    /// The error rate of the baseline.
    pub(crate) base: f64,
    /// The error rate of the canary by that of the baseline.
    pub(crate) times: f64,
    /// An incident of both arms begins with this probability in a minute, and lasts `shared_lasts` minutes.
    pub(crate) shared: f64,
    pub(crate) shared_lasts: u32,
    /// In an incident half of the requests fail, or in each arm another share.
    pub(crate) uneven: bool,
    /// One arm loses a share of its requests with this probability in a minute, for `arm_lasts` minutes.
    pub(crate) arm: f64,
    pub(crate) arm_lasts: u32,
    pub(crate) loss: f64,
    /// Each of ten instances, of which the canary is one, loses that share with this probability.
    pub(crate) instances: f64,
    /// The variation of the rate of an arm from minute to minute.
    pub(crate) variation: f64,
}

pub(crate) const ALIKE: World = World {
    name: "independent, 0.05 %",
    base: 0.000_5,
    times: 1.0,
    shared: 0.0,
    shared_lasts: 1,
    uneven: false,
    arm: 0.0,
    arm_lasts: 1,
    loss: 0.1,
    instances: 0.0,
    variation: 0.0,
};

/// Releases that are like their baseline. The last two have shocks that last longer than a minute.
pub(crate) const AS_GOOD: [World; 10] = [
    ALIKE,
    World {
        name: "independent, 1 %",
        base: 0.01,
        ..ALIKE
    },
    World {
        name: "incident of both, half fails, 0.1 % of minutes",
        shared: 0.001,
        ..ALIKE
    },
    World {
        name: "incident of both, half fails, 1 % of minutes",
        shared: 0.01,
        ..ALIKE
    },
    World {
        name: "incident of both, 10 min long, arms hit unevenly",
        shared: 0.01,
        shared_lasts: 10,
        uneven: true,
        ..ALIKE
    },
    World {
        name: "each arm loses 10 % in 0.1 % of its minutes",
        arm: 0.001,
        ..ALIKE
    },
    World {
        name: "each arm loses 10 % in 1 % of its minutes",
        arm: 0.01,
        ..ALIKE
    },
    World {
        name: "ten instances, each loses 10 % in 1 % of its minutes",
        instances: 0.01,
        ..ALIKE
    },
    World {
        name: "rates vary by minute and arm, variation 1",
        base: 0.003,
        variation: 1.0,
        ..ALIKE
    },
    World {
        name: "*not promised:* shocks of 5 min in one arm",
        arm: 0.002,
        arm_lasts: 5,
        ..ALIKE
    },
];

/// The same shocks in batches of five minutes: half in each of two.
pub(crate) const LONGER_BATCHES: World = World {
    name: "*the same, with batches of 5 min*",
    arm: 0.01,
    arm_lasts: 2,
    loss: 0.05,
    ..ALIKE
};

const SMALL: World = World {
    base: 0.001,
    ..ALIKE
};

/// Releases that fail more often.
pub(crate) const WORSE: [World; 7] = [
    World {
        name: "0.1 % × 2",
        times: 2.0,
        ..SMALL
    },
    World {
        name: "0.1 % × 5",
        times: 5.0,
        ..SMALL
    },
    World {
        name: "0.1 % × 10",
        times: 10.0,
        ..SMALL
    },
    World {
        name: "0.1 % × 30",
        times: 30.0,
        ..SMALL
    },
    World {
        name: "1 % × 2",
        base: 0.01,
        times: 2.0,
        ..ALIKE
    },
    World {
        name: "0.1 % × 5, each arm loses 10 % in 1 % of its minutes",
        times: 5.0,
        arm: 0.01,
        ..SMALL
    },
    World {
        name: "0.1 % × 5, incidents of both in 1 % of minutes",
        times: 5.0,
        shared: 0.01,
        ..SMALL
    },
];

/// What a world is in at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minutes {
    world: World,
    dice: Dice,
    incident: u32,
    shocks: [u32; 2],
}

// === impl Dice ===

impl Dice {
    /// Above 0 and at most 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller, 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.roll().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.roll()).cos()
    }

    /// The number of hits among `n` at this rate: drawn as distances between hits, of the rarer outcome.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates"
    )]
    fn hits(&mut self, n: u64, rate: f64) -> u64 {
        if rate > 0.5 {
            return n - self.hits(n, 1.0 - rate);
        }
        if rate <= 0.0 {
            return 0;
        }
        let between = |dice: &mut Self| (dice.roll().ln() / (-rate).ln_1p()) as u64;
        let (mut hits, mut at) = (0, between(self));
        while at < n {
            hits += 1;
            at = at.saturating_add(1).saturating_add(between(self));
        }
        hits
    }
}

// === impl Minutes ===

impl Minutes {
    pub(crate) fn new(world: World, seed: u64) -> Self {
        Self {
            world,
            dice: Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d)),
            incident: 0,
            shocks: [0; 2],
        }
    }

    /// The failures of a minute with these requests of the baseline and the canary.
    pub(crate) fn failures(&mut self, requests: [u64; 2]) -> [u64; 2] {
        let Self { world, dice, .. } = self;
        let begins = |dice: &mut Dice, left: &mut u32, chance: f64, lasts: u32| {
            if *left > 0 {
                *left -= 1;
            } else if chance > 0.0 && dice.roll() < chance {
                *left = lasts;
            }
            *left > 0
        };
        if begins(dice, &mut self.incident, world.shared, world.shared_lasts) {
            return requests.map(|n| {
                // With a standard deviation of 0.15 about a half.
                let away = if world.uneven {
                    0.15 * dice.normal()
                } else {
                    0.0
                };
                dice.hits(n, (0.5 + away).clamp(0.0, 1.0))
            });
        }
        let mut failures = [0; 2];
        for (arm, (n, rate)) in requests
            .into_iter()
            .zip([world.base, world.base * world.times])
            .enumerate()
        {
            let mut rate = rate;
            if world.variation > 0.0 {
                let deviation = (1.0 + world.variation * world.variation).ln().sqrt();
                let factor = deviation * dice.normal() - deviation * deviation / 2.0;
                rate = (rate * factor.exp()).min(1.0);
            }
            if begins(dice, &mut self.shocks[arm], world.arm, world.arm_lasts) {
                rate = world.loss;
            }
            failures[arm] = dice.hits(n, rate);
            let (instances, each) = if arm == 0 { (9, n / 9) } else { (1, n) };
            let hit = dice.hits(instances, world.instances);
            failures[arm] = (failures[arm] + dice.hits(each * hit, world.loss)).min(n);
        }
        failures
    }
}
