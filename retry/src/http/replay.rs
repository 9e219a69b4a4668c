use http::{Method, Request};
use http_body::Body;

use crate::policy::Replay;

/// Copies `http` requests with an idempotent method and a buffered body up to a limit. Feature `http`.
///
/// A request that is not copied is sent once, and its result is the answer. Each copy carries its [`AttemptNumber`] in
/// its extensions.
///
/// A body can be copied if it is in memory and cheap to clone, as `http_body_util::Full<Bytes>` is. A streaming body is
/// not `Clone`: collect it first with a limit (`http_body_util::Limited`), and do not repeat what is longer.
///
/// # Examples
///
/// ```
/// use http::{Method, Request};
/// use http_body_util::Full;
/// use maestro_retry::{AttemptNumber, HttpReplay, Replay, RetryPolicy};
///
/// let replay = HttpReplay::new().limit(16);
/// let request = |method, body: &'static str| {
///     Request::builder().method(method).body(Full::new(body.as_bytes())).unwrap()
/// };
/// let copy = replay.replay(&request(Method::PUT, "short")).expect("PUT may be sent twice");
/// assert_eq!(AttemptNumber::of(&copy), AttemptNumber::new(2));
/// assert!(replay.replay(&request(Method::POST, "short")).is_none());
/// assert!(replay.replay(&request(Method::PUT, "longer than sixteen bytes")).is_none());
///
/// let policy = RetryPolicy::builder().build()?.replayer(replay);
/// # let _ = policy;
/// # Ok::<(), maestro_retry::InvalidConfig>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it copies nothing until a policy uses it"]
pub struct HttpReplay {
    limit: u64,
    repeats: Repeats,
}

/// Which requests may be repeated.
#[derive(Clone, Copy, Debug)]
enum Repeats {
    Methods(fn(&Method) -> bool),
    Paths(fn(&str) -> bool),
}

/// The number of the attempt that a request is sent for, in its extensions: for logs, or for a header that tells the
/// server. Feature `http`.
///
/// [`HttpReplay`] sets it on every copy to one more than that of the request it copied. A first attempt carries none,
/// and counts as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNumber(u32);

// === impl HttpReplay ===

impl HttpReplay {
    /// Idempotent methods, and bodies of up to 64 KiB.
    pub const fn new() -> Self {
        Self {
            // The initial window of HTTP/2, which every server grants, is about as long. gRPC buffers 256 KiB.
            limit: 64 << 10,
            repeats: Repeats::Methods(Method::is_idempotent),
        }
    }

    /// The longest body that is sent again, in bytes. A body of unknown length is not sent again.
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// The methods that may be repeated. The default is the idempotent ones of
    /// [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2): GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
    ///
    /// For a service whose POST is idempotent (with a key in a header, say) pass `|_| true`. Replaces
    /// [`paths`](Self::paths).
    pub const fn methods(mut self, may_repeat: fn(&Method) -> bool) -> Self {
        self.repeats = Repeats::Methods(may_repeat);
        self
    }

    /// The paths that may be repeated, with any method. Replaces [`methods`](Self::methods).
    ///
    /// For gRPC, where every call is a POST, and the path `/package.Service/Method` tells which calls may run twice. See
    /// [`RetryPolicy::grpc`](crate::RetryPolicy::grpc).
    pub const fn paths(mut self, may_repeat: fn(&str) -> bool) -> Self {
        self.repeats = Repeats::Paths(may_repeat);
        self
    }

    pub(super) fn may_repeat<B: Body>(&self, request: &Request<B>) -> bool {
        let may_repeat = match self.repeats {
            Repeats::Methods(may_repeat) => may_repeat(request.method()),
            Repeats::Paths(may_repeat) => may_repeat(request.uri().path()),
        };
        let length = || request.body().size_hint().upper();
        may_repeat && length().is_some_and(|length| length <= self.limit)
    }
}

impl Default for HttpReplay {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Body + Clone> Replay<Request<B>> for HttpReplay {
    fn replay(&self, request: &Request<B>) -> Option<Request<B>> {
        if !self.may_repeat(request) {
            return None;
        }
        let mut copy = request.clone();
        let next = AttemptNumber::of(request).get().saturating_add(1);
        copy.extensions_mut().insert(AttemptNumber(next));
        Some(copy)
    }
}

// === impl AttemptNumber ===

impl AttemptNumber {
    /// An attempt with this number, from 1.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number in the extensions of `request`, or 1.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or(Self(1))
    }

    /// The number, from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}
