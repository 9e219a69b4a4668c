//! Invalid input: an exit code and one line that names the mistake and the remedy.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::process::{Process, conductor, output};

/// The error line on stderr.
#[track_caller]
fn complaint(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("conductor: "))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
    lines[0].to_owned()
}

#[tokio::test]
async fn the_error_of_an_unknown_flag_points_to_the_help() {
    let said = complaint(&output(conductor(["--databse", "x"])).await, 2);
    assert!(
        said.contains("--databse") && said.contains("--help"),
        "{said}"
    );
    let said = complaint(&output(conductor(["demo", "--slow"])).await, 2);
    assert!(said.contains("--slow") && said.contains("--help"), "{said}");
}

#[tokio::test]
async fn the_error_of_an_invalid_value_names_its_flag() {
    for (flag, value) in [
        ("--listen", "localhost"),
        ("--peer", "https://example.org"),
        ("--peer", "http://example.org/path"),
        ("--peer", "http://me:secret@example.org"),
        ("--peer", "http://example.org:70000"),
        ("--peer", "http://:80"),
        ("--objective", "often"),
        ("--objective", "100.1%"),
        ("--drain-seconds", "-1"),
        ("--host", "http://example.org"),
        ("--host", "example.org:80"),
        ("--host", ""),
    ] {
        let said = complaint(&output(conductor([flag, value])).await, 2);
        assert!(said.contains(flag) || said.contains(value), "{said}");
    }
    let mut command = conductor([]);
    command.env("CONDUCTOR_LISTEN", "here");
    assert!(complaint(&output(command).await, 2).contains("--listen"));
}

#[tokio::test]
async fn the_error_of_a_port_in_use_names_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = complaint(&output(conductor(["--listen", &address])).await, 1);
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
}

#[tokio::test]
async fn the_error_of_an_unwritable_database_names_the_remedy() {
    let directory = tempfile::tempdir().expect("a directory");
    let nowhere = directory.path().join("missing").join("conductor.db");
    let no_database = directory.path().join("notes.txt");
    std::fs::write(&no_database, "dear diary, today I was opened as a database").expect("a file");
    for path in [nowhere.as_path(), directory.path(), no_database.as_path()] {
        let path = path.to_str().expect("a plain path");
        let said = complaint(
            &output(conductor(["--listen", "127.0.0.1:0", "--database", path])).await,
            1,
        );
        assert!(said.contains(path) && said.contains("--database"), "{said}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("theirs.db");
    for version in [0, 1, 2, 7] {
        let theirs = rusqlite::Connection::open(&path).expect("a database");
        let table = "DROP TABLE IF EXISTS theirs; CREATE TABLE theirs (x)";
        theirs.execute_batch(table).expect("a table");
        theirs
            .pragma_update(None, "user_version", version)
            .expect("a version");
        drop(theirs);
        let before = std::fs::read(&path).expect("a file");
        let text = path.to_str().expect("a plain path");
        let arguments = ["--listen", "127.0.0.1:0", "--database", text];
        let said = complaint(&output(conductor(arguments)).await, 1);
        assert!(said.contains(text) && said.contains("--database"), "{said}");
        assert_eq!(std::fs::read(&path).expect("a file"), before, "{version}");
    }
}

#[tokio::test]
async fn the_error_of_an_invalid_log_filter_names_it() {
    let mut command = conductor([]);
    command.env("CONDUCTOR_LOG", "a=b=c");
    let said = complaint(&output(command).await, 1);
    assert!(said.contains("CONDUCTOR_LOG"), "{said}");
}

#[tokio::test]
async fn a_database_named_memory_is_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in [":memory:", "file:x?mode=memory"] {
        let mut command = conductor(["--listen", "127.0.0.1:0", "--database", name]);
        command.current_dir(directory.path());
        let process = Process::serving(command);
        assert!(directory.path().join(name).exists(), "{name}");
        process.kill();
    }
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("conductor.db");
    let later = rusqlite::Connection::open(&path).expect("a database");
    later
        .pragma_update(None, "user_version", 7)
        .expect("a version");
    let path = path.to_str().expect("a plain path");
    let said = complaint(
        &output(conductor(["--listen", "127.0.0.1:0", "--database", path])).await,
        1,
    );
    assert!(said.contains("later version"), "{said}");
}

#[tokio::test]
async fn help_and_version_exit_with_0() {
    for flag in ["--help", "--version"] {
        let output = output(conductor([flag])).await;
        assert!(output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[tokio::test]
async fn only_the_owner_can_read_the_database() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = conductor(["--listen", "127.0.0.1:0", "--database"]);
    command.arg(directory.path().join("conductor.db"));
    let process = Process::serving(command);
    for name in ["conductor.db", "conductor.db-wal", "conductor.db-shm"] {
        let file = std::fs::metadata(directory.path().join(name)).expect("a file");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
    process.kill();
}

#[tokio::test]
async fn the_mode_of_an_existing_database_is_left_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("conductor.db");
    std::fs::write(&path, "").expect("a file");
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("its mode");
    let mut command = conductor(["--listen", "127.0.0.1:0", "--database"]);
    command.arg(&path);
    let process = Process::serving(command);
    let file = std::fs::metadata(&path).expect("a file");
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    process.kill();
}
