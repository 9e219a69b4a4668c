//! Prints what each row costs, as a Markdown table: `cargo run --profile bench -p maestro-benches --bin report`.

mod arguments;
mod baseline;
mod callgrind;
mod explain;
mod figures;
mod growth;
mod measure;
mod memory;
#[cfg(feature = "peers")]
mod peers;
mod renewal;
mod table;
mod threads;
mod turns;

use std::{fs, process::ExitCode};

use arguments::{Arguments, Command};
use baseline::Baseline;
use maestro_benches::{Row, exact_clock, growth::Grown, rows};
use renewal::Renewal;

/// The exit code if a figure differs from the baseline.
const CHANGED: u8 = 1;
/// The exit code if nothing could be measured or compared, because of the arguments, a file or valgrind.
const NOT_DONE: u8 = 2;

fn main() -> ExitCode {
    maestro_benches::watch();
    let arguments = Arguments::parse(std::env::args().skip(1));
    arguments.and_then(follow).unwrap_or_else(|problem| {
        eprintln!("report: {problem}");
        ExitCode::from(NOT_DONE)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is the end of a chain")]
fn follow(arguments: Arguments) -> Result<ExitCode, String> {
    if arguments.command != Command::Help {
        exact_clock()?;
    }
    match &arguments.command {
        Command::Help => {
            println!("{}", arguments::USAGE);
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { row, requests } => run(row, *requests),
        Command::Explain { row } => explain(row),
        Command::Report if arguments.peers => peers(&arguments),
        Command::Threads => threads::threads(arguments.only.as_deref()).map(printed),
        Command::Growth => growth(&arguments),
        Command::Memory => Ok(printed(memory::memory())),
        Command::Grow {
            operation,
            size,
            requests,
        } => grow(operation, *size, *requests),
        Command::Report => report(&arguments),
    }
}

/// Serves the requests of one row. callgrind runs this in a child process.
fn run(row: &str, requests: u64) -> Result<ExitCode, String> {
    let row = every_row()
        .into_iter()
        .find(|candidate| candidate.name == row)
        .ok_or_else(|| format!("there is no row `{row}`"))?;
    row.make().run(requests);
    Ok(ExitCode::SUCCESS)
}

/// As [`run`], for an operation of `growth` at one size.
fn grow(operation: &str, size: u32, requests: u64) -> Result<ExitCode, String> {
    let found = growth::find(operation)?;
    let Grown::Row(row) = found.at(size) else {
        return Err(format!("`{operation}` cannot be repeated"));
    };
    row.make().run(requests);
    Ok(ExitCode::SUCCESS)
}

fn growth(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.instructions {
        callgrind::present()?;
    }
    let only = arguments.only.as_deref();
    growth::growth(only, growth::Sizes::All, arguments.instructions).map(printed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the end of a chain")]
fn printed(text: String) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn explain(row: &str) -> Result<ExitCode, String> {
    callgrind::present()?;
    if !every_row().iter().any(|candidate| candidate.name == row) {
        return Err(format!(
            "there is no row `{row}`; a report without arguments names them all"
        ));
    }
    print!("{}", explain::explain(row)?);
    Ok(ExitCode::SUCCESS)
}

/// Our rows and those of the peers.
fn every_row() -> Vec<Row> {
    #[cfg_attr(
        not(feature = "peers"),
        expect(unused_mut, reason = "without the peers")
    )]
    let mut all = rows::all();
    #[cfg(feature = "peers")]
    all.extend(maestro_benches::peers::rows());
    all
}

#[cfg(feature = "peers")]
fn peers(arguments: &Arguments) -> Result<ExitCode, String> {
    peers::report(arguments).map(|()| ExitCode::SUCCESS)
}

#[cfg(not(feature = "peers"))]
fn peers(_: &Arguments) -> Result<ExitCode, String> {
    Err(
        "this program was built without the peers: `cargo run … --features peers --bin report`"
            .into(),
    )
}

fn report(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.instructions {
        callgrind::present()?;
    }
    // Both are read first, so that a mistyped path fails before the measurement.
    let baseline = arguments.check.as_deref().map(Baseline::read).transpose()?;
    let renewal = arguments.renew.as_deref().map(Renewal::read).transpose()?;
    let report = measure::report(arguments)?;
    println!("{}", table::markdown(&report));
    if let Some(path) = &arguments.json {
        fs::write(path, report.to_json()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if let Some(renewal) = renewal {
        renewal.write(&report)?;
    }
    Ok(match baseline {
        Some(baseline) if !baseline.holds(&report) => ExitCode::from(CHANGED),
        _ => ExitCode::SUCCESS,
    })
}
