use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::meaning::Rejection;
use crate::types::{MayReject, is_rejection};

/// What a scripted body does when it is polled.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pending,
    Data(&'static [u8]),
    Trailers(Vec<(&'static str, &'static str)>),
    Reset,
    Reject,
    Panic,
    /// Pending for ever.
    Hang,
}

#[derive(Debug)]
pub(super) enum Failed {
    Reset,
    Rejected(Rejection),
}

/// A body that follows a script.
#[derive(Debug)]
pub(super) struct Script {
    steps: VecDeque<Step>,
    polls: Arc<AtomicUsize>,
}

impl Script {
    pub(super) fn new(steps: impl Into<VecDeque<Step>>) -> Self {
        Self {
            steps: steps.into(),
            polls: Arc::default(),
        }
    }

    /// How often it was polled, while the body exists.
    pub(super) fn polls(&self) -> Weak<AtomicUsize> {
        Arc::downgrade(&self.polls)
    }
}

pub(super) fn trailers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (name.parse().expect("legal"), value.parse().expect("legal"))
    };
    fields.iter().map(field).collect()
}

impl Body for Script {
    type Data = &'static [u8];
    type Error = Failed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'static [u8]>, Failed>>> {
        self.polls.fetch_add(1, SeqCst);
        Poll::Ready(match self.steps.pop_front() {
            Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Step::Trailers(fields)) => Some(Ok(Frame::trailers(trailers(&fields)))),
            Some(Step::Reset) => Some(Err(Failed::Reset)),
            Some(Step::Reject) => Some(Err(Failed::Rejected(Rejection))),
            Some(Step::Panic) => panic!("a body that panics"),
            Some(Step::Hang) => {
                self.steps.push_front(Step::Hang);
                return Poll::Pending;
            }
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |step: &Step| match step {
            Step::Data(data) => data.len() as u64,
            _ => 0,
        };
        SizeHint::with_exact(self.steps.iter().map(length).sum())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream failed")
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Reset => None,
            Self::Rejected(rejection) => Some(rejection),
        }
    }
}

#[test]
fn scripted_errors_are_a_rejection_and_none() {
    assert!(MayReject::is_rejection(&Failed::Rejected(Rejection)));
    assert!(!is_rejection(&Failed::Reset));
}
