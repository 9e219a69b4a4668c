//! The table of the guide.

use std::fmt::{self, Write};

use crate::{mistakes, run, stack::Kind};

pub(crate) fn table() -> String {
    let mut text = String::new();
    write_table(&mut text).expect("a String takes any text");
    text
}

fn write_table(text: &mut String) -> fmt::Result {
    writeln!(
        text,
        "| mistake | the backend | of 3,000 calls in 30 s | default order | with the mistake |"
    )?;
    writeln!(text, "|---|---|---|--:|--:|")?;
    for mistake in mistakes::mistakes() {
        let (backend, behaviour) = mistake.backend;
        let (figure, read) = mistake.figure;
        let read = |order: &[Kind]| read(&run::run(order, behaviour, mistake.places));
        let (right, wrong) = (read(&mistake.right), read(&mistake.wrong));
        writeln!(
            text,
            "| {} | {backend} | {figure} | {right} | {wrong} |",
            mistake.what
        )?;
    }
    Ok(())
}
