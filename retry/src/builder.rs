//! Builders: numbers with their defaults, in code and in configuration files (feature `serde`).

/// Declares a builder and its `Numbers`, with their defaults.
///
/// The numbers derive serde's traits, under the given name in error messages. An absent field has its default, an
/// unknown one is an error. `Numbers::check`, which the caller writes, returns an error for numbers that `build`
/// refuses. It runs when the file is read, where an error can name the place in the file, and in the builder's `check`.
macro_rules! builder {
    (
        $(#[$meta:meta])*
        pub struct $builder:ident named $name:literal derive $derive:tt {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive $derive]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[cfg_attr(feature = "serde", serde(try_from = "crate::table::Table<Numbers>", into = "Numbers"))]
        #[must_use = "a builder makes nothing until it is built"]
        pub struct $builder(pub(super) Numbers);

        #[derive $derive]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[cfg_attr(feature = "serde", serde(rename = $name, default = "Numbers::new", deny_unknown_fields))]
        pub(super) struct Numbers {
            $($(#[$field_meta])* pub(super) $field: $type,)*
        }

        impl Numbers {
            pub(super) const fn new() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $builder {
            /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked
            /// where they are read, before there is a name.
            ///
            /// A builder that comes from a file has been checked.
            ///
            /// # Errors
            ///
            /// As `build`, but the error has no name.
            pub fn check(&self) -> Result<(), crate::types::InvalidConfig> {
                self.0.check().map(drop).map_err(|kind| kind.unnamed())
            }
        }

        impl Default for $builder {
            /// The builder with every default, as an empty table in a file gives it.
            fn default() -> Self {
                Self(Numbers::new())
            }
        }

        #[cfg(feature = "serde")]
        impl From<$builder> for Numbers {
            fn from(builder: $builder) -> Self {
                builder.0
            }
        }

        #[cfg(feature = "serde")]
        impl TryFrom<crate::table::Table<Numbers>> for $builder {
            type Error = crate::types::InvalidConfig;

            fn try_from(
                crate::table::Table(numbers): crate::table::Table<Numbers>,
            ) -> Result<Self, Self::Error> {
                let builder = Self(numbers);
                builder.check().map(|()| builder)
            }
        }
    };
}
pub(crate) use builder;
