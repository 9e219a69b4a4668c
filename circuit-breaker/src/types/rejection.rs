//! Errors that are rejections by a layer, and say nothing about the service behind it.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

/// The text of the last source of a rejection.
const NO_RETRY: &str = "do not retry here";

/// No chain of sources is this long, unless it is a circle.
const LONGEST_CHAIN: usize = 64;

/// Whether `error` is, or was caused by, a rejection: the last error of its chain of sources is of a type without fields,
/// and has the text `do not retry here`.
///
/// The rejections of the sibling crates follow this convention, so that no crate depends on another: `Open`, `Full`,
/// `Spent`, and `Elapsed` if the deadline of the whole call has passed (but not if only the attempt took too long). A type
/// without fields has no text from a peer, which could otherwise pass off its failures as rejections.
///
/// Follows up to 64 sources and allocates nothing.
pub(crate) fn is_rejection(error: &(dyn Error + 'static)) -> bool {
    let mut last = error;
    for _ in 0..LONGEST_CHAIN {
        match last.source() {
            Some(source) => last = source,
            None => return size_of_val(last) == 0 && has_text(last, NO_RETRY),
        }
    }
    false
}

/// Whether `value` is displayed as `text`.
fn has_text(value: &dyn Error, text: &str) -> bool {
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

/// The part of a text that has not been written yet.
struct Rest<'a>(&'a str);

impl fmt::Write for Rest<'_> {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(fmt::Error)?;
        Ok(())
    }
}
