//! Counts instructions: callgrind runs this program as a child that serves the requests of one row.

use std::{
    env, fs,
    process::{Command, Stdio},
};

use crate::figures::Counts;

/// The numbers of requests of the two runs.
///
/// A process executes instructions before its first request and after its last. These are the same in both runs, so
/// the difference belongs to the requests, whatever the compiler inlined. (`--toggle-collect` needs a function that is
/// not inlined, and with generics there is one for each row.) Both numbers are multiples of 16, for rows that fail once
/// in 16, and cover any warm-up.
const FEW: u64 = 1_600;
const MANY: u64 = FEW + 16_000;

/// Fails with the remedy if valgrind is missing.
pub(crate) fn present() -> Result<(), String> {
    let found = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if found {
        Ok(())
    } else {
        Err("valgrind counts the instructions and is not installed: `apt-get install valgrind` on Debian, \
             or leave them out with --without-instructions"
            .into())
    }
}

/// Counts one request of `row`, the floor included.
pub(crate) fn count(row: &str) -> Result<Counts, String> {
    let run = |requests| run(row, requests, "/dev/null");
    Ok(each(run(FEW)?, run(MANY)?, MANY - FEW))
}

/// Counts one operation of `growth` at `size`, with fewer requests: more of the time is spent before the first.
pub(crate) fn count_growth(operation: &str, size: u32) -> Result<Counts, String> {
    const FEW: u64 = 160;
    const MANY: u64 = FEW + 1_600;
    let run = |requests: u64| {
        let arguments = ["grow", operation, &size.to_string(), &requests.to_string()];
        collect(operation, &arguments, "/dev/null")
    };
    Ok(each(run(FEW)?, run(MANY)?, MANY - FEW))
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
fn each(few: (u64, u64), many: (u64, u64), requests: u64) -> Counts {
    let each = |few: u64, many: u64| (many as f64 - few as f64) / requests as f64;
    Counts::new(each(few.0, many.0), each(few.1, many.1))
}

/// Serves `requests` requests of `row` and returns the output of `callgrind_annotate`: every function, with or without
/// its callees.
pub(crate) fn annotate(row: &str, requests: u64, inclusive: bool) -> Result<String, String> {
    let file = env::temp_dir().join(format!("maestro-callgrind-{}", std::process::id()));
    let path = file.to_string_lossy().into_owned();
    run(row, requests, &path)?;
    let annotated = Command::new("callgrind_annotate")
        .args(["--auto=no", "--threshold=100", "--show=Ir,Ge"])
        .arg(if inclusive {
            "--inclusive=yes"
        } else {
            "--inclusive=no"
        })
        .arg(&path)
        .output();
    // If the removal fails, the file remains in the directory for temporary files.
    fs::remove_file(&file).ok();
    let annotated =
        annotated.map_err(|e| format!("callgrind_annotate, a part of valgrind: {e}"))?;
    Ok(String::from_utf8_lossy(&annotated.stdout).into_owned())
}

/// The instructions and bus-locked instructions of a process that serves `requests` requests.
fn run(row: &str, requests: u64, out: &str) -> Result<(u64, u64), String> {
    collect(row, &["run", row, &requests.to_string()], out)
}

/// The instructions and bus-locked instructions of this program with `arguments`.
fn collect(row: &str, arguments: &[&str], out: &str) -> Result<(u64, u64), String> {
    let program = env::current_exe().map_err(|e| format!("where this program lies: {e}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-bus=yes"])
        .arg(format!("--callgrind-out-file={out}"))
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "callgrind of `{row}` failed ({}):\n{log}",
            output.status
        ));
    }
    collected(&log).ok_or_else(|| format!("callgrind of `{row}` says something unknown:\n{log}"))
}

/// Parses the summary at the end of callgrind's output:
///
/// ```text
/// ==1== Events    : Ir Ge
/// ==1== Collected : 263284 49
/// ```
fn collected(log: &str) -> Option<(u64, u64)> {
    let line = |key: &str| {
        log.lines()
            .filter_map(|line| line.split_once(" : "))
            .find(|(head, _)| head.trim_end().ends_with(key))
            .map(|(_, values)| values.split_whitespace())
    };
    let counts: Vec<(&str, &str)> = line("Events")?.zip(line("Collected")?).collect();
    let count = |event: &str| {
        counts
            .iter()
            .find(|(name, _)| *name == event)?
            .1
            .parse()
            .ok()
    };
    Some((count("Ir")?, count("Ge")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read_by_the_names_of_its_events() {
        let log = "==7== Callgrind\n==7== Events    : Ir Ge\n==7== Collected : 263284 49\n==7== \n";
        assert_eq!(collected(log), Some((263_284, 49)));
        assert_eq!(
            collected("==7== Events    : Ir\n==7== Collected : 5\n"),
            None
        );
    }
}
