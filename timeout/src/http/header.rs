use std::{error::Error, fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

/// A header that holds the time left until a deadline.
///
/// The value is a duration, so the clocks of the peers need not agree. It does not include the time on the wire.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderName};
/// use maestro_timeout::TimeHeader;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// TimeHeader::grpc_timeout().write(Duration::from_millis(250), &mut headers);
/// assert_eq!(headers["grpc-timeout"], "250000u");
///
/// let budget = TimeHeader::millis(HeaderName::from_static("x-time-left-ms"));
/// budget.write(Duration::from_micros(1_999), &mut headers);
/// assert_eq!(headers["x-time-left-ms"], "1", "rounded down: a deadline is never lengthened");
/// assert_eq!(budget.read(&headers), Ok(Some(Duration::from_millis(1))));
///
/// // `0` would be "no limit" to many peers.
/// budget.write(Duration::ZERO, &mut headers);
/// assert_eq!(headers["x-time-left-ms"], "1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeHeader {
    name: HeaderName,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    GrpcTimeout,
    Millis,
}

/// A header that should hold the time left and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    name: HeaderName,
}

/// The units of `grpc-timeout` in nanoseconds, the finest first.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// "At most 8 digits" (the specification).
const MOST_GRPC: u128 = 99_999_999;
const GRPC_DIGITS: usize = 8;
/// The most digits that always fit into 64 bits.
const MILLIS_DIGITS: usize = 19;
/// 292 years: the most milliseconds that a peer can count in signed 64-bit nanoseconds.
const MOST_MILLIS: u128 = i64::MAX as u128 / 1_000_000;

// === impl TimeHeader ===

impl TimeHeader {
    /// `grpc-timeout`, as [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
    /// defines it: up to 8 digits and a unit, `H`, `M`, `S`, `m`, `u` or `n`.
    ///
    /// Written in the finest unit that fits, rounded down. The specification leaves the rounding open, and this way
    /// a deadline is never lengthened. The error is below one part in 100,000 up to 3 years. There is one
    /// exception: the value must be positive, so no time left is written as one nanosecond. When read, zero is
    /// zero, because some peers write it, and treating it as missing would turn "over" into "never".
    #[must_use]
    pub const fn grpc_timeout() -> Self {
        Self {
            name: HeaderName::from_static("grpc-timeout"),
            form: Form::GrpcTimeout,
        }
    }

    /// A header with this name that holds milliseconds, such as Envoy's `x-envoy-expected-rq-timeout-ms`.
    ///
    /// Written as a whole number, rounded down, and never above 292 years: peers that count signed nanoseconds
    /// would read more as a negative time. There is one exception: less than a millisecond is written as `1`. Many
    /// peers read `0` as no limit, and Envoy writes `1` for the same reason.
    ///
    /// When read, up to 19 digits are followed by an optional fraction (`1500.25`), which is rounded down to
    /// nanoseconds. Zero is zero: read as "no limit", it would turn "over" into "never".
    #[must_use]
    pub const fn millis(name: HeaderName) -> Self {
        Self {
            name,
            form: Form::Millis,
        }
    }

    /// Returns the name of the header.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// Returns the time left; `None` if there is no such header, which means no deadline.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the value cannot be read, or if there is more than one such header. A sign, a space or too
    /// many digits are malformed.
    pub fn read(&self, headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
        let mut values = headers.get_all(&self.name).iter();
        let left = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            (Some(value), None) => self.parse(value.as_bytes()),
            // It is unknown which of them is right.
            (Some(_), Some(_)) => None,
        };
        left.map(Some).ok_or_else(|| Malformed {
            name: self.name.clone(),
        })
    }

    /// Writes `left` in place of the previous value. [`Duration::MAX`] is no deadline, and removes the header.
    ///
    /// Never writes a value that a peer reads as no limit: no time left is the shortest time of the header, a
    /// nanosecond or a millisecond.
    pub fn write(&self, left: Duration, headers: &mut HeaderMap) {
        if left == Duration::MAX {
            headers.remove(&self.name);
        } else {
            headers.insert(&self.name, self.value(left));
        }
    }

    fn parse(&self, value: &[u8]) -> Option<Duration> {
        match self.form {
            Form::GrpcTimeout => {
                let (unit, value) = value.split_last()?;
                let (_, nanos) = UNITS.iter().find(|(letter, _)| letter == unit)?;
                let value = number(value, GRPC_DIGITS)?;
                let nanos = u128::from(value) * nanos;
                // 99,999,999 hours are 3.6e11 s: both parts fit.
                let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
                let below = u32::try_from(nanos % 1_000_000_000).ok()?;
                Some(Duration::new(seconds, below))
            }
            Form::Millis => millis(value),
        }
    }

    fn value(&self, left: Duration) -> HeaderValue {
        match self.form {
            Form::GrpcTimeout => {
                let nanos = left.as_nanos();
                let (letter, value) = UNITS
                    .into_iter()
                    .map(|(letter, unit)| (letter, nanos / unit))
                    .find(|(_, value)| *value <= MOST_GRPC)
                    // More than 11,000 years.
                    .unwrap_or((b'H', MOST_GRPC));
                let text = format!("{}{}", value.max(1), char::from(letter));
                HeaderValue::try_from(text).expect("digits and a letter")
            }
            Form::Millis => {
                let millis = left.as_millis().clamp(1, MOST_MILLIS);
                HeaderValue::from(u64::try_from(millis).expect("at most 292 years"))
            }
        }
    }
}

/// Parses milliseconds: digits, and optionally a point with a fraction of any length.
fn millis(text: &[u8]) -> Option<Duration> {
    const NANOS_DIGITS: usize = 6;
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = number(parts.next()?, MILLIS_DIGITS)?;
    let Some(fraction) = parts.next() else {
        return Some(Duration::from_millis(whole));
    };
    if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Digits below a nanosecond are dropped, missing ones are zero.
    let digits = fraction.iter().chain(std::iter::repeat(&b'0'));
    let nanos = digits
        .take(NANOS_DIGITS)
        .fold(0, |nanos, digit| nanos * 10 + u64::from(digit - b'0'));
    Duration::from_millis(whole).checked_add(Duration::from_nanos(nanos))
}

/// Parses one to `most` digits, and nothing else.
fn number(text: &[u8], most: usize) -> Option<u64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })
}

// === impl Malformed ===

impl Malformed {
    /// Returns the name of the header.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the value, which comes from outside and is not trusted.
        write!(
            f,
            "the header `{}` does not say how much time is left",
            self.name
        )
    }
}

impl Error for Malformed {}
