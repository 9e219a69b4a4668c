//! Exact numbers: decimals read from text, and products compared without rounding.

use std::cmp::Ordering;

/// Reads `12.5` as `(125, 10)`: digits, at most `places` of them after the point, without sign or exponent.
pub(crate) fn parse(text: &str, places: usize) -> Option<(u64, u64)> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > places {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    Some((whole.checked_mul(scale)?.checked_add(fraction)?, scale))
}

/// Compares `a × b` with `c × d`, exactly.
pub(crate) fn compare_products(a: u128, b: u128, c: u128, d: u128) -> Ordering {
    product(a, b).cmp(&product(c, d))
}

/// The 256 bits of a product, high half first. Schoolbook, in halves of 64 bits.
const fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let low = a0 * b0;
    // None of these overflows: (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1.
    let middle = a1 * b0 + (low >> 64);
    let cross = a0 * b1 + (middle & HALF);
    let high = a1 * b1 + (middle >> 64) + (cross >> 64);
    (high, (cross << 64) | (low & HALF))
}

/// `scale × a / b`, rounded down, to about 30 digits; saturates if `b` is 0. `scale` is below 2^31.
pub(crate) fn scaled(scale: u128, a: u128, b: u128) -> u128 {
    let excess = (a.checked_ilog2().unwrap_or(0)).saturating_sub(96);
    if a == 0 {
        return 0;
    }
    ((a >> excess) * scale)
        .checked_div(b >> excess)
        .unwrap_or(u128::MAX)
}

/// The greatest common divisor; of 0 and 0 it is 0.
pub(crate) const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_exactly_or_refused() {
        assert_eq!(parse("99.9", 18), Some((999, 10)));
        assert_eq!(parse("0.000", 18), Some((0, 1)));
        assert_eq!(parse("14.40", 18), Some((144, 10)));
        for wrong in [
            "", ".", ".5", "5.", "-1", "+1", "1e3", "1.2.3", " 1", "1,5", "0.1234",
        ] {
            assert_eq!(parse(wrong, 3), None, "{wrong}");
        }
        assert_eq!(parse("99999999999999999999", 3), None);
    }

    #[test]
    fn products_beyond_128_bits_compare_exactly() {
        use Ordering::{Equal, Greater, Less};
        let m = u128::MAX;
        assert_eq!(compare_products(m, m, m, m - 1), Greater);
        assert_eq!(compare_products(m, m - 1, m - 1, m), Equal);
        assert_eq!(compare_products(m - 1, m - 1, m, m - 2), Greater);
        assert_eq!(compare_products(3, 5, 4, 4), Less);
        assert_eq!(product(m, m), (m - 1, 1));
        assert_eq!(product(1 << 100, 1 << 100), (1 << 72, 0));
    }
}
