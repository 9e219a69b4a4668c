//! The SQL statements. All of them block.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Query, Reply, StoreError};
use crate::run::{Run, RunId, Status};

/// The columns that `read` expects.
const COLUMNS: &str = "id, client_key, status, created_at, settled_at, spec";

pub(super) fn run(connection: &mut Connection, query: &Query) -> Result<Reply, StoreError> {
    match query {
        Query::Insert(run) => insert(connection, run),
        Query::Settle { id, status, at } => {
            let sql = "UPDATE runs SET status = ?2, settled_at = ?3
                       WHERE id = ?1 AND status = 'queued'";
            let row = params![id.to_string(), status.as_str(), at.to_string()];
            connection.prepare_cached(sql)?.execute(row)?;
            Ok(Reply::Done)
        }
        Query::PingWrite => {
            connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
            Ok(Reply::Done)
        }
        Query::Get(id) => {
            let found = one(connection, "id = ?1", &id.to_string())?;
            Ok(found.map_or(Reply::Missing, |run| Reply::Found(Box::new(run))))
        }
        Query::List { limit, before } => {
            // No id begins with a letter after f, so 'g' is above all ids. With a bound instead of an `OR`, SQLite
            // seeks the key, and a late page costs as much as the first.
            let sql = format!(
                "SELECT {COLUMNS} FROM runs WHERE id < coalesce(?2, 'g') ORDER BY id DESC LIMIT ?1"
            );
            many(connection, &sql, *limit, *before)
        }
        Query::Queued { limit, after } => {
            let sql = format!(
                "SELECT {COLUMNS} FROM runs WHERE status = 'queued' AND id > coalesce(?2, '')
                 ORDER BY id LIMIT ?1"
            );
            many(connection, &sql, *limit, *after)
        }
        Query::CountQueued => {
            let sql = "SELECT count(*) FROM runs WHERE status = 'queued'";
            Ok(Reply::Count(
                connection
                    .prepare_cached(sql)?
                    .query_one([], |row| row.get(0))?,
            ))
        }
    }
}

/// Inserts a run. One statement decides, so that exactly one of two inserts with the same key wins.
fn insert(connection: &Connection, run: &Run) -> Result<Reply, StoreError> {
    let sql = "INSERT INTO runs (id, client_key, status, created_at, settled_at, spec)
               VALUES (?1, ?2, ?3, ?4, NULL, ?5) ON CONFLICT DO NOTHING";
    let spec = serde_json::to_string(&run.spec).expect("a spec is made of what JSON has");
    let id = run.id.to_string();
    let row = params![
        id,
        run.client_key,
        run.status.as_str(),
        run.created_at.to_string(),
        spec
    ];
    if connection.prepare_cached(sql)?.execute(row)? == 1 {
        return Ok(Reply::Done);
    }
    // The id exists: an earlier attempt that timed out has inserted the run.
    if one(connection, "id = ?1", &id)?.is_some() {
        return Ok(Reply::Done);
    }
    let key = run.client_key.as_deref().unwrap_or_default();
    let found = one(connection, "client_key = ?1", key)?;
    found
        .map(|run| Reply::Found(Box::new(run)))
        .ok_or(StoreError::Unreadable("key without a run"))
}

fn one(connection: &Connection, what: &str, value: &str) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {what}");
    connection
        .prepare_cached(&sql)?
        .query_row([value], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

fn many(
    connection: &Connection,
    sql: &str,
    limit: u32,
    from: Option<RunId>,
) -> Result<Reply, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![limit, from.map(|id| id.to_string())], |row| {
            Ok(read(row))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().collect::<Result<_, _>>().map(Reply::Runs)
}

fn read(row: &Row<'_>) -> Result<Run, StoreError> {
    let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
    let settled: Option<String> = row.get(4)?;
    Ok(Run {
        id: RunId::parse(text(0)?).ok_or(StoreError::Unreadable("id"))?,
        client_key: row.get(1)?,
        status: Status::parse(text(2)?).ok_or(StoreError::Unreadable("status"))?,
        created_at: text(3)?
            .parse()
            .map_err(|_| StoreError::Unreadable("created_at"))?,
        settled_at: settled
            .map(|at| at.parse())
            .transpose()
            .map_err(|_| StoreError::Unreadable("settled_at"))?,
        spec: serde_json::from_str(text(5)?).map_err(|_| StoreError::Unreadable("spec"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::spec::RunSpec;
    use crate::store::settings;

    fn connection() -> Connection {
        settings::open(":memory:".as_ref(), Duration::ZERO).unwrap()
    }

    fn a_run(key: Option<&str>) -> Run {
        let spec = RunSpec::parse(br#"{"name":"a","steps":[{"name":"b","uses":"c"}]}"#).unwrap();
        Run::new(spec, key.map(str::to_owned))
    }

    fn ask(connection: &mut Connection, query: &Query) -> Reply {
        run(connection, query).unwrap()
    }

    #[test]
    fn a_stored_run_is_read_back() {
        let (mut db, run) = (connection(), a_run(Some("k")));
        assert!(matches!(
            ask(&mut db, &Query::Insert(run.clone().into())),
            Reply::Done
        ));
        let Reply::Found(read) = ask(&mut db, &Query::Get(run.id)) else {
            panic!("not found")
        };
        assert_eq!(*read, run);
    }

    #[test]
    fn a_repeated_insert_finds_the_stored_run() {
        let (mut db, first) = (connection(), a_run(Some("k")));
        for _ in 0..2 {
            assert!(matches!(
                ask(&mut db, &Query::Insert(first.clone().into())),
                Reply::Done
            ));
        }
        let again = ask(&mut db, &Query::Insert(a_run(Some("k")).into()));
        assert!(matches!(again, Reply::Found(run) if run.id == first.id));
    }

    #[test]
    fn a_settled_run_leaves_the_queue_and_stays_settled() {
        let (mut db, run) = (connection(), a_run(None));
        ask(&mut db, &Query::Insert(run.clone().into()));
        for status in [Status::Dispatched, Status::Refused] {
            let at = jiff::Timestamp::now();
            ask(
                &mut db,
                &Query::Settle {
                    id: run.id,
                    status,
                    at,
                },
            );
        }
        let queued = ask(
            &mut db,
            &Query::Queued {
                limit: 9,
                after: None,
            },
        );
        assert!(matches!(queued, Reply::Runs(runs) if runs.is_empty()));
        let read = ask(&mut db, &Query::Get(run.id));
        assert!(matches!(read, Reply::Found(run) if run.status == Status::Dispatched));
    }

    #[test]
    fn a_list_is_paged_from_the_newest() {
        let mut db = connection();
        let runs: Vec<_> = (0..5).map(|_| a_run(None)).collect();
        for run in &runs {
            ask(&mut db, &Query::Insert(run.clone().into()));
        }
        let first = ask(
            &mut db,
            &Query::List {
                limit: 3,
                before: None,
            },
        );
        let Reply::Runs(first) = first else {
            panic!("no list")
        };
        let rest = ask(
            &mut db,
            &Query::List {
                limit: 3,
                before: Some(first[2].id),
            },
        );
        let Reply::Runs(rest) = rest else {
            panic!("no list")
        };
        let seen: Vec<_> = first.iter().chain(&rest).map(|run| run.id).collect();
        assert_eq!(
            seen,
            runs.iter().rev().map(|run| run.id).collect::<Vec<_>>()
        );
    }
}
