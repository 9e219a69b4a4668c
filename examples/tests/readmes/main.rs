//! The documents that GitHub, crates.io and docs.rs show: links lead somewhere, code can be copied as it stands, and the
//! tables of a README are those of its crate. The examples of the READMEs are doc-tests of this package.

mod document;
mod links;
mod package;
mod page;
mod settings;
mod wrong;

use std::{fs, path::Path};

use package::Package;
use page::{Page, root};
use settings::Settings;

const PACKAGES: [Package; 5] = [
    Package {
        name: "circuit-breaker",
        settings: &[Settings::of::<maestro_circuit_breaker::Builder>(
            "breaker", "",
        )],
    },
    Package {
        name: "retry",
        settings: &[
            Settings::of::<maestro_retry::Builder>("retry", ""),
            Settings::of::<maestro_retry::BudgetBuilder>("budget", ""),
        ],
    },
    Package {
        name: "bulkhead",
        settings: &[
            Settings::of::<maestro_bulkhead::Builder>("bulkhead", ""),
            Settings::of::<maestro_bulkhead::Queue>("queue", ""),
        ],
    },
    Package {
        name: "timeout",
        settings: &[
            Settings::of::<maestro_timeout::Builder>("timeout", "limit = '1s'"),
            Settings::of::<maestro_timeout::BodyTimeoutBuilder>("body", ""),
            Settings::of::<maestro_timeout::DeadlineFilterBuilder>("filter", ""),
        ],
    },
    Package {
        name: "slo-budget",
        settings: &[
            Settings::of::<maestro_slo_budget::Builder>("budget", ""),
            Settings::of::<maestro_slo_budget::GateBuilder>("gate", ""),
            Settings::of::<maestro_slo_budget::AlertsBuilder>("alerts", ""),
        ],
    },
];

/// The Markdown files at the top of the repository and of its packages. Those in `src` are part of rustdoc's pages.
fn pages() -> Vec<Page> {
    let folders = ["", "benches", "examples/conductor"].into_iter();
    let folders = folders
        .chain(PACKAGES.iter().map(|package| package.name))
        .map(Path::new);
    let files = folders.flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
        entries.map(move |entry| folder.join(entry.expect("an entry").file_name()))
    });
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "md"))
        .map(Page::read)
        .collect()
}

#[test]
fn documents_link_to_what_exists_and_hide_no_code() {
    let pages = pages();
    assert!(pages.len() >= 16, "documents are missing");
    let problems: Vec<_> = pages.iter().flat_map(Page::problems).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn readmes_of_crates_agree_with_their_crates() {
    let problems = PACKAGES
        .iter()
        .flat_map(|package| package.problems(&package.readme()));
    let problems: Vec<_> = problems.collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
