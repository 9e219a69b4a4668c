use std::fmt;

use tower::Service;

use crate::{
    Measured, Request,
    drive::{Clones, Driven, Repeats, Requests},
    timed::Timed,
};

/// A row: its name, how it is created, and its floor and target.
pub struct Row {
    /// The name, which also selects the row on the command line.
    pub name: &'static str,
    /// The subject whose code it measures.
    pub subject: Subject,
    /// What kind of row it is.
    pub kind: Kind,
    /// The name of the floor, which the net figures subtract. Floors have none.
    pub floor: Option<&'static str>,
    /// The most that a request should cost.
    pub target: Option<Target>,
    /// The sizes of its service and future. An object has none.
    pub sizes: Option<Sizes>,
    /// The number of requests in 1,600 that end with an error.
    pub bad_in_1600: u64,
    timed: bool,
    make: Box<Make>,
}

/// Creates the service or the object once, and a driver of it for each thread.
type Make = dyn Fn(usize) -> Vec<Box<dyn Measured>>;

/// The subject whose code a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The five crates of this workspace.
    Ours,
    /// Another crate that does the same.
    #[cfg(feature = "peers")]
    Peer(crate::peers::Peer),
}

/// What kind of row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The same request without the measured layer. Rows that name it subtract it.
    Floor,
    /// A primitive, for comparison.
    Unit,
    /// A layer, a stack or an object.
    Row,
}

/// The goal of a row: the most that a request should cost, net of its floor. No row may allocate, so allocations have no
/// target.
///
/// A goal is what a prototype of the layer reached, or the sum of measured parts. A missed goal fails no test.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two numbers, for this package's own report"
)]
pub struct Target {
    /// Instructions.
    pub instructions: f64,
    /// Bus-locked instructions.
    pub bus_locked: f64,
}

/// The sizes of a service and of one call in bytes, the inner service included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two numbers, for this package's own report"
)]
pub struct Sizes {
    /// The service.
    pub service: usize,
    /// The future of one call.
    pub future: usize,
}

// === impl Subject ===

impl Subject {
    /// The name of its column.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            #[cfg(feature = "peers")]
            Self::Peer(peer) => peer.name(),
        }
    }
}

// === impl Row ===

impl Row {
    /// A row of a service, which each call of `make` creates anew.
    pub(crate) fn service<S>(
        name: &'static str,
        floor: &'static str,
        make: impl Fn() -> S + 'static,
    ) -> Self
    where
        S: Driven,
    {
        Self {
            sizes: Some(Sizes::of::<S>()),
            ..Self::new(name, floor, move |threads| {
                drivers(threads, make(), Requests)
            })
        }
    }

    /// A row of a service that is cloned for each request.
    pub(crate) fn cloned<S>(
        name: &'static str,
        floor: &'static str,
        make: impl Fn() -> S + 'static,
    ) -> Self
    where
        S: Driven,
    {
        Self {
            sizes: Some(Sizes::of::<S>()),
            ..Self::new(name, floor, move |threads| drivers(threads, make(), Clones))
        }
    }

    /// A row of an object that is used without tower.
    pub(crate) fn object<F, R, E>(
        name: &'static str,
        floor: &'static str,
        make: impl Fn() -> F + 'static,
    ) -> Self
    where
        F: FnMut(Request) -> Result<R, E> + Clone + Send + 'static,
    {
        Self::new(name, floor, move |threads| {
            drivers(threads, make(), Repeats)
        })
    }

    fn new(
        name: &'static str,
        floor: &'static str,
        make: impl Fn(usize) -> Vec<Box<dyn Measured>> + 'static,
    ) -> Self {
        Self {
            name,
            subject: Subject::Ours,
            kind: Kind::Row,
            floor: Some(floor),
            target: None,
            sizes: None,
            bad_in_1600: 0,
            timed: false,
            make: Box::new(make),
        }
    }

    pub(crate) fn kind(self, kind: Kind) -> Self {
        let floor = match kind {
            Kind::Floor => None,
            Kind::Unit | Kind::Row => self.floor,
        };
        Self {
            kind,
            floor,
            ..self
        }
    }

    /// Sets the subject whose code is measured.
    #[cfg(feature = "peers")]
    pub(crate) fn of(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    pub(crate) fn target(self, instructions: f64, bus_locked: f64) -> Self {
        Self {
            target: Some(Target {
                instructions,
                bus_locked,
            }),
            ..self
        }
    }

    /// Sets the number of requests in 16 that end with an error.
    pub(crate) fn bad_in_16(self, bad_in_16: u64) -> Self {
        self.bad_in_1600(bad_in_16 * 100)
    }

    /// Sets the number of requests in 1,600 that end with an error.
    pub(crate) fn bad_in_1600(self, bad_in_1600: u64) -> Self {
        Self {
            bad_in_1600,
            ..self
        }
    }

    /// Runs the row within a tokio runtime, for its timer.
    pub(crate) fn timed(self) -> Self {
        Self {
            timed: true,
            ..self
        }
    }

    /// Creates the service or the object of the row.
    #[must_use]
    pub fn make(&self) -> Box<dyn Measured> {
        self.make_for(1).swap_remove(0)
    }

    /// Creates the service or the object once, and a clone of it for each of `threads` threads. The clones share what
    /// the clones of a service share: the breaker, the budget, tokio's timers.
    #[must_use]
    pub fn make_for(&self, threads: usize) -> Vec<Box<dyn Measured>> {
        if self.timed {
            Timed::all(|| (self.make)(threads))
        } else {
            (self.make)(threads)
        }
    }

    /// The group of the row: its name up to the first comma.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.name.split(',').next().unwrap_or(self.name)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

// === impl Sizes ===

impl Sizes {
    fn of<S: Service<Request>>() -> Self {
        Self {
            service: size_of::<S>(),
            future: size_of::<S::Future>(),
        }
    }
}

/// A driver of `shared` for each thread.
fn drivers<T: Clone, M: Measured + 'static>(
    threads: usize,
    shared: T,
    driver: fn(T) -> M,
) -> Vec<Box<dyn Measured>> {
    let clones = std::iter::repeat_n(shared, threads);
    clones.map(|one| Box::new(driver(one)) as Box<_>).collect()
}
