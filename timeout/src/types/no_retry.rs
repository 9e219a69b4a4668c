use std::{error::Error, fmt};

/// The last source of a rejection. Its text asks a retry layer outside of this crate's layer not to repeat the call.
///
/// A retry layer compares the text of a type without fields, so neither crate depends on the other. The file is the
/// same in each crate that rejects calls. `maestro_retry::is_rejection` documents the convention.
#[derive(Debug)]
pub(crate) struct NoRetry;

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("do not retry here")
    }
}

impl Error for NoRetry {}
