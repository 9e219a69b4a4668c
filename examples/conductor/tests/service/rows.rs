//! Rows that are written into the database by a second connection, as an earlier version or another program leaves
//! them.

use std::path::Path;

use rusqlite::{Connection, params};

/// The bytes of a large specification: just below the limit of a request body.
const LARGE: usize = 63_000;

/// A specification of one step with this `with`, as the service stores it.
pub(crate) fn spec(with: &str) -> String {
    format!(
        r#"{{"name":"stored","priority":"normal","labels":{{}},"steps":[{{"name":"a","uses":"b","with":{with},"timeout_seconds":300}}]}}"#
    )
}

/// A large specification of thousands of small objects. As a tree it takes about 80 times its bytes.
pub(crate) fn many_values() -> String {
    let value = r#"{"a":{}}"#;
    let values = vec![value; LARGE / (value.len() + 1)].join(",");
    spec(&format!(r#"{{"x":[{values}]}}"#))
}

/// A large specification of one string.
pub(crate) fn long_text() -> String {
    spec(&format!(r#"{{"x":"{}"}}"#, "x".repeat(LARGE)))
}

/// The id with this number. A larger number is a newer run.
pub(crate) fn id(number: u32) -> String {
    format!("0197{number:04x}-0000-7000-8000-{number:012x}")
}

/// Writes a row, and returns its id.
pub(crate) fn write(database: &Connection, number: u32, status: &str, spec: &str) -> String {
    let id = id(number);
    let sql = "INSERT INTO runs VALUES (?1, NULL, ?2, '2026-01-01T00:00:00Z', NULL, ?3)";
    database
        .execute(sql, params![id, status, spec])
        .expect("a row");
    id
}

/// Breaks a page of the text of a [`long_text`]. The file must be whole: no other connection is open.
pub(crate) fn break_an_overflow_page(database: &Path) {
    let mut bytes = std::fs::read(database).expect("a file");
    // It begins with the number of the next one, and is otherwise full of the text.
    let page = bytes
        .chunks_exact_mut(4096)
        .find(|page| page[4..].iter().all(|byte| *byte == b'x'));
    page.expect("an overflow page")[..4].fill(0xff);
    std::fs::write(database, bytes).expect("written");
}
