//! What is done before a request is admitted: its deadline is noted, and a body is read whole.
//!
//! A body comes as slowly as its client likes, so a run that is still being sent has no place in the bulkhead of the
//! admission: a few slow clients would take all places.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use maestro_timeout::Deadline;
use tokio::time::Instant;

use super::problem::Problem;
use crate::spec::MAX_BODY;

/// The time limit of a request body: enough for 64 KiB over a slow line.
const BODY: Duration = Duration::from_secs(1);

/// The deadline of the client, if it has one.
#[derive(Clone, Copy, Debug)]
struct Until(Instant);

/// The deadline of the client. It counts from the arrival of the request's head.
pub(super) fn until(request: &Request) -> Option<Instant> {
    request.extensions().get().map(|Until(at)| *at)
}

pub(super) async fn arrive(mut request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(at) = asked(&request).and_then(|wait| Instant::now().checked_add(wait)) {
        request.extensions_mut().insert(Until(at));
    }
    if request.method() == Method::POST {
        let (head, body) = request.into_parts();
        request = Request::from_parts(head, Body::from(whole(body).await?));
    }
    Ok(next.run(request).await)
}

/// The header `request-timeout-ms`: how long the client waits.
fn asked(request: &Request) -> Option<Duration> {
    let text = request.headers().get("request-timeout-ms")?.to_str().ok()?;
    Some(Duration::from_millis(text.parse().ok()?))
}

/// Reads a body. A slow client gets a 408: the fault is not ours, and its 4xx burns no budget.
///
/// A length that is announced as too large is refused at once: reading would only show what is known.
async fn whole(body: Body) -> Result<Bytes, Problem> {
    let unreadable = |status| {
        let message = format!("the body must be at most {MAX_BODY} bytes, and sent whole");
        Problem::new(status, "body_unreadable", message)
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(unreadable(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let mut body = Limited::new(body, MAX_BODY);
    // Each frame is copied. Were the frames kept until the last, a body in chunks of a byte would take 40 times its bytes.
    let read = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
        Ok::<_, axum::BoxError>(Bytes::from(bytes.into_boxed_slice()))
    };
    match Deadline::after(BODY).run(read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(unreadable(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Ok(Err(_)) => Err(unreadable(StatusCode::BAD_REQUEST)),
        Err(elapsed) => {
            let message = format!("the body took too long: {elapsed}");
            let status = StatusCode::REQUEST_TIMEOUT;
            Err(Problem::new(status, "body_too_slow", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body in chunks of a byte, each of which counts itself in `alive`.
    struct Chunks {
        left: u32,
        alive: Arc<()>,
    }

    struct Chunk(#[expect(dead_code, reason = "counts")] Arc<()>);

    impl AsRef<[u8]> for Chunk {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl HttpBody for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            assert_eq!(Arc::strong_count(&self.alive), 1, "a chunk was kept");
            let Some(left) = self.left.checked_sub(1) else {
                return Poll::Ready(None);
            };
            self.left = left;
            let chunk = Bytes::from_owner(Chunk(self.alive.clone()));
            Poll::Ready(Some(Ok(Frame::data(chunk))))
        }
    }

    #[tokio::test]
    async fn a_body_in_small_chunks_keeps_none_of_them() {
        let body = |left| {
            Body::new(Chunks {
                left,
                alive: Arc::default(),
            })
        };
        let read = whole(body(1_000)).await.map(|bytes| bytes.len());
        assert_eq!(read.ok(), Some(1_000));
        assert!(
            whole(body(u32::try_from(MAX_BODY).unwrap() + 1))
                .await
                .is_err()
        );
    }
}
