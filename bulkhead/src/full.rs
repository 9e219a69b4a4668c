use std::{error::Error, fmt, io};

/// A call was refused because as many as the limit allows were in flight.
///
/// Made and cloned without allocation and without a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    name: &'static str,
    limit: usize,
    in_flight: usize,
}

impl Full {
    pub(crate) const fn new(name: &'static str, limit: usize, in_flight: usize) -> Self {
        Self {
            name,
            limit,
            in_flight,
        }
    }

    /// The name of the bulkhead.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How many calls it lets in at once.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How many were in flight when this call was refused.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Finds a `Full` in an error or in what it says is its source, however deep.
    ///
    /// It sees through boxes, `anyhow`, `io::Error::other(full)` and enums with `#[from] Full`; not
    /// through `#[error(transparent)]`, which forwards past the value: match that variant yourself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_bulkhead::{Bulkhead, Full};
    /// # let pool = Bulkhead::builder().limit(1).build("db")?;
    /// # let _held = pool.try_acquire()?;
    /// # let full = pool.try_acquire().unwrap_err();
    /// let error: Box<dyn std::error::Error + Send + Sync> = std::io::Error::other(full).into();
    /// assert!(Full::find(error.as_ref()).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = match error.downcast_ref::<io::Error>() {
                // `io::Error::source` steps past the value it wraps.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            limit,
            in_flight,
        } = self;
        write!(
            f,
            "bulkhead `{name}` is full: {in_flight} calls in flight of at most {limit}"
        )
    }
}

impl Error for Full {}
