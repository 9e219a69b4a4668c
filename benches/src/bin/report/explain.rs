//! Where the instructions of one row go.

use std::{collections::BTreeMap, fmt::Write};

use crate::callgrind;

/// The number of requests: large enough that the rest of the process does not matter.
const REQUESTS: u64 = 200_000;

/// Functions with fewer instructions per request are left out.
const LEAST: f64 = 0.5;

/// One line of `callgrind_annotate`.
#[derive(Debug, PartialEq)]
struct Place<'a> {
    instructions: u64,
    bus_locked: u64,
    file: &'a str,
    function: &'a str,
}

/// Two tables: by function as compiled, inlined code included, and by source file.
pub(crate) fn explain(row: &str) -> Result<String, String> {
    let alone = callgrind::annotate(row, REQUESTS, false)?;
    let with_callees = callgrind::annotate(row, REQUESTS, true)?;
    let mut functions: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut files: BTreeMap<String, Sums> = BTreeMap::new();
    for place in alone.lines().filter_map(Place::parse) {
        functions.entry(place.function).or_default().add(&place);
        files.entry(origin(place.file)).or_default().add(&place);
    }
    for place in with_callees.lines().filter_map(Place::parse) {
        let function = functions.entry(place.function).or_default();
        function.with_callees = function.with_callees.max(place.instructions);
    }
    let mut text = format!("One request of `{row}`, the floor included.\n\n");
    text += "| function, with what is inlined into it | instructions | and what it calls | bus-locked |\n|---|--:|--:|--:|\n";
    for (name, sums) in sorted(functions) {
        let callees = each(sums.with_callees);
        writeln!(
            text,
            "| {name} | {:.1} | {callees:.1} | {:.1} |",
            each(sums.alone),
            each(sums.bus_locked)
        )
        .expect("writing to a string cannot fail");
    }
    text += "\n| file | instructions | bus-locked |\n|---|--:|--:|\n";
    for (name, sums) in sorted(files) {
        writeln!(
            text,
            "| {name} | {:.1} | {:.1} |",
            each(sums.alone),
            each(sums.bus_locked)
        )
        .expect("writing to a string cannot fail");
    }
    Ok(text)
}

#[derive(Default)]
struct Sums {
    alone: u64,
    with_callees: u64,
    bus_locked: u64,
}

impl Sums {
    fn add(&mut self, place: &Place<'_>) {
        self.alone += place.instructions;
        self.bus_locked += place.bus_locked;
    }
}

/// The most expensive first; small ones are left out.
fn sorted<K>(sums: BTreeMap<K, Sums>) -> Vec<(K, Sums)> {
    let mut sums: Vec<_> = sums
        .into_iter()
        .filter(|(_, sums)| each(sums.alone) >= LEAST)
        .collect();
    sums.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.alone));
    sums
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
fn each(count: u64) -> f64 {
    count as f64 / REQUESTS as f64
}

/// The crate of a file. The standard library is one crate, because its code is spread over every function.
fn origin(file: &str) -> String {
    if file.starts_with("/rustc/") {
        return "the standard library".to_owned();
    }
    if let Some((_, inside)) = file.split_once("/registry/src/") {
        return inside
            .split_once('/')
            .map_or(inside, |(_, path)| path)
            .to_owned();
    }
    let workspace = env!("CARGO_MANIFEST_DIR").trim_end_matches("benches");
    file.strip_prefix(workspace).unwrap_or(file).to_owned()
}

impl<'a> Place<'a> {
    /// Parses ` 3,600,018 ( 2.45%) 800,004 (33.33%)  src/file.rs:function [object]`; a dot means no count.
    fn parse(line: &'a str) -> Option<Self> {
        let (instructions, rest) = count(line)?;
        let (bus_locked, rest) = count(rest)?;
        let (file, function) = rest.trim_start().split_once(':')?;
        let function = function.split(" [/").next().unwrap_or(function);
        Some(Self {
            instructions,
            bus_locked,
            file,
            function,
        })
    }
}

fn count(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('.') {
        return Some((0, rest));
    }
    let (number, rest) = text.split_once(" (")?;
    Some((
        number.replace(',', "").parse().ok()?,
        rest.split_once(')')?.1,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_callgrind_annotate_is_parsed() {
        let line = " 3,600,018 ( 2.45%) 800,004 (33.33%)  /rustc/59/library/core/atomic.rs:<A<T>>::take [/bin/report]";
        let place = Place::parse(line).unwrap();
        assert_eq!((place.instructions, place.bus_locked), (3_600_018, 800_004));
        assert_eq!(
            (place.file, place.function),
            ("/rustc/59/library/core/atomic.rs", "<A<T>>::take")
        );
        assert_eq!(
            Place::parse("7,600 ( 5.16%)       .   src/race.rs:wait")
                .unwrap()
                .bus_locked,
            0
        );
        assert_eq!(
            Place::parse("Ir                 Ge                file:function"),
            None
        );
    }

    #[test]
    fn files_are_named_by_their_crate() {
        assert_eq!(
            origin("/root/.cargo/registry/src/index-19/tokio-1.2.3/src/time/sleep.rs"),
            "tokio-1.2.3/src/time/sleep.rs"
        );
        assert_eq!(
            origin("/rustc/59/library/core/src/pin.rs"),
            "the standard library"
        );
        assert_eq!(origin("timeout/src/race.rs"), "timeout/src/race.rs");
    }
}
