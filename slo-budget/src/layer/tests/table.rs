//! `meaning.md`, read.

use std::collections::HashMap;

use crate::types::Event;

const TABLE: &str = include_str!("../../meaning.md");
const OBJECTIVE: usize = 4;

/// The events of the statuses or the codes.
pub(super) struct Column {
    named: HashMap<u32, Event>,
    /// Of the rows that name no number, in their order.
    others: Vec<Event>,
}

impl Column {
    fn read(column: usize) -> Self {
        let (mut named, mut others) = (HashMap::new(), Vec::new());
        for row in TABLE.lines().filter_map(|line| line.strip_prefix("| ")) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let event = match *cells.get(1 + OBJECTIVE).expect("six columns") {
                "good" => Event::Good,
                "bad" => Event::Bad,
                "excluded" => Event::Excluded,
                "objective" => continue,
                other => panic!("{other} is no event"),
            };
            for number in cells[column].split(", ") {
                match number.parse() {
                    Ok(number) => assert_eq!(named.insert(number, event), None, "{number}"),
                    Err(_) if number.starts_with("all") || number.starts_with("other") => {
                        others.push(event);
                    }
                    Err(_) => assert!(["", "error", "rejection"].contains(&number), "{number}"),
                }
            }
        }
        Self { named, others }
    }

    /// The event of a number, or of the row `other` that holds it.
    fn event(&self, number: u32, other: usize) -> Event {
        let event = self.named.get(&number).or_else(|| self.others.get(other));
        *event.expect("a row of the table")
    }
}

pub(super) fn statuses() -> impl Fn(u16) -> Event {
    let column = Column::read(0);
    move |status| column.event(status.into(), usize::from(status >= 500))
}

pub(super) fn codes() -> impl Fn(u32) -> Event {
    let column = Column::read(1);
    move |code| column.event(code, 0)
}
