/// At most `MOST` values, in order.
pub(crate) type Few<T, const MOST: usize = 4> = [Option<T>; MOST];

/// Collects values in a `const`; `None` if there are more than `MOST`.
pub(crate) const fn few<T: Copy, const N: usize, const MOST: usize>(
    values: [T; N],
) -> Option<Few<T, MOST>> {
    if N > MOST {
        return None;
    }
    let mut few = [None; MOST];
    let mut n = 0;
    while n < N {
        few[n] = Some(values[n]);
        n += 1;
    }
    Some(few)
}
