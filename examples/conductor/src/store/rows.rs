//! Reads runs from rows, and notes those that cannot be read.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use super::{MAX_PAGE, Page, StoreError, Unreadable};
use crate::run::{Run, RunId, Status};
use crate::spec::RunSpec;

/// The columns that `read` expects.
const COLUMNS: &str = "id, client_key, status, created_at, settled_at, spec";

/// Reads the row with this id. A row that is there and cannot be read is no error of the database, also if SQLite finds it
/// malformed: other rows can be read, and a client that asks for this one must not open a breaker.
pub(super) fn one(
    connection: &Connection,
    unreadable: &Unreadable,
    id: &str,
) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id], |row| Ok(read(row)))
        .optional();
    let broken = match found {
        Ok(None) => return Ok(None),
        Ok(Some(Ok(run))) => return Ok(Some(run)),
        Ok(Some(Err(column))) => column,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => "page",
        Err(error) => return Err(error.into()),
    };
    unreadable.note(id, broken);
    Err(StoreError::Unreadable(broken))
}

/// Reads the ids of `sql` and what `read` finds for each, until there are `limit` of them or their `bytes` reach
/// [`MAX_PAGE`]. What cannot be read is left out.
pub(super) fn page<T>(
    connection: &Connection,
    unreadable: &Unreadable,
    sql: &str,
    from: Option<RunId>,
    limit: u32,
    read: impl Fn(RunId) -> Result<Option<T>, StoreError>,
    bytes: impl Fn(&T) -> usize,
) -> Result<Page<T>, StoreError> {
    let (mut page, mut sum) = (Page::default(), 0);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([from.map(|id| id.to_string())])?;
    while let Some(row) = rows.next()? {
        let text = text_of(row, 0)?;
        // An id in another notation is not found again.
        let id = RunId::parse(&text).filter(|id| id.to_string() == text);
        let Some(id) = id else {
            unreadable.note(&text, "id");
            continue;
        };
        if u32::try_from(page.items.len()) == Ok(limit) {
            page.more = true;
            break;
        }
        let item = match read(id) {
            Ok(Some(item)) => item,
            Ok(None) | Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        sum += bytes(&item);
        if sum > MAX_PAGE && !page.items.is_empty() {
            page.more = true;
            break;
        }
        page.items.push(item);
    }
    Ok(page)
}

/// A column as text, also if it is not UTF-8.
pub(super) fn text_of(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes = row.get_ref(column)?.as_bytes().unwrap_or_default();
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// The column that holds something else.
fn read(row: &Row<'_>) -> Result<Run, &'static str> {
    let optional = |at: usize| row.get_ref(at).ok()?.as_str_or_null().ok();
    let text = |at: usize| optional(at).flatten();
    let settled = match optional(4).ok_or("settled_at")? {
        Some(at) => Some(at.parse().map_err(|_| "settled_at")?),
        None => None,
    };
    Ok(Run {
        id: text(0).and_then(RunId::parse).ok_or("id")?,
        client_key: optional(1).ok_or("client_key")?.map(str::to_owned),
        status: text(2).and_then(Status::parse).ok_or("status")?,
        created_at: text(3).and_then(|at| at.parse().ok()).ok_or("created_at")?,
        settled_at: settled,
        spec: text(5).and_then(RunSpec::stored).ok_or("spec")?,
    })
}
