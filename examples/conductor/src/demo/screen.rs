//! The demo's output: a bar with live figures on a terminal, plain lines otherwise.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::wrap::wrap;

/// The interval of status lines in plain output.
const PLAIN: Duration = Duration::from_secs(2);
/// The columns of the elapsed time in front of a line.
const TIME: usize = 10;

#[derive(Debug)]
pub(super) struct Screen {
    begun: Instant,
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

impl Screen {
    pub(super) fn new(whole: Duration) -> Self {
        let begun = Instant::now();
        let bar = io::stdout().is_terminal().then(|| bar(whole));
        Self {
            begun,
            bar,
            last: Mutex::new(begun),
        }
    }

    /// Prints a line.
    pub(super) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // A closed pipe is no error: the promises are checked without output as well.
            None => drop(writeln!(io::stdout(), "{line}")),
        }
    }

    /// Prints a line with the elapsed time.
    pub(super) fn event(&self, line: &str) {
        let elapsed = self.begun.elapsed().as_secs_f32();
        self.say(&wrap(&format!("{elapsed:>6.1} s  {line}"), TIME));
    }

    /// Shows the current figures, one or more lines. On a terminal the next call replaces them.
    pub(super) fn status(&self, lines: &str) {
        if let Some(bar) = &self.bar {
            let millis = self.begun.elapsed().as_millis();
            bar.set_position(u64::try_from(millis).unwrap_or(u64::MAX));
            bar.set_message(lines.to_owned());
            return;
        }
        let mut last = self.last.lock();
        if last.elapsed() >= PLAIN {
            *last = Instant::now();
            let elapsed = self.begun.elapsed().as_secs_f32();
            let lines = lines.replace('\n', &format!("\n{:TIME$}", ""));
            self.say(&format!("{elapsed:>6.1} s  {lines}"));
        }
    }

    /// Removes the live figures.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(whole: Duration) -> ProgressBar {
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(millis), ProgressDrawTarget::stdout());
    let style = ProgressStyle::with_template("{elapsed:>4} [{bar:60}]\n{msg}");
    bar.with_style(style.expect("the template is valid").progress_chars("=> "))
}
