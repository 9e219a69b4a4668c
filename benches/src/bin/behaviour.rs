//! Prints which peers have which defect: `cargo run -p maestro-benches --features behaviour --bin behaviour`. With
//! `--renew FILE` it writes the table into a Markdown file, between its marks.

use std::{fs, panic, process::ExitCode};

use maestro_benches::peers::behaviour;

const BEGIN: &str = "<!-- behaviour: written by behaviour --renew -->\n";
const END: &str = "<!-- end of the behaviour -->\n";

fn main() -> ExitCode {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !behaviour::expects_panic() {
            hook(panic);
        }
    }));
    let table = behaviour::markdown(&behaviour::defects());
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => {
            print!("{table}");
            Ok(())
        }
        ["--renew", file] => renew(file, &table),
        _ => Err("the only argument is --renew FILE".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("behaviour: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn renew(file: &str, table: &str) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let parts = text.split_once(BEGIN);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("{file}: the marks of the table are gone"))?;
    fs::write(file, format!("{before}{BEGIN}{table}{END}{after}"))
        .map_err(|e| format!("{file}: {e}"))
}
