use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Malformed;

/// A header that says how much time is left.
///
/// A duration and no instant, so that clocks need not agree; what the way takes is not in it.
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

/// The units of `grpc-timeout` in nanoseconds, the finest first.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// "At most 8 digits", says the specification.
const MOST_GRPC: u128 = 99_999_999;
const GRPC_DIGITS: usize = 8;
/// What fits into 64 bits whatever the digits are.
const MILLIS_DIGITS: usize = 19;

impl TimeHeader {
    /// `grpc-timeout`, as [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
    /// has it: up to 8 digits and a unit, `H`, `M`, `S`, `m`, `u` or `n`.
    ///
    /// Written in the finest unit that has the digits, rounded down (the specification leaves that open): off
    /// by less than one part in 100,000 up to 3 years, and never longer than what was left. There is one
    /// exception: the value must be positive, so that nothing left is written as one nanosecond. Read as zero is what is zero all the
    /// same, as some peers write it.
    #[must_use]
    pub const fn grpc_timeout() -> Self {
        Self {
            name: HeaderName::from_static("grpc-timeout"),
            form: Form::GrpcTimeout,
        }
    }

    /// A header of your choice that holds whole milliseconds: up to 19 digits. Written rounded down.
    #[must_use]
    pub const fn millis(name: HeaderName) -> Self {
        Self {
            name,
            form: Form::Millis,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// How much time is left; `None` when there is no such header, which means that there is no end.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is there and does not say so, or is there more than once.
    pub fn read(&self, headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
        let mut values = headers.get_all(&self.name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => self
                .parse(value.as_bytes())
                .map(Some)
                .ok_or_else(|| Malformed::new(self.name.clone())),
            // Nobody can know which one counts.
            (Some(_), Some(_)) => Err(Malformed::new(self.name.clone())),
        }
    }

    /// Says that `left` is left, in place of what the header said before. [`Duration::MAX`] is no end, and
    /// removes the header.
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
            Form::Millis => number(value, MILLIS_DIGITS).map(Duration::from_millis),
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
                    // Beyond 11,000 years.
                    .unwrap_or((b'H', MOST_GRPC));
                let text = format!("{}{}", value.max(1), char::from(letter));
                HeaderValue::try_from(text).expect("digits and a letter")
            }
            Form::Millis => {
                const MOST: u64 = 9_999_999_999_999_999_999;
                let millis = u64::try_from(left.as_millis()).unwrap_or(MOST);
                HeaderValue::from(millis.min(MOST))
            }
        }
    }
}

/// One to `most` digits, and nothing else: no sign, no space.
fn number(text: &[u8], most: usize) -> Option<u64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })
}
