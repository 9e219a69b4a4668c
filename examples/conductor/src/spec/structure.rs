use super::InvalidRun;

/// The largest number of values in a body. A value takes two bytes of text and up to 700 bytes of memory while the body is
/// parsed, so this bounds the memory and the time that a body of [`MAX_BODY`](super::MAX_BODY) takes.
pub(super) const MAX_VALUES: usize = 2_000;
/// The deepest nesting of a body: far more than a plan has, and little enough for every parser downstream.
pub(super) const MAX_DEPTH: usize = 32;

/// Checks the number of values and the depth of a JSON text, before anything is built from it. In a text that is not
/// JSON the numbers mean nothing, but they bound what a parser builds until it notices. An empty list or object counts
/// as two values.
pub(super) fn structure(text: &[u8]) -> Result<(), InvalidRun> {
    let (mut values, mut depth) = (1_usize, 0_usize);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                values += 1;
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if values > MAX_VALUES {
            let reason = format!("may hold at most {MAX_VALUES} values");
            return Err(InvalidRun::new("body", reason));
        }
        if depth > MAX_DEPTH {
            let reason = format!("may be nested at most {MAX_DEPTH} deep");
            return Err(InvalidRun::new("body", reason));
        }
    }
    Ok(())
}
