//! Checks that the tests named in COMPARE.md exist.

use std::{collections::BTreeSet, fs, path::Path};

/// Collects the names of all functions in the Rust files under `folder`, tests and others.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry of it too").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                functions(&path, names);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            names.extend(text.lines().filter_map(function));
        }
    }
}

/// The name of the function that begins in a line.
fn function(line: &str) -> Option<String> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let (name, _) = rest.strip_prefix("fn ")?.split_once('(')?;
    Some(name.to_owned())
}

#[test]
fn every_test_that_compare_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("COMPARE.md")).expect("COMPARE.md is there");
    // The tables of the sections from there on are written by commands and name no tests.
    let (text, other) = text
        .split_once("\n## What the same work costs in other crates\n")
        .expect("the section is there");
    let mut names = BTreeSet::new();
    for folder in [
        "circuit-breaker",
        "retry",
        "bulkhead",
        "timeout",
        "slo-budget",
        "examples",
        ".ci",
    ] {
        functions(&root.join(folder), &mut names);
    }

    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows
        .filter(|line| !line.starts_with("| what goes wrong"))
        .collect();
    assert!(rows.len() > 50, "the tables are read: {} rows", rows.len());
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit('|').next();
        let mut cited = tests.unwrap_or_default().split('`').skip(1).step_by(2);
        let first = cited.next();
        assert!(first.is_some(), "no test is named in: {row}");
        for test in first.into_iter().chain(cited) {
            assert!(names.contains(test), "no test `{test}`, named in: {row}");
        }
    }

    // Between those tables a text names the tests of what is dearer here.
    let (_, text) = other
        .split_once("\n### Where another crate is ahead, and why\n")
        .expect("the section is there");
    let (text, _) = text.split_once("\n## ").expect("another section follows");
    let cited = text.split('`').skip(1).step_by(2);
    let tests: Vec<_> = cited.filter(|name| name.matches('_').count() > 2).collect();
    assert!(!tests.is_empty(), "the text is read");
    for test in tests {
        assert!(names.contains(test), "no test `{test}`");
    }
}
