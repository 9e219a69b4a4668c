//! Builders in configuration files (feature `serde`).

/// Converts between a builder and its numbers, which derive serde's traits.
///
/// The builder is read with `serde(try_from)`. A file with numbers that `build` would refuse is refused when it
/// is read, where the error can name the place in the file.
macro_rules! checked {
    ($builder:ident, $numbers:ident) => {
        #[cfg(feature = "serde")]
        impl From<$builder> for $numbers {
            fn from(builder: $builder) -> Self {
                builder.0
            }
        }

        #[cfg(feature = "serde")]
        impl TryFrom<$numbers> for $builder {
            type Error = InvalidConfig;

            fn try_from(numbers: $numbers) -> Result<Self, InvalidConfig> {
                numbers.check().map(|_| Self(numbers))
            }
        }
    };
}
pub(crate) use checked;
