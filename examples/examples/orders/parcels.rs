//! The client of the server for shipping, in place of what tonic generates.

use http::uri::PathAndQuery;
use maestro_timeout::Deadline;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::{error::CallError, stacks};

/// A method that may run twice.
pub(crate) const ANNOUNCE: &str = "/shipping.Parcels/Announce";

/// Announces a parcel.
pub(crate) async fn announce(by: stacks::Grpc, deadline: Deadline) -> Result<(), CallError> {
    let mut request = Request::new(());
    deadline.insert_into(request.extensions_mut());
    let mut client = Grpc::new(by);
    client.ready().await?;
    let method = PathAndQuery::from_static(ANNOUNCE);
    client.unary(request, method, Empty).await?;
    Ok(())
}

/// Encodes `()` as `google.protobuf.Empty`: no bytes.
#[derive(Clone, Copy)]
struct Empty;

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
