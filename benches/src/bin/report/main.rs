//! What each row costs, as a Markdown table: `cargo run --profile bench -p maestro-benches --bin report`.

mod arguments;
mod baseline;
mod callgrind;
mod explain;
mod figures;
mod measure;
mod table;

use std::{fs, path::Path, process::ExitCode};

use arguments::{Arguments, Command};
use baseline::compare;
use figures::Report;
use maestro_benches::rows;

/// A figure has changed that should not have.
const CHANGED: u8 = 1;
/// Nothing could be measured or compared: the arguments, a file or valgrind.
const NOT_DONE: u8 = 2;

fn main() -> ExitCode {
    let done =
        Arguments::parse(std::env::args().skip(1)).and_then(|arguments| match arguments.command {
            Command::Help => {
                println!("{}", arguments::USAGE);
                Ok(ExitCode::SUCCESS)
            }
            Command::Run { row, requests } => run(&row, requests),
            Command::Explain { row } => explain(&row),
            Command::Report => report(&arguments),
        });
    done.unwrap_or_else(|problem| {
        eprintln!("report: {problem}");
        ExitCode::from(NOT_DONE)
    })
}

/// What callgrind watches, in a process of its own.
fn run(row: &str, requests: u64) -> Result<ExitCode, String> {
    let row = rows::all()
        .into_iter()
        .find(|candidate| candidate.name == row)
        .ok_or_else(|| format!("there is no row `{row}`"))?;
    row.make().run(requests);
    Ok(ExitCode::SUCCESS)
}

fn explain(row: &str) -> Result<ExitCode, String> {
    callgrind::present()?;
    if !rows::all().iter().any(|candidate| candidate.name == row) {
        return Err(format!(
            "there is no row `{row}`; a report without arguments names them all"
        ));
    }
    print!("{}", explain::explain(row)?);
    Ok(ExitCode::SUCCESS)
}

fn report(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.instructions {
        callgrind::present()?;
    }
    // Read first: a mistyped path should not cost a minute.
    let baseline = match &arguments.check {
        Some(path) => {
            Some(Report::parse(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))?)
        }
        None => None,
    };
    let report = measure::report(arguments)?;
    println!("{}", table::markdown(&report));
    if let Some(path) = &arguments.json {
        write(path, &report.to_json())?;
    }
    if let Some(directory) = &arguments.renew {
        let readme = directory.join("README.md");
        let text = table::put_into(&read(&readme)?, &report)
            .ok_or_else(|| format!("{}: no place for the figures", readme.display()))?;
        write(&readme, &text)?;
        write(&directory.join("baseline.json"), &report.to_json())?;
    }
    let (Some(baseline), Some(path)) = (baseline, &arguments.check) else {
        return Ok(ExitCode::SUCCESS);
    };
    let comparison = compare(&baseline, &report);
    for note in &comparison.notes {
        eprintln!("note: {note}");
    }
    if comparison.differences.is_empty() {
        eprintln!("every figure is within its bounds of {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &comparison.differences {
        eprintln!("CHANGED  {difference}");
    }
    eprintln!(
        "{} figures differ from {}. If they should, renew them with\n  \
         cargo run --profile bench -p maestro-benches --bin report -- --renew benches",
        comparison.differences.len(),
        path.display(),
    );
    Ok(ExitCode::from(CHANGED))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
