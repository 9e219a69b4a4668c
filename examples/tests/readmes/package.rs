//! The README of a crate: what a reader must find in it, and whether it is that of `Cargo.toml`.

use std::fs;

use crate::{
    document::{Block, Table},
    page::{Page, root},
    settings::Settings,
};

pub(crate) struct Package {
    /// Its folder, and its name without `maestro-`.
    pub(crate) name: &'static str,
    /// The tables of its configuration file, in the README's example and above its defaults.
    pub(crate) settings: &'static [Settings],
}

const MAX_LINES: usize = 150;

// === impl Package ===

impl Package {
    pub(crate) fn readme(&self) -> Page {
        Page::read(format!("{}/README.md", self.name))
    }

    pub(crate) fn problems(&self, readme: &Page) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |is_there: bool, what: &str| {
            if !is_there {
                problems.push(readme.problem(1, what));
            }
        };
        let document = &readme.document;
        let lines = readme.text.lines().count();
        require(
            lines <= MAX_LINES,
            &format!("{lines} lines are more than {MAX_LINES}"),
        );
        let mut code = document.blocks.iter().filter(|block| block.is("rust"));
        let is_compiled = |block: &Block| matches!(&*block.info, "rust" | "rust,no_run");
        require(
            code.clone().all(is_compiled),
            "an example that is not compiled",
        );
        require(
            code.any(|block| block.under.contains("HTTP")),
            "no example of HTTP",
        );
        let features = self.features();
        let version = format!("Rust {}", rust_version());
        require(
            readme.text.contains(&version),
            &format!("does not say `{version}`"),
        );

        let add = format!("cargo add maestro-{}", self.name);
        let lines = document.blocks.iter().flat_map(|block| block.text.lines());
        let added: Vec<_> = lines.filter_map(|line| line.split_once(&add)).collect();
        require(!added.is_empty(), &format!("no line `{add}`"));
        for (_, options) in added {
            let named = options
                .split_once("--features ")
                .map_or("", |(_, names)| names);
            for feature in named.split_terminator(',') {
                let is_known = features.iter().any(|known| known == feature);
                require(is_known, &format!("`{add}` names the feature `{feature}`"));
            }
        }

        let listed = document
            .tables
            .iter()
            .find(|table| table.rows[0][0].starts_with("feature"));
        let listed = listed.map_or(Vec::new(), names);
        require(
            listed == features,
            &format!("features {listed:?} instead of {features:?}"),
        );
        let mut tables = document.tables.iter();
        require(
            tables.any(|table| table.under.contains("Defaults")),
            "no table of defaults",
        );
        for (line, link) in &document.links {
            if !link.starts_with("https://") && !link.starts_with('#') {
                problems.push(readme.problem(*line, format!("{link}: dead on docs.rs")));
            }
        }
        problems.extend(self.settings_problems(readme));
        problems
    }

    /// The example of a file, and the tables of defaults.
    fn settings_problems(&self, readme: &Page) -> Vec<String> {
        let document = &readme.document;
        let files = document.blocks.iter().filter(|block| block.is("toml"));
        let mut files = files.map(|block| (block.line, block.text.parse::<toml::Table>()));
        let file = match files.next() {
            None => return vec![readme.problem(1, "no example of a configuration file")],
            Some((line, Err(error))) => return vec![readme.problem(line, error)],
            Some((_, Ok(file))) => file,
        };
        let mut problems = Vec::new();
        for name in file
            .keys()
            .filter(|name| self.settings.iter().all(|known| known.name != *name))
        {
            problems.push(readme.problem(1, format!("`[{name}]` is read by nothing")));
        }
        for settings in self.settings {
            let name = format!("`[{}]`", settings.name);
            let table = document
                .tables
                .iter()
                .find(|table| table.rows[0][0] == name);
            let Some(table) = table else {
                problems.push(readme.problem(1, format!("no table of the defaults of {name}")));
                continue;
            };
            let found = settings.problems(&table.rows[1..], file.get(settings.name));
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| readme.problem(table.line, problem)),
            );
        }
        problems
    }

    fn features(&self) -> Vec<String> {
        let manifest = manifest(&format!("{}/Cargo.toml", self.name));
        let features = manifest["features"].as_table().expect("it has features");
        features
            .keys()
            .filter(|name| *name != "default")
            .cloned()
            .collect()
    }
}

/// The first cells of a table without backticks, sorted.
fn names(table: &Table) -> Vec<String> {
    let mut names: Vec<_> = table.rows[1..]
        .iter()
        .map(|row| row[0].replace('`', ""))
        .collect();
    names.sort();
    names
}

fn rust_version() -> String {
    let version = &manifest("Cargo.toml")["workspace"]["package"]["rust-version"];
    version.as_str().expect("a text").to_owned()
}

fn manifest(path: &str) -> toml::Table {
    let text = fs::read_to_string(root().join(path)).expect("the manifest can be read");
    text.parse().expect("cargo reads it")
}
