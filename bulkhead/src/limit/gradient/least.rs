//! The least of what was seen in the last while.

/// The mean latency of some calls, and when the last of them ended. In microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) at: u64,
    pub(super) latency: f64,
}

/// Enough for the ten regular parts of a memory and the measurements between them.
pub(super) const ROOM: usize = 16;

/// The buckets that are, or may become, the least of those not yet forgotten: both their times and their latencies ascend.
// A bucket below a former one makes that one useless, as it is also forgotten later. So few are kept, in the law itself: a
// window allocates nothing. The property `the_least_is_that_of_a_naive_list` compares it with a list of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Least {
    buckets: [Bucket; ROOM],
    len: usize,
}

impl Least {
    pub(super) const NONE: Self = Self {
        buckets: [Bucket {
            at: 0,
            latency: 0.0,
        }; ROOM],
        len: 0,
    };

    pub(super) const fn lowest(&self) -> Option<Bucket> {
        match self.len {
            0 => None,
            _ => Some(self.buckets[0]),
        }
    }

    /// The least of those after the lowest.
    pub(super) const fn lowest_since(&self) -> Option<Bucket> {
        match self.len {
            0 | 1 => None,
            _ => Some(self.buckets[1]),
        }
    }

    pub(super) fn push(&mut self, new: Bucket) {
        while self.len > 0 && self.buckets[self.len - 1].latency >= new.latency {
            self.len -= 1;
        }
        if self.len == ROOM {
            // The last one takes its place: it stays for a part of the memory longer.
            self.buckets[ROOM - 1].at = new.at;
        } else {
            self.buckets[self.len] = new;
            self.len += 1;
        }
    }

    /// Forgets the buckets that are older than `age`. The newest one stays: without it nothing would be known.
    pub(super) fn forget(&mut self, now: u64, age: u64) {
        let kept = &self.buckets[..self.len.saturating_sub(1)];
        let old = kept.iter().take_while(|b| now.saturating_sub(b.at) > age);
        let old = old.count();
        self.buckets.copy_within(old..self.len, 0);
        self.len -= old;
    }
}
