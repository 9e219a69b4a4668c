//! A gRPC client as tonic generates it, of empty messages, so that no build script is needed.

use tonic::{
    Code, Status, Streaming,
    body::Body,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};
use tower::BoxError;

use crate::{ending::Ending, server::Server};

/// Encodes `()` as `google.protobuf.Empty`: no bytes.
#[derive(Clone, Copy)]
pub(crate) struct Empty;

impl Codec for Empty {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Empty {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Empty {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}

/// What a caller sees of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) messages: u32,
    /// `None` if the caller dropped the call.
    pub(crate) code: Option<Code>,
}

/// A connection that is opened at the first call.
pub(crate) fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(server.url("")).expect("a URL");
    endpoint.connect_lazy()
}

/// A client such as tonic generates, over a channel or over a stack of layers.
#[derive(Clone)]
pub(crate) struct Client<S> {
    grpc: Grpc<S>,
}

impl<S> Client<S>
where
    S: GrpcService<Body>,
    S::ResponseBody:
        http_body::Body<Data = axum::body::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    pub(crate) fn new(service: S) -> Self {
        let grpc = Grpc::new(service);
        Self { grpc }
    }

    /// A call with one message in its answer.
    pub(crate) async fn unary(&mut self, ending: Ending, code: u16) -> Result<(), Status> {
        self.ready().await?;
        let path = path(ending, code).parse().expect("a path");
        let answer = self.grpc.unary(tonic::Request::new(()), path, Empty).await;
        answer.map(tonic::Response::into_inner)
    }

    /// A call with a stream of messages in its answer.
    pub(crate) async fn stream(
        &mut self,
        ending: Ending,
        code: u16,
    ) -> Result<Streaming<()>, Status> {
        self.ready().await?;
        let path = path(ending, code).parse().expect("a path");
        let request = tonic::Request::new(());
        let answer = self.grpc.server_streaming(request, path, Empty).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.grpc.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))
    }
}

fn path(ending: Ending, code: u16) -> String {
    format!("/{ending}/{code}")
}
