/// One to eight of something, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Listed<T> {
    items: [T; MOST],
    len: usize,
}

/// More odds ratios or steps than anybody has use for.
pub(crate) const MOST: usize = 8;

impl<T: Copy> Listed<T> {
    /// `None` where there is none or more than eight.
    pub(crate) const fn new<const N: usize>(items: [T; N]) -> Option<Self> {
        if N == 0 || N > MOST {
            return None;
        }
        let mut kept = [items[0]; MOST];
        let mut n = 0;
        while n < N {
            kept[n] = items[n];
            n += 1;
        }
        Some(Self {
            items: kept,
            len: N,
        })
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.items[..self.len]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + Clone {
        self.as_slice().iter().copied()
    }
}
