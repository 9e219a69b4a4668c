use crate::types::InvalidConfigKind;

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

    #[cfg(feature = "serde")]
    pub(crate) const fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    /// What `check` makes of each value that was given, or of each default.
    pub(crate) fn check<U: Copy>(
        self,
        default: Few<T, MOST>,
        check: impl Fn(T) -> Result<U, InvalidConfigKind>,
    ) -> Result<Few<U, MOST>, InvalidConfigKind> {
        let values = match self {
            Self::Default => default,
            Self::Given(values) => values,
            Self::TooMany => return Err(InvalidConfigKind::TooMany),
        };
        let mut checked = [None; MOST];
        for (to, value) in checked.iter_mut().zip(values) {
            *to = value.map(&check).transpose()?;
        }
        Ok(checked)
    }
}
