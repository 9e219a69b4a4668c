//! Short lists in configuration files: of plain values, of tables and of durations.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::types::few::Setting;

pub(crate) fn serialize<T: Copy + Serialize, S: Serializer, const MOST: usize>(
    list: &Setting<T, MOST>,
    to: S,
) -> Result<S::Ok, S::Error> {
    write(list, to, |value| value)
}

/// Each value is plain.
#[cfg(feature = "canary")]
pub(crate) fn deserialize<'de, T, D, const MOST: usize>(
    from: D,
) -> Result<Setting<T, MOST>, D::Error>
where
    T: Copy + Deserialize<'de>,
    D: Deserializer<'de>,
{
    read(from, |value: T| value)
}

/// Each value is a table.
pub(crate) mod tables {
    pub(crate) use super::serialize;
    use super::{Deserialize, Deserializer, Setting, read};
    use crate::file::Table;

    pub(crate) fn deserialize<'de, T, D, const MOST: usize>(
        from: D,
    ) -> Result<Setting<T, MOST>, D::Error>
    where
        T: Copy + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        read(from, |Table(value): Table<T>| value)
    }
}

pub(crate) mod times {
    use super::{Deserializer, Duration, Serializer, Setting, read, write};
    use crate::file::time::Time;

    pub(crate) fn serialize<S: Serializer, const MOST: usize>(
        list: &Setting<Duration, MOST>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        write(list, to, Time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const MOST: usize>(
        from: D,
    ) -> Result<Setting<Duration, MOST>, D::Error> {
        read(from, |Time(time)| time)
    }
}

fn write<T: Copy, U: Serialize, S: Serializer, const MOST: usize>(
    list: &Setting<T, MOST>,
    to: S,
    written: impl Fn(T) -> U,
) -> Result<S::Ok, S::Error> {
    match list {
        // `skip_serializing_if` leaves it out.
        Setting::Default => to.serialize_none(),
        Setting::Given(values) => {
            to.collect_seq(values.iter().flatten().map(|value| written(*value)))
        }
        Setting::TooMany => Err(ser::Error::custom(format_args!(
            "there is room for at most {MOST} values"
        ))),
    }
}

fn read<'de, T: Copy, U: Deserialize<'de>, D: Deserializer<'de>, const MOST: usize>(
    from: D,
    value: impl Fn(U) -> T,
) -> Result<Setting<T, MOST>, D::Error> {
    let values = Vec::<U>::deserialize(from)?;
    if values.len() > MOST {
        let most = format!("at most {MOST} values");
        return Err(de::Error::invalid_length(values.len(), &most.as_str()));
    }
    let mut few = [None; MOST];
    for (to, read) in few.iter_mut().zip(values) {
        *to = Some(value(read));
    }
    Ok(Setting::Given(few))
}
