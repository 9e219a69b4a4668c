//! Compares a README's tables of defaults, and its example of a file, with the builders that are read from files.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

/// One table of a configuration file, which a builder is read from.
pub(crate) struct Settings {
    pub(crate) name: &'static str,
    /// The fields without a default, so that the others can be left out.
    required: &'static str,
    compare: fn(&Table, &[Vec<String>], &Value) -> Vec<String>,
}

// === impl Settings ===

impl Settings {
    pub(crate) const fn of<T>(name: &'static str, required: &'static str) -> Self
    where
        T: DeserializeOwned + Serialize + PartialEq + Debug,
    {
        Self {
            name,
            required,
            compare: compare::<T>,
        }
    }

    /// `rows` are those of the defaults: field, default, and anything. `example` is the table in the example of a file.
    pub(crate) fn problems(&self, rows: &[Vec<String>], example: Option<&Value>) -> Vec<String> {
        let required = self.required.parse().expect("the required fields are TOML");
        match example {
            Some(example) => (self.compare)(&required, rows, example),
            None => vec![format!("the example has no table `[{}]`", self.name)],
        }
    }
}

/// Each field of the builder has a row. A default that is code is what the field has if it is left out. One that is not
/// code says what happens without the field, or that it is `required`.
fn compare<T>(required: &Table, rows: &[Vec<String>], example: &Value) -> Vec<String>
where
    T: DeserializeOwned + Serialize + PartialEq + Debug,
{
    let mut problems = Vec::new();
    if let Err(error) = example.clone().try_into::<T>() {
        problems.push(format!("the example is refused: {error}"));
    }
    let read = |field: &str, value: Value| {
        let mut table = required.clone();
        table.insert(field.to_owned(), value);
        table.try_into::<T>()
    };
    let default: T = required
        .clone()
        .try_into()
        .expect("the required fields are enough");
    let written = Value::try_from(&default).expect("the default can be written");
    let fields = fields_of::<T>();
    for (row, field) in rows.iter().map(|row| (row, row[0].replace('`', ""))) {
        let (cell, is_known) = (&row[1], fields.contains(&field));
        let is_right = if !is_known {
            false
        } else if cell == "required" {
            required.contains_key(&field)
        } else if let Some(code) = cell
            .strip_prefix('`')
            .and_then(|code| code.split('`').next())
        {
            let value = format!("value = {code}")
                .parse::<Table>()
                .map(|table| table["value"].clone());
            value.is_ok_and(|value| read(&field, value).is_ok_and(|same| same == default))
        } else {
            written.get(&field).is_none()
        };
        if !is_right {
            problems.push(format!("`{field}` has not the default {cell}: {default:?}"));
        }
    }
    for field in &fields {
        if !rows.iter().any(|row| row[0].replace('`', "") == *field) {
            problems.push(format!("there is no row for `{field}`"));
        }
    }
    problems
}

/// The fields, which serde lists when it meets an unknown one.
fn fields_of<T: DeserializeOwned + Debug>() -> Vec<String> {
    let unknown = Table::from_iter([("?".to_owned(), Value::from(0))]);
    let error = unknown
        .try_into::<T>()
        .expect_err("the field is unknown")
        .to_string();
    let (_, expected) = error
        .split_once("expected")
        .expect("serde lists the fields");
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
