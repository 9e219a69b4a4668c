use std::{num::ParseIntError, path::PathBuf, str::FromStr};

pub(crate) const USAGE: &str = "\
What each row costs a request: instructions, bus-locked instructions, allocations, sizes.

  report [--only TEXT] [--json FILE] [--check FILE] [--renew PATH] [--without-instructions]
  report explain ROW     where the instructions of one row go, function by function
  report --peers         the same work of other crates, with times (needs the feature `peers`)
  report threads         the time of the main rows on one and on two threads
  report growth          what an operation costs with many keys, waiters, calls or windows
  report memory          the bytes of an object, and of a key of a family

  --only TEXT             only the rows whose name contains TEXT, and their floors; also for threads and growth
  --json FILE             writes the figures to FILE
  --check FILE            compares with the figures in FILE; ends with 1 when one has become worse
  --renew PATH            writes the figures to baseline.json and README.md in the directory PATH; with --peers:
                          writes the tables into the Markdown file PATH, between their marks
  --without-instructions  allocations and sizes only; needs no valgrind";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) only: Option<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) check: Option<PathBuf>,
    pub(crate) renew: Option<PathBuf>,
    pub(crate) instructions: bool,
    pub(crate) peers: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Report,
    Explain {
        row: String,
    },
    Threads,
    Growth,
    Memory,
    /// Not in the usage: what the report has callgrind run.
    Run {
        row: String,
        requests: u64,
    },
    /// As `Run`, for an operation of `growth` at one size.
    Grow {
        operation: String,
        size: u32,
        requests: u64,
    },
    Help,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            command: Command::Report,
            only: None,
            json: None,
            check: None,
            renew: None,
            instructions: true,
            peers: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = |what: &str| {
                arguments
                    .next()
                    .ok_or_else(|| format!("`{argument}` needs {what} after it"))
            };
            match argument.as_str() {
                "--only" => parsed.only = Some(value("a part of a row's name")?),
                "--json" => parsed.json = Some(value("a file")?.into()),
                "--check" => parsed.check = Some(value("a file")?.into()),
                "--renew" => {
                    parsed.renew =
                        Some(value("a directory, or with --peers a Markdown file")?.into());
                }
                "--peers" => parsed.peers = true,
                "--without-instructions" => parsed.instructions = false,
                "--help" | "-h" => parsed.command = Command::Help,
                "explain" => {
                    parsed.command = Command::Explain {
                        row: value("the name of a row")?,
                    };
                }
                "run" => {
                    parsed.command = Command::Run {
                        row: value("the name of a row")?,
                        requests: number(
                            "the number of requests",
                            &value("a number of requests")?,
                        )?,
                    };
                }
                "threads" => parsed.command = Command::Threads,
                "growth" => parsed.command = Command::Growth,
                "memory" => parsed.command = Command::Memory,
                "grow" => {
                    parsed.command = Command::Grow {
                        operation: value("the name of an operation")?,
                        size: number("the size", &value("a size")?)?,
                        requests: number(
                            "the number of requests",
                            &value("a number of requests")?,
                        )?,
                    };
                }
                unknown => {
                    return Err(format!(
                        "`{unknown}` means nothing here; --help says what does"
                    ));
                }
            }
        }
        if parsed.peers && parsed.check.is_some() {
            return Err("times have no baseline: leave --check or --peers away".into());
        }
        if parsed.only.is_some() && (parsed.check.is_some() || parsed.renew.is_some()) {
            return Err("a baseline holds every row: leave --only away".into());
        }
        if parsed.renew.is_some() && !parsed.instructions {
            return Err("a baseline holds instructions: leave --without-instructions away".into());
        }
        if parsed.renew.is_some() && parsed.check.is_some() {
            return Err("compare with the baseline or renew it: --check or --renew".into());
        }
        Ok(parsed)
    }
}

fn number<N: FromStr<Err = ParseIntError>>(what: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|e| format!("{what}, `{text}`: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_arguments_everything_is_measured() {
        let arguments = parse("").unwrap();
        assert_eq!(arguments.command, Command::Report);
        assert!(arguments.instructions);
    }

    #[test]
    fn a_flag_without_its_value_or_an_unknown_one_is_named() {
        assert!(parse("--check").unwrap_err().contains("--check"));
        assert!(parse("--chekc x").unwrap_err().contains("--chekc"));
        assert!(
            parse("run ready many")
                .unwrap_err()
                .contains("number of requests")
        );
    }

    #[test]
    fn the_other_tables_have_commands() {
        assert_eq!(
            parse("threads --only slo").unwrap().command,
            Command::Threads
        );
        assert_eq!(parse("growth").unwrap().command, Command::Growth);
        assert_eq!(parse("memory").unwrap().command, Command::Memory);
        assert!(parse("grow x many 1").unwrap_err().contains("many"));
    }

    #[test]
    fn half_a_baseline_is_neither_written_nor_compared() {
        assert!(parse("--only retry --renew d").is_err());
        assert!(parse("--only retry --check f").is_err());
        assert!(parse("--without-instructions --renew d").is_err());
        assert!(parse("--check f --renew d").is_err());
        assert!(parse("--check f --json g").is_ok());
        assert!(parse("--peers --check f").is_err());
        assert!(parse("--peers --renew f").is_ok());
        assert!(parse("--check f --without-instructions").is_ok());
    }
}
