use crate::types::InvalidConfig;

/// At most `MOST` values, in order.
pub(crate) type Few<T, const MOST: usize = 4> = [Option<T>; MOST];

/// A list of values that a builder may be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Setting<T, const MOST: usize = 4> {
    Default,
    Given(Few<T, MOST>),
    TooMany,
}

impl<T: Copy, const MOST: usize> Setting<T, MOST> {
    /// Collects values in a `const`.
    pub(crate) const fn given<const N: usize>(values: [T; N]) -> Self {
        if N > MOST {
            return Self::TooMany;
        }
        let mut few = [None; MOST];
        let mut n = 0;
        while n < N {
            few[n] = Some(values[n]);
            n += 1;
        }
        Self::Given(few)
    }

    pub(crate) fn or(self, default: Few<T, MOST>) -> Result<Few<T, MOST>, InvalidConfig> {
        match self {
            Self::Default => Ok(default),
            Self::Given(values) => Ok(values),
            Self::TooMany => Err(InvalidConfig::TooMany),
        }
    }
}
