//! What clients send and ask for is bounded in structure, in bytes and in its effect on others.

use serde_json::Value;

use crate::client::RUNS;
use crate::process::Process;
use crate::rows;
use crate::stage::Stage;

/// The bytes of the largest response of a list: its page, and one run.
const LARGEST_LIST: usize = 384 * 1024;

#[tokio::test]
async fn a_run_of_too_many_values_is_refused() {
    let stage = Stage::start().await;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    for body in [rows::many_values(), rows::spec(&deep)] {
        let answer = stage.client.post(&body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(answer.string("/error/field"), "body");
    }
    assert_eq!(stage.client.post(&rows::long_text()).await.status, 201);
}

#[tokio::test]
async fn a_list_is_bounded_in_bytes_and_loses_no_run() {
    let stage = Stage::start().await;
    let (database, specs) = (stage.database(), [rows::many_values(), rows::long_text()]);
    database.execute_batch("BEGIN").expect("a transaction");
    let mut ids: Vec<_> = (0..40)
        .map(|number| rows::write(&database, number, "dispatched", &specs[number as usize % 2]))
        .collect();
    database.execute_batch("COMMIT").expect("committed");
    ids.reverse();
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.client.get(&format!("{RUNS}?limit=200{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.len() <= LARGEST_LIST, "{} bytes", page.text.len());
        let runs = page.at("/runs");
        let runs = runs.as_array().expect("a list");
        listed.extend(runs.iter().map(|run| run["id"].clone()));
        let Value::String(next) = page.at("/next_cursor") else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, ids);
}

/// The largest resident size of a process until now, in bytes.
#[cfg(target_os = "linux")]
fn peak(process: &Process) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kilobytes.expect("a number of kB") * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_is_bounded_whatever_runs_are_posted() {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = conductor::Peer::start().await.expect("a port");
    let database = directory.path().join("conductor.db");
    let process = Process::start(&database, &peer.url().to_string());
    let before = peak(&process);
    for body in [rows::many_values(), rows::long_text()] {
        for _ in 0..60 {
            // On a busy machine some are not accepted.
            process.client.post(&body).await;
        }
    }
    let list = format!("{RUNS}?limit=200");
    for _ in 0..3 {
        process.client.get(&list).await;
    }
    let grown = peak(&process) - before;
    assert!(grown < 100 << 20, "{} MiB more", grown >> 20);
}
