//! Documents with one fault each, which the rules must find.

use maestro_timeout::{Builder, DeadlineFilterBuilder};

use crate::{PACKAGES, document::Document, page::Page, settings::Settings};

/// The problems of a document at the root of the repository, without its name.
fn problems(text: &str) -> Vec<String> {
    let problems = Page::new("README.md", text).problems().into_iter();
    let problem = |problem: String| problem.trim_start_matches("README.md:").to_owned();
    problems.map(problem).collect()
}

#[test]
fn a_reference_without_a_destination_is_found() {
    for link in ["[`Name`]", "[name]", "[a name][missing]"] {
        let text = format!("# Title\n\nIt is {link}.\n");
        assert_eq!(problems(&text), [format!("3: `{link}` links to nothing")]);
    }
    assert_eq!(problems("[`Name`]\n\n[`Name`]: https://docs.rs\n"), [""; 0]);
    assert_eq!(problems("`[breaker]` and \\[sic\\]"), [""; 0]);
}

#[test]
fn a_link_to_no_file_is_found() {
    let missing = "there is no such file or folder";
    let repository = "https://github.com/maestro-resilience/maestro";
    for (link, problem) in [
        ("missing.md", missing),
        ("./retry/src/missing.rs", missing),
        ("crate::Builder", missing),
        ("../elsewhere", "leads out of the repository"),
        ("#missing", "there is no heading `#missing`"),
        ("DESIGN.md#missing", "there is no heading `#missing`"),
        ("retry#missing", "there is no heading `#missing`"),
        (
            "retry/src/lib.rs#L1",
            "only headings are anchors, as lines of code move",
        ),
        (&format!("{repository}/blob/main/missing.md"), missing),
        (
            &format!("{repository}/raw/README.md"),
            "neither blob/main nor tree/main",
        ),
    ] {
        let text = format!("[text]({link})");
        assert_eq!(problems(&text), [format!("1: {link}: {problem}")]);
    }
    for link in [
        "DESIGN.md#using-the-crates",
        "./retry#features",
        "benches/src/rows",
        "#here",
    ] {
        assert_eq!(problems(&format!("# Here\n\n[text]({link})")), [""; 0]);
    }
}

#[test]
fn a_link_to_no_item_is_found() {
    let docs = "https://docs.rs/maestro-retry/latest/maestro_retry";
    for link in [
        "https://docs.rs/maestro-missing".to_owned(),
        "https://docs.rs/maestro-retry/latest/maestro_timeout/index.html".to_owned(),
        format!("{docs}/struct.Missing.html"),
        format!("{docs}/struct.RetryB.html"),
        format!("{docs}/enum.RetryBudget.html"),
        format!("{docs}/struct.RetryBudget.html#method.missing"),
        format!("{docs}/guide/index.html#missing"),
        format!("{docs}/missing/index.html"),
        format!("{docs}/RetryBudget"),
    ] {
        assert_eq!(problems(&format!("[text]({link})")).len(), 1, "{link}");
    }
    for link in [
        "https://docs.rs/maestro-retry".to_owned(),
        format!("{docs}/index.html"),
        format!("{docs}/struct.RetryBudget.html#method.builder"),
        format!("{docs}/enum.Verdict.html#variant.Retry"),
        format!("{docs}/guide/index.html#budgets"),
        format!("{docs}/guide/meaning/index.html"),
    ] {
        assert_eq!(problems(&format!("[text]({link})")), [""; 0]);
    }
}

#[test]
fn code_that_cannot_be_copied_is_found() {
    let hidden = ["1: a line that only rustdoc hides"];
    assert_eq!(
        problems("```rust\n# use std::fmt;\nfn f() {}\n```\n"),
        hidden
    );
    assert_eq!(
        problems("```rust,no_run\nfn f() {\n    #\n}\n```\n"),
        hidden
    );
    assert_eq!(
        problems("```\nlet x = 1;\n```\n"),
        ["1: a block of code without a language"]
    );
    assert_eq!(
        problems("```rust\n#[derive(Debug)]\nstruct S;\n```\n"),
        [""; 0]
    );
    assert_eq!(problems("```sh\n# a comment\n```\n"), [""; 0]);
}

#[test]
fn anchors_are_those_of_github() {
    let headings = "# What it is *not*\n## `Full` & co.\n## More\n## More\n## [a_b](x): 2-3\n";
    let expected = ["what-it-is-not", "full--co", "more", "more-1", "a_b-2-3"];
    assert_eq!(Document::new(headings).anchors, expected);
}

#[test]
fn a_readme_without_its_parts_is_found() {
    let timeout = PACKAGES.iter().find(|package| package.name == "timeout");
    let timeout = timeout.expect("it is one of the five");
    let text = timeout.readme().text;
    let problems = |text: &str| {
        timeout
            .problems(&Page::new("timeout/README.md", text))
            .len()
    };
    assert_eq!(problems(&text), 0);
    for (part, other) in [
        ("cargo add maestro-timeout", "cargo add timeout"),
        ("--features http", "--features htttp"),
        ("Rust 1.85", "Rust 1.86"),
        ("## HTTP", "## Servers"),
        ("## Defaults and", "## The"),
        ("| `metrics` |", "| `metric` |"),
        (
            "| `tracing` | an event",
            "| `tracing` | an event |\n| `more` | an event",
        ),
        ("```toml", "```text"),
        ("[filter]\n", "[filters]\n"),
        ("[filter]\n", "[more]\n\n[filter]\n"),
        ("```rust", "```rust,ignore"),
        ("\"1m 30s\"", "\"soon\""),
        ("limit = \"", "limits = \""),
        ("| `[body]` |", "| body |"),
        ("| `0.2` |", "| `0.25` |"),
        ("| `period` |", "| `periods` |"),
        ("(https://docs.rs/tower)", "(tower)"),
        ("## Features", &"more\n\n## Features".repeat(9)),
    ] {
        assert!(text.contains(part), "{part}");
        assert_ne!(problems(&text.replace(part, other)), 0, "{part}");
    }
}

#[test]
fn a_wrong_default_is_found() {
    let filter = Settings::of::<DeadlineFilterBuilder>("filter", "");
    let timeout = Settings::of::<Builder>("timeout", "limit = '1s'");
    let row = |field: &str, default: &str| vec![format!("`{field}`"), default.to_owned()];
    let filters = |third| {
        let rows = [row("max_share", "`0.2`"), row("period", "`\"10s\"`"), third];
        filter
            .problems(&rows, Some(&toml::Table::new().into()))
            .len()
    };
    assert_eq!(filters(row("dark", "`false`")), 0);
    for default in ["`true`", "`0`", "`fals`", "none", "required", ""] {
        assert_ne!(filters(row("dark", default)), 0, "{default}");
    }
    assert_ne!(
        filters(row("period", "`\"10s\"`")),
        0,
        "there is no row for `dark`"
    );
    let timeouts = |limit| {
        let rows = [row("limit", limit), row("count_readiness", "`false`")];
        timeout
            .problems(&rows, Some(&toml::toml! { limit = "2s" }.into()))
            .len()
    };
    assert_eq!(timeouts("required"), 0);
    assert_ne!(timeouts("`\"unlimited\"`"), 0);
    assert_ne!(timeouts("none"), 0);
}
