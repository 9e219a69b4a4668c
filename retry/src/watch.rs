use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{Event, metrics::Meters, trace};

/// Who is told of a policy's events. Nobody by default: then a call pays one comparison, and otherwise for a
/// reference count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Option<Arc<Watchers>>);

struct Watchers {
    name: Option<&'static str>,
    meters: Meters,
    listener: Option<Listener>,
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

impl Watch {
    pub(crate) fn named(&self, name: &'static str) -> Self {
        Self::of(Some(name), self.listener())
    }

    pub(crate) fn told(&self, listener: Listener) -> Self {
        Self::of(self.name(), Some(listener))
    }

    fn of(name: Option<&'static str>, listener: Option<Listener>) -> Self {
        let meters = Meters::new(name);
        Self(Some(Arc::new(Watchers {
            name,
            meters,
            listener,
        })))
    }

    pub(crate) fn meters(&self) -> Option<&Meters> {
        Some(&self.0.as_ref()?.meters)
    }

    fn name(&self) -> Option<&'static str> {
        self.0.as_ref()?.name
    }

    fn listener(&self) -> Option<Listener> {
        self.0.as_ref()?.listener.clone()
    }

    /// A call is over. All that this costs while nobody watches is the comparison.
    #[inline]
    pub(crate) fn done(&self, attempts: u32) {
        if let Some(watchers) = &self.0 {
            watchers.tell(&Event::Done { attempts });
        }
    }

    /// A call goes on, or was given up.
    pub(crate) fn tell(&self, event: Event, level: impl FnOnce() -> Option<f64>) {
        trace::event(self.name(), &event);
        if let Some(watchers) = &self.0 {
            watchers.tell(&event);
        }
        if let Some(meters) = self.meters() {
            meters.level(level);
        }
    }
}

impl Watchers {
    fn tell(&self, event: &Event) {
        self.meters.event(event);
        if let Some(listener) = &self.listener {
            // A listener that panics is its own trouble, and no call's.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers")
            .field("name", &self.name)
            .field("meters", &self.meters)
            .field("listens", &self.listener.is_some())
            .finish()
    }
}
