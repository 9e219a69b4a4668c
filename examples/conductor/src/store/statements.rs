//! The SQL statements. All of them block.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::rows::{one, page, text_of};
use super::{Query, Reply, StoreError, Unreadable};
use crate::run::{Run, RunId};
use crate::spec::MAX_BODY;

/// Runs one query. Rows that a page leaves out are noted in `unreadable`.
pub(super) fn run(
    connection: &mut Connection,
    unreadable: &Unreadable,
    query: &Query,
) -> Result<Reply, StoreError> {
    match query {
        Query::Insert(run) => insert(connection, unreadable, run),
        Query::Settle { id, status, at } => {
            let sql = "UPDATE runs SET status = ?2, settled_at = ?3
                       WHERE id = ?1 AND status = 'queued'";
            let row = params![id.to_string(), status.as_str(), at.to_string()];
            connection.prepare_cached(sql)?.execute(row)?;
            Ok(Reply::Done)
        }
        Query::PingWrite => ping(connection),
        Query::Get(id) => {
            let found = one(connection, unreadable, &id.to_string())?;
            Ok(found.map_or(Reply::Missing, |run| Reply::Found(Box::new(run))))
        }
        Query::List { limit, before } => {
            // No id begins with a letter after f, so 'g' is above all ids. With a bound instead of an `OR`, SQLite
            // seeks the key, and a late page costs as much as the first.
            let sql = "SELECT id FROM runs WHERE id < coalesce(?1, 'g') ORDER BY id DESC";
            // The ids first, and each run by another query: a run whose content SQLite cannot load ends its own
            // query and not the list.
            let read = |id: RunId| one(connection, unreadable, &id.to_string());
            page(
                connection,
                unreadable,
                sql,
                *before,
                *limit,
                read,
                Run::bytes,
            )
            .map(Reply::Runs)
        }
        Query::Queued { limit, after } => {
            let sql = "SELECT id FROM runs WHERE status = 'queued' AND id > coalesce(?1, '')
                       ORDER BY id";
            let read = |id| Ok(Some(id));
            page(connection, unreadable, sql, *after, *limit, read, |_| 0).map(Reply::Ids)
        }
        Query::CountQueued => {
            let sql = "SELECT count(*) FROM
                       (SELECT 1 FROM runs WHERE status = 'queued' LIMIT 100000)";
            Ok(Reply::Count(
                connection
                    .prepare_cached(sql)?
                    .query_one([], |row| row.get(0))?,
            ))
        }
    }
}

/// Inserts a run. One statement decides, so that exactly one of two inserts with the same key wins.
fn insert(
    connection: &Connection,
    unreadable: &Unreadable,
    run: &Run,
) -> Result<Reply, StoreError> {
    let sql = "INSERT INTO runs (id, client_key, status, created_at, settled_at, spec)
               VALUES (?1, ?2, ?3, ?4, NULL, ?5) ON CONFLICT DO NOTHING";
    let id = run.id.to_string();
    let row = params![
        id,
        run.client_key,
        run.status.as_str(),
        run.created_at.to_string(),
        run.spec.as_str()
    ];
    if connection.prepare_cached(sql)?.execute(row)? == 1 {
        return Ok(Reply::Done);
    }
    // The id exists: an earlier attempt that timed out has inserted the run.
    if one(connection, unreadable, &id)?.is_some() {
        return Ok(Reply::Done);
    }
    // The id of the other run first: an unreadable run is logged by its id, and a client's key is not for the log.
    let other = connection
        .prepare_cached("SELECT id FROM runs WHERE client_key = ?1")?
        .query_row([&run.client_key], |row| text_of(row, 0))
        .optional()?;
    let found = match other {
        Some(id) => one(connection, unreadable, &id)?,
        None => None,
    };
    found
        .map(|run| Reply::Found(Box::new(run)))
        .ok_or(StoreError::Unreadable("key without a run"))
}

/// Inserts a queued run of the largest size, deletes it, and commits both.
///
/// It uses the pages and indexes that the next run uses, and needs as much space. Nothing less is an answer: a rollback
/// succeeds on a full disk, and a small row may find space where a run does not. No other connection sees the row.
fn ping(connection: &mut Connection) -> Result<Reply, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = RunId::new().to_string();
    // `hex` of n bytes is a text of 2n.
    let half = MAX_BODY / 2;
    let insert =
        format!("INSERT INTO runs VALUES (?1, ?1, 'queued', '', NULL, hex(zeroblob({half})))");
    transaction.prepare_cached(&insert)?.execute([&id])?;
    let delete = "DELETE FROM runs WHERE id = ?1";
    transaction.prepare_cached(delete)?.execute([&id])?;
    transaction.commit()?;
    Ok(Reply::Done)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::Status;
    use crate::spec::RunSpec;
    use crate::store::{Page, settings};

    fn connection() -> Connection {
        settings::open(":memory:".as_ref(), Duration::ZERO).unwrap()
    }

    fn a_run(key: Option<&str>) -> Run {
        let spec = RunSpec::parse(br#"{"name":"a","steps":[{"name":"b","uses":"c"}]}"#).unwrap();
        Run::new(spec, key.map(str::to_owned))
    }

    fn ask(connection: &mut Connection, query: &Query) -> Reply {
        run(connection, &Unreadable::default(), query).unwrap()
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
    fn an_unreadable_run_is_noted_once_by_its_id() {
        let (mut db, first) = (connection(), a_run(Some("secret")));
        ask(&mut db, &Query::Insert(first.clone().into()));
        db.execute("UPDATE runs SET spec = 'none'", []).unwrap();
        let unreadable = Unreadable::default();
        for query in [
            Query::Get(first.id),
            Query::Insert(a_run(Some("secret")).into()),
        ] {
            let found = run(&mut db, &unreadable, &query);
            assert!(matches!(found, Err(StoreError::Unreadable("spec"))));
        }
        assert_eq!(unreadable.ids(), [first.id.to_string()]);
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
        assert!(matches!(queued, Reply::Ids(page) if page.items.is_empty()));
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
        let Reply::Runs(Page { items: first, more }) = first else {
            panic!("no list")
        };
        assert!(more);
        let rest = ask(
            &mut db,
            &Query::List {
                limit: 3,
                before: Some(first[2].id),
            },
        );
        let Reply::Runs(Page { items: rest, more }) = rest else {
            panic!("no list")
        };
        assert!(!more);
        let seen: Vec<_> = first.iter().chain(&rest).map(|run| run.id).collect();
        assert_eq!(
            seen,
            runs.iter().rev().map(|run| run.id).collect::<Vec<_>>()
        );
    }
}
