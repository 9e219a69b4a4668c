//! Builders: numbers with their defaults, in code and in configuration files (feature `serde`).

#[cfg(feature = "serde")]
#[expect(
    dead_code,
    reason = "the file is the same in five crates, and here `time` reads and writes the durations"
)]
mod duration;
#[cfg(feature = "serde")]
mod exact;
#[cfg(feature = "serde")]
pub(crate) mod list;
#[cfg(feature = "serde")]
mod table;
#[cfg(feature = "serde")]
pub(crate) mod time;

#[cfg(feature = "serde")]
pub(crate) use table::Table;

/// A text that lives as long as the process. An alias, because serde's derive lets a field of the type `&str` borrow
/// from the input.
pub(crate) type Text = &'static str;

/// Reads a text. Kept as a [`Name`](crate::types::Name) is, as builders are `Copy`.
#[cfg(feature = "serde")]
pub(crate) fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
    let text: String = serde::Deserialize::deserialize(from)?;
    Ok(crate::types::Name::from(text).as_str())
}

/// Reads a field that is a table.
#[cfg(feature = "serde")]
pub(crate) fn table<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    serde::Deserialize::deserialize(from).map(|Table(read)| read)
}

/// Reads a field that is a table, if it is there.
#[cfg(feature = "serde")]
pub(crate) fn optional_table<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let read: Option<Table<T>> = serde::Deserialize::deserialize(from)?;
    Ok(read.map(|Table(read)| read))
}

/// Declares a builder and its `Numbers`, with their defaults.
///
/// The numbers derive serde's traits, under the given name in error messages. An absent field has its default, an
/// unknown one is an error. `Numbers::check`, which the caller writes, returns an error for numbers that `build`
/// refuses whatever they are built on. It runs when the file is read. A field with a feature behind its default exists
/// only with that.
macro_rules! builder {
    (
        $(#[$meta:meta])*
        pub struct $builder:ident named $name:literal {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr $(=> $feature:literal)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[cfg_attr(feature = "serde", serde(try_from = "crate::file::Table<Numbers>", into = "Numbers"))]
        #[must_use = "a builder does nothing until `build`"]
        pub struct $builder(Numbers);

        #[derive(Clone, Copy, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[cfg_attr(feature = "serde", serde(rename = $name, default = "Numbers::new", deny_unknown_fields))]
        struct Numbers {
            $($(#[cfg(feature = $feature)])? $(#[$field_meta])* $field: $type,)*
        }

        impl Numbers {
            const fn new() -> Self {
                Self { $($(#[cfg(feature = $feature)])? $field: $default,)* }
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
        impl TryFrom<crate::file::Table<Numbers>> for $builder {
            type Error = crate::types::InvalidConfig;

            fn try_from(
                crate::file::Table(numbers): crate::file::Table<Numbers>,
            ) -> Result<Self, crate::types::InvalidConfig> {
                let checked = numbers.check();
                checked.map(|_| Self(numbers)).map_err(|kind| kind.unnamed())
            }
        }
    };
}
pub(crate) use builder;
