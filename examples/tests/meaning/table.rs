//! The published table of what a response means, `meaning.md`, which four crates have a copy of.

use std::{fs, path::Path};

/// What a row says of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) breaker: Breaker,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) retry: Retry,
    pub(crate) objective: Objective,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    Success,
    Failure,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulkhead {
    Success,
    Overload,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    NoFailed,
    NoIgnored,
    Yes,
    YesThrottled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    Good,
    Bad,
    Excluded,
}

pub(crate) struct Table {
    rows: Vec<Line>,
}

struct Line {
    statuses: Vec<String>,
    codes: Vec<String>,
    row: Row,
}

// === impl Table ===

impl Table {
    /// The crates that have a copy.
    pub(crate) const CRATES: [&'static str; 4] =
        ["circuit-breaker", "bulkhead", "retry", "slo-budget"];

    /// The text of a crate's copy.
    pub(crate) fn text(of: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let file = root.join(of).join("src/meaning.md");
        fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    pub(crate) fn read() -> Self {
        let text = Self::text(Self::CRATES[0]);
        let lines = text.lines().filter(|line| line.starts_with('|'));
        let rows = lines.skip(2).map(Line::parse).collect();
        Self { rows }
    }

    /// The row of an HTTP status.
    pub(crate) fn status(&self, status: u16) -> Row {
        let others = if status >= 500 {
            "other 5xx"
        } else {
            "all not below"
        };
        self.row(|line| &line.statuses, &status.to_string(), others)
    }

    /// The row of a gRPC code.
    pub(crate) fn code(&self, code: u16) -> Row {
        self.row(|line| &line.codes, &code.to_string(), "other")
    }

    /// The row of an error of the service, and of a body that fails.
    pub(crate) fn error(&self) -> Row {
        self.row(|line| &line.statuses, "error", "error")
    }

    /// The row of a rejection by another layer.
    pub(crate) fn rejection(&self) -> Row {
        self.row(|line| &line.statuses, "rejection", "rejection")
    }

    fn row(&self, column: fn(&Line) -> &[String], name: &str, others: &str) -> Row {
        let with = |name: &str| {
            let is_named = |line: &&Line| column(line).iter().any(|cell| cell == name);
            let mut rows = self.rows.iter().filter(is_named);
            let row = rows.next()?.row;
            assert!(rows.next().is_none(), "two rows for {name}");
            Some(row)
        };
        let row = with(name).or_else(|| with(others));
        row.unwrap_or_else(|| panic!("no row for {name}"))
    }
}

impl Line {
    /// `| statuses | codes | breaker | bulkhead | retry | objective |`
    fn parse(line: &str) -> Self {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let &[statuses, codes, breaker, bulkhead, retry, objective] = cells.as_slice() else {
            panic!("not six cells: {line}");
        };
        let names = |cell: &str| cell.split(", ").map(str::to_owned).collect();
        Self {
            statuses: names(statuses),
            codes: names(codes),
            row: Row {
                breaker: match breaker {
                    "success" => Breaker::Success,
                    "failure" => Breaker::Failure,
                    "ignored" => Breaker::Ignored,
                    _ => panic!("not of the breaker: {breaker}"),
                },
                bulkhead: match bulkhead {
                    "success" => Bulkhead::Success,
                    "overload" => Bulkhead::Overload,
                    "ignored" => Bulkhead::Ignored,
                    _ => panic!("not of the bulkhead: {bulkhead}"),
                },
                retry: match retry {
                    "no" => Retry::No,
                    "no, failed" => Retry::NoFailed,
                    "no, ignored" => Retry::NoIgnored,
                    "yes" => Retry::Yes,
                    "yes, throttled" => Retry::YesThrottled,
                    _ => panic!("not of retry: {retry}"),
                },
                objective: match objective {
                    "good" => Objective::Good,
                    "bad" => Objective::Bad,
                    "excluded" => Objective::Excluded,
                    _ => panic!("not of the objective: {objective}"),
                },
            },
        }
    }
}

impl Retry {
    pub(crate) const fn is_yes(self) -> bool {
        matches!(self, Self::Yes | Self::YesThrottled)
    }
}
