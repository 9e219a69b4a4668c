use crate::types::InvalidConfig;

/// At most four values, in order.
pub(crate) type Few<T> = [Option<T>; 4];

/// A list of values that a builder may be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Setting<T> {
    Default,
    Given(Few<T>),
    TooMany,
}

impl<T: Copy> Setting<T> {
    /// Collects values in a `const`.
    pub(crate) const fn given<const N: usize>(values: [T; N]) -> Self {
        if N > 4 {
            return Self::TooMany;
        }
        let mut few = [None; 4];
        let mut n = 0;
        while n < N {
            few[n] = Some(values[n]);
            n += 1;
        }
        Self::Given(few)
    }

    pub(crate) fn or(self, default: Few<T>) -> Result<Few<T>, InvalidConfig> {
        match self {
            Self::Default => Ok(default),
            Self::Given(values) => Ok(values),
            Self::TooMany => Err(InvalidConfig::TooMany),
        }
    }
}
