use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{observe::metrics::Meters, types::Event};

/// Who is told of a policy's events. Nobody by default.
#[derive(Default)]
pub(crate) struct Watch {
    name: Option<&'static str>,
    meters: Meters,
    listener: Option<Listener>,
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

impl Watch {
    pub(crate) fn named(&self, name: &'static str) -> Self {
        Self::of(Some(name), self.listener.clone())
    }

    pub(crate) fn told(&self, listener: Listener) -> Self {
        Self::of(self.name, Some(listener))
    }

    fn of(name: Option<&'static str>, listener: Option<Listener>) -> Self {
        Self {
            name,
            meters: Meters::new(name),
            listener,
        }
    }

    pub(crate) const fn name(&self) -> Option<&'static str> {
        self.name
    }

    pub(crate) const fn meters(&self) -> &Meters {
        &self.meters
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.meters.event(event);
        if let Some(listener) = &self.listener {
            // A listener that panics is its own trouble, and no call's.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("name", &self.name)
            .field("meters", &self.meters)
            .field("listens", &self.listener.is_some())
            .finish()
    }
}
