use std::fmt;

use tower::Service;

use crate::{
    Measured, Request, Response, Trouble,
    drive::{Repeats, Requests},
    timed::Timed,
};

/// One thing that is measured: its name, how it is made, what it is held against.
pub struct Row {
    /// Its name, by which it is also chosen on the command line.
    pub name: &'static str,
    /// Whose code it measures.
    pub subject: Subject,
    /// What kind of row it is.
    pub kind: Kind,
    /// The name of the floor that its net figures are net of. Floors have none.
    pub floor: Option<&'static str>,
    /// What it should cost at most.
    pub target: Option<Target>,
    /// What its service and future occupy; an object that is no service has none.
    pub sizes: Option<Sizes>,
    /// How many of 16 requests are answered with an error.
    pub bad_in_16: u64,
    timed: bool,
    make: Box<dyn Fn() -> Box<dyn Measured>>,
}

/// Whose code a row measures: a column of comparisons to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The five crates of this workspace.
    Ours,
}

/// What kind of row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The same request without what is measured, taken off the rows that name it.
    Floor,
    /// A primitive, to have something to compare with.
    Unit,
    /// A layer, a stack or an object.
    Row,
}

/// The most a request may cost, net of its floor. Allocations have no target: there are none.
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

/// What a service and one call of it occupy, in bytes, the inner ones included.
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
    /// What its column is called.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Ours => "ours",
        }
    }
}

// === impl Row ===

impl Row {
    /// A service, made anew by each call of `make`.
    pub(crate) fn service<S>(
        name: &'static str,
        floor: &'static str,
        make: impl Fn() -> S + 'static,
    ) -> Self
    where
        S: Service<Request, Response = Response, Error = Trouble> + 'static,
    {
        Self {
            name,
            subject: Subject::Ours,
            kind: Kind::Row,
            floor: Some(floor),
            target: None,
            sizes: Some(Sizes {
                service: size_of::<S>(),
                future: size_of::<S::Future>(),
            }),
            bad_in_16: 0,
            timed: false,
            make: Box::new(move || Box::new(Requests(make()))),
        }
    }

    /// An object that is asked without tower.
    pub(crate) fn object<F, R, E>(
        name: &'static str,
        floor: &'static str,
        make: impl Fn() -> F + 'static,
    ) -> Self
    where
        F: FnMut(Request) -> Result<R, E> + 'static,
    {
        Self {
            name,
            subject: Subject::Ours,
            kind: Kind::Row,
            floor: Some(floor),
            target: None,
            sizes: None,
            bad_in_16: 0,
            timed: false,
            make: Box::new(move || Box::new(Repeats(make()))),
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

    pub(crate) fn target(self, instructions: f64, bus_locked: f64) -> Self {
        Self {
            target: Some(Target {
                instructions,
                bus_locked,
            }),
            ..self
        }
    }

    /// Of 16 requests so many are answered with an error.
    pub(crate) fn bad_in_16(self, bad_in_16: u64) -> Self {
        Self { bad_in_16, ..self }
    }

    /// Runs within a tokio runtime, for its timer.
    pub(crate) fn timed(self) -> Self {
        Self {
            timed: true,
            ..self
        }
    }

    /// What is measured, made and ready.
    #[must_use]
    pub fn make(&self) -> Box<dyn Measured> {
        if self.timed {
            Box::new(Timed::new(&self.make))
        } else {
            (self.make)()
        }
    }

    /// The rows that belong together: its name up to the first comma.
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
