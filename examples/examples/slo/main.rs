//! Checks specifications of objectives, prints their Prometheus rules and the tests of the rules, and plays a history
//! through the budget, alerts and gate that a process builds from one.
//!
//! ```sh
//! cargo run -p maestro-examples --example slo -- check examples/slo/*
//! cargo run -p maestro-examples --example slo -- simulate examples/slo/availability.yaml
//! ```

mod check;
mod simulate;

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use maestro_slo_budget::Spec;

/// Service level objectives, written down once, for processes and for Prometheus.
#[derive(Parser)]
#[command(
    name = "slo",
    after_help = "Exit status: 0 when all is well, 1 when a file cannot be read or holds a mistake, 2 when the command is wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Describe specifications, or print every mistake in them
    Check {
        /// YAML or JSON
        #[arg(required = true, value_name = "SPEC")]
        specs: Vec<PathBuf>,
    },
    /// Print Prometheus recording and alerting rules
    Rules {
        /// YAML or JSON
        spec: PathBuf,
    },
    /// Print tests of the rules, for `promtool test rules`
    Tests {
        /// YAML or JSON
        spec: PathBuf,
        /// Where the rules are, from where the tests will be
        #[arg(long, value_name = "FILE", default_value = "rules.yaml")]
        rules: String,
    },
    /// Play a history, and show burn rates, alerts and gate over time
    Simulate(simulate::Simulate),
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(text) => {
            // A reader that stops early (`| head`) is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// The text to print, or the error.
fn run(command: &Command) -> Result<String, String> {
    match command {
        Command::Check { specs } => {
            let (mut good, mut bad) = (String::new(), String::new());
            let mut read_before: Vec<(&PathBuf, Spec)> = Vec::new();
            for path in specs {
                match read(path) {
                    Ok(spec) => {
                        let is_same = |(_, other): &&(_, Spec)| check::is_same(other, &spec);
                        if let Some((first, _)) = read_before.iter().find(is_same) {
                            bad += &check::duplicate(path, first, &spec);
                        }
                        good += &check::describe(&spec)?;
                        read_before.push((path, spec));
                    }
                    Err(mistakes) => bad += &mistakes,
                }
            }
            if bad.is_empty() { Ok(good) } else { Err(bad) }
        }
        Command::Rules { spec } => Ok(read(spec)?.rules()),
        Command::Tests { spec: path, rules } => {
            let tests = read(path)?.rule_tests(rules);
            tests.map_err(|missing| format!("{}: {missing}\n", path.display()))
        }
        Command::Simulate(simulate) => simulate.run(&read(&simulate.spec)?),
    }
}

fn read(path: &PathBuf) -> Result<Spec, String> {
    let file = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{file}: {error}\n"))?;
    text.parse::<Spec>().map_err(|mistakes| {
        let lines = mistakes.iter().map(|mistake| format!("{file}:{mistake}\n"));
        lines.collect()
    })
}
