//! Chance, and times in microseconds.

/// Pseudo-random numbers: the same in each run (splitmix64, Steele et al. 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Above 0.0 and at most 1.0.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::MIN_POSITIVE
    }

    pub(super) fn exponential(&mut self, mean: f64) -> u64 {
        micros(-self.share().ln() * mean)
    }

    pub(super) fn lognormal(&mut self, mean: f64, variation: f64) -> u64 {
        let square = (1.0 + variation * variation).ln();
        // Box and Muller 1958.
        let normal =
            (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos();
        micros(mean * (square.sqrt() * normal - square / 2.0).exp())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time in a simulation"
)]
pub(super) fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

#[expect(clippy::cast_precision_loss, reason = "a time in a simulation")]
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
