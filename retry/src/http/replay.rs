use http::{Method, Request};
use http_body::Body;

use crate::policy::Replay;

/// Copies `http` requests whose method is idempotent and whose body is at hand and not too long. Feature `http`.
///
/// A request that is not copied is sent once, and its result is the answer. Each copy carries its
/// [`AttemptNumber`] in its extensions.
///
/// Bodies that can be copied are those that are in memory already and cheap to clone, as
/// `http_body_util::Full<Bytes>` is. A streaming body is not `Clone`: collect it first, with a limit
/// (`http_body_util::Limited`), and give up repeating what is longer.
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
/// let copy = replay.replay(&request(Method::PUT, "short")).expect("may be sent twice");
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
    may_repeat: fn(&Method) -> bool,
}

/// Which attempt a request is, in its extensions: for logs, and for a header that tells the server. Feature `http`.
///
/// [`HttpReplay`] sets it on every copy it makes, counting on from the request that it copied. A first
/// attempt carries none, and counts as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNumber(u32);

// === impl HttpReplay ===

impl HttpReplay {
    /// Idempotent methods, and bodies of up to 64 KiB.
    pub const fn new() -> Self {
        Self {
            // As long as the copy of one window of HTTP/2 that every server grants; gRPC buffers 256 KiB.
            limit: 64 << 10,
            may_repeat: Method::is_idempotent,
        }
    }

    /// The longest body that is sent again, in bytes. One of unknown length is longer.
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Which methods may be repeated. By default the idempotent ones of
    /// [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2): GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
    ///
    /// A service whose POST is idempotent (gRPC's, or with a key in a header) says so with `|_| true`.
    pub const fn methods(mut self, may_repeat: fn(&Method) -> bool) -> Self {
        self.may_repeat = may_repeat;
        self
    }
}

impl Default for HttpReplay {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Body + Clone> Replay<Request<B>> for HttpReplay {
    fn replay(&self, request: &Request<B>) -> Option<Request<B>> {
        let fits = || (request.body().size_hint().upper()).is_some_and(|upper| upper <= self.limit);
        if !(self.may_repeat)(request.method()) || !fits() {
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
    /// The number given, from 1.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number of `request`: what its extensions say, or 1.
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
