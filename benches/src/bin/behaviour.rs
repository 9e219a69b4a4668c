//! Prints which peers have which defect: `cargo run -p maestro-benches --features behaviour --bin behaviour`. With
//! `--renew PATH` it writes the table into the Markdown file PATH, between its marks.

use std::{panic, path::Path, process::ExitCode};

use maestro_benches::peers::{Document, Table, behaviour};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("behaviour: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    // Read first, so that a mistyped path fails before the programs run.
    let document = match arguments[..] {
        [] => None,
        ["--renew", path] => Some(Document::read(Path::new(path), Table::Behaviour)?),
        _ => return Err("the only argument is --renew PATH, with a Markdown file".to_owned()),
    };
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !behaviour::expects_panic() {
            hook(panic);
        }
    }));
    let table = behaviour::markdown(&behaviour::defects());
    if let Some(document) = document {
        return document.write(&table);
    }
    print!("{table}");
    Ok(())
}
