//! Numbers, for people and for Prometheus.

/// With at most four significant decimals: for people.
pub(crate) fn human(number: f64) -> String {
    let places = if number < 0.01 { 8 } else { 4 };
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As Prometheus' `humanizePercentage`, which is Go's `%.4g%%` of a hundred times it.
pub(crate) fn human_percentage(share: f64) -> String {
    let percent = share * 100.0;
    // Its digits are rounded once, by Rust, and then laid out as Go does.
    let scientific = format!("{percent:.3e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..4).contains(&exponent) {
        let places = usize::try_from(3 - exponent).unwrap_or(0);
        let text = format!("{percent:.places$}");
        return if places > 0 { trim(&text) } else { text } + "%";
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}%", trim(digits), exponent.abs())
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus computes with f64")]
pub(crate) fn float(numerator: u128, denominator: u128) -> f64 {
    numerator as f64 / denominator as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_laid_out_as_go_does() {
        for (share, written) in [
            (1.0, "100%"),
            (0.0288, "2.88%"),
            (0.023_456_7, "2.346%"),
            (0.000_1, "0.01%"),
            (1.0 / 3.0, "33.33%"),
            (0.000_001_234_56, "0.0001235%"),
            (0.000_000_123_456, "1.235e-05%"),
            (0.099_999_99, "10%"),
            (0.0, "0%"),
        ] {
            assert_eq!(human_percentage(share), written);
        }
    }

    #[test]
    fn numbers_for_people_have_no_tail() {
        for (number, written) in [
            (14.4, "14.4"),
            (14.0 / 15.0, "0.9333"),
            (6.0, "6"),
            (0.001, "0.001"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(human(number), written);
        }
    }
}
