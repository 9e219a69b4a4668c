use std::{
    borrow::Borrow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tokio::time::Instant;

use crate::{observation::Observation, record::Core, types::Event};

/// A response body that records the outcome of its call when it ends, fails or is dropped.
#[pin_project]
pub struct ObservedBody<B, P: Borrow<Core> = Arc<Core>> {
    #[pin]
    body: B,
    /// `None` if the outcome was recorded already.
    observation: Option<Observation<P>>,
    /// A body that ends later is bad.
    deadline: Option<Instant>,
}

impl<B: Body, P: Borrow<Core>> ObservedBody<B, P> {
    pub(super) fn new(
        body: B,
        mut observation: Option<Observation<P>>,
        deadline: Option<Instant>,
    ) -> Self {
        // An empty body may never be polled.
        if body.is_end_stream() {
            ended(observation.take(), deadline);
        }
        Self {
            body,
            observation,
            deadline,
        }
    }
}

impl<B: Body, P: Borrow<Core>> Body for ObservedBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held on the stack while other code runs: a panic drops it while unwinding, and is bad.
        let observation = this.observation.take();
        let frame = this.body.as_mut().poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Err(_))) => {
                if let Some(observation) = observation {
                    observation.bad();
                }
            }
            Poll::Ready(None) => ended(observation, *this.deadline),
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => {
                ended(observation, *this.deadline);
            }
            Poll::Ready(Some(Ok(_))) | Poll::Pending => *this.observation = observation,
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn ended<P: Borrow<Core>>(observation: Option<Observation<P>>, deadline: Option<Instant>) {
    let Some(observation) = observation else {
        return;
    };
    let now = Instant::now();
    let is_late = deadline.is_some_and(|deadline| now > deadline);
    observation.finish_at(if is_late { Event::Bad } else { Event::Good }, now);
}

impl<B, P: Borrow<Core>> fmt::Debug for ObservedBody<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedBody")
            .field("is_counted", &self.observation.is_none())
            .finish_non_exhaustive()
    }
}
