//! Two real servers on loopback that end each call as its path says: hyper, which can end it in every way, and tonic.

use std::{
    convert::Infallible,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header},
};
use http_body_util::channel::{Channel, Sender};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Status, transport::server::TcpIncoming};
use tower::BoxError;

use crate::{client::Empty, ending::Ending};

/// An empty message of gRPC: not compressed, no bytes.
const MESSAGE: Bytes = Bytes::from_static(&[0; 5]);

/// A server on a free port. It ends with the runtime of its test.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: watch::Sender<u32>,
    cut: Arc<Notify>,
    /// Counts the calls of a server of tonic.
    budget: ErrorBudget,
}

impl Server {
    /// A server of hyper for HTTP/1 and HTTP/2. `/<ending>/<code>` ends a gRPC call. `/status/<status>` answers with a
    /// status, and with the query, if there is one, as its `Retry-After`. `/breaks-off` answers with a body
    /// that breaks off at [`cut`](Self::cut). Other paths have no answer.
    pub(crate) async fn hyper() -> Self {
        let (listener, server) = Self::bind().await;
        let this = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(this.clone().connection(stream));
            }
        });
        server
    }

    /// A server of tonic, with an error budget. `/<ending>/<code>` ends a gRPC call, if it is one of [`Ending::OF_TONIC`].
    pub(crate) async fn tonic() -> Self {
        let (listener, server) = Self::bind().await;
        let this = server.clone();
        let calls = tower::service_fn(move |request: Request<tonic::body::Body>| {
            this.count();
            let (ending, code) = script(request.uri()).expect("a script");
            async move {
                let call = tower::service_fn(move |_| stream(ending, code));
                let mut grpc = tonic::server::Grpc::new(Empty);
                Ok::<_, Infallible>(grpc.server_streaming(call, request).await)
            }
        });
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let layer = ErrorBudgetLayer::new(server.budget.clone()).grpc();
        let builder = tonic::transport::Server::builder().layer(layer);
        tokio::spawn(builder.serve_with_incoming(calls, incoming));
        server
    }

    async fn bind() -> (TcpListener, Self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        (listener, Self::at(address))
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        let objective = "99%".parse().expect("an objective");
        Self {
            address,
            seen: watch::Sender::new(0),
            cut: Arc::new(Notify::new()),
            budget: ErrorBudget::new("server", objective),
        }
    }

    /// The URL of a path that begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests have arrived.
    pub(crate) fn seen(&self) -> u32 {
        *self.seen.borrow()
    }

    /// The good and the bad calls, as a server of tonic counts them.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let counts = self.budget.counts(self.budget.period());
        (counts.good(), counts.bad())
    }

    /// Waits until `n` requests have arrived.
    pub(crate) async fn has_seen(&self, n: u32) {
        let mut seen = self.seen.subscribe();
        let seen = seen.wait_for(|seen| *seen >= n).await;
        seen.expect("the sender lives as long as `self`");
    }

    /// Ends the call that waits for this, or the next that does.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    fn count(&self) {
        self.seen.send_modify(|seen| *seen += 1);
    }

    async fn connection(self, stream: TcpStream) {
        stream.set_nodelay(true).expect("it is connected");
        let close = Arc::new(Notify::new());
        let closed = Arc::clone(&close);
        let answers = service_fn(move |request: Request<Incoming>| {
            self.count();
            let (uri, cut, close) = (
                request.uri().clone(),
                Arc::clone(&self.cut),
                Arc::clone(&close),
            );
            async move { Ok::<_, Infallible>(answer(uri, cut, close).await) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        tokio::select! {
            // An error is a client that has gone.
            _ = builder.serve_connection(TokioIo::new(stream), answers) => {}
            () = closed.notified() => {}
        }
    }
}

/// `/<ending>/<code>`
fn script(uri: &Uri) -> Option<(Ending, u16)> {
    let (ending, code) = uri.path().strip_prefix('/')?.split_once('/')?;
    let mut all = Ending::ALL.into_iter();
    let ending = all.find(|e| e.to_string() == ending)?;
    Some((ending, code.parse().ok()?))
}

/// What the server of hyper answers.
async fn answer(uri: Uri, cut: Arc<Notify>, close: Arc<Notify>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if let Some(status) = uri.path().strip_prefix("/status/") {
        *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).expect("a status");
        if let Some(wait) = uri.query() {
            let wait = HeaderValue::from_str(wait).expect("visible characters");
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        return response;
    }
    if uri.path() == "/breaks-off" {
        let (send, body) = Channel::new(1);
        tokio::spawn(write(send, Ending::ResetAfterData, 0, cut, close));
        return response.map(|_| Body::new(body));
    }
    let Some((ending, code)) = script(&uri) else {
        return pending().await;
    };

    let is_grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, is_grpc);
    match ending {
        Ending::TrailersOnly => response.headers_mut().insert("grpc-status", code.into()),
        Ending::ClosedAtOnce => {
            close.notify_one();
            return pending().await;
        }
        Ending::Hangs => return pending().await,
        _ => {
            let (send, body) = Channel::new(1);
            tokio::spawn(write(send, ending, code, cut, close));
            return response.map(|_| Body::new(body));
        }
    };
    response
}

/// Writes the body of a response. An error of `send` is a client that has gone.
async fn write(
    mut send: Sender<Bytes, BoxError>,
    ending: Ending,
    code: u16,
    cut: Arc<Notify>,
    close: Arc<Notify>,
) {
    if ending.has_data() {
        send.send_data(MESSAGE).await.ok();
    }
    if ending.has_code() {
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().expect("a name"), code.into())]);
        send.send_trailers(trailers).await.ok();
        return;
    }
    if ending != Ending::GoesOn {
        cut.notified().await;
        if ending != Ending::ClosedAfterData {
            return send.abort("cut".into());
        }
        close.notify_one();
    }
    pending::<()>().await;
}

type Messages = Pin<Box<dyn Stream<Item = Result<(), Status>> + Send>>;

/// What the server of tonic answers.
async fn stream(ending: Ending, code: u16) -> Result<tonic::Response<Messages>, Status> {
    let status = Status::new(Code::from_i32(code.into()), "");
    let message = tokio_stream::once(Ok(()));
    let messages: Messages = match ending {
        Ending::TrailersOnly => return Err(status),
        // tonic sends the code 0 itself.
        Ending::TrailersAfterData if code == 0 => Box::pin(message),
        Ending::TrailersAfterData => Box::pin(message.chain(tokio_stream::once(Err(status)))),
        Ending::GoesOn => Box::pin(message.chain(tokio_stream::pending())),
        Ending::Hangs => pending().await,
        _ => unreachable!("tonic cannot make {ending}"),
    };
    Ok(tonic::Response::new(messages))
}
