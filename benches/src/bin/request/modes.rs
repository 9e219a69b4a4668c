//! The modes: which layers a request passes.

use std::{net::SocketAddr, pin::Pin, slice};

use axum::Router;
use http::{
    Request,
    header::{ACCEPT, USER_AGENT},
};
use http_body_util::Full;
use tokio::runtime::Handle;
use tower::{BoxError, layer::util::Identity};

use crate::{
    block::{Load, Sample},
    client::{self, Client, Stack},
    server::{self, Server, TENANT, routes},
};

/// The mode without layers.
pub(crate) const BARE: &str = "bare";
/// The same mode with its own connections: the noise.
pub(crate) const BARE_AGAIN: &str = "bare, again";

/// The modes, the first of which is bare.
pub(crate) struct Modes(Vec<Mode>);

/// A way for a request.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// The objects of the layers around the routes.
    pub(crate) server: Option<Server>,
    /// The objects of the layers around the client.
    pub(crate) client: Option<Client>,
    /// Sends a block. The future is boxed once a block, not once a request.
    send: Box<dyn Fn(Load) -> Block>,
}

type Block = Pin<Box<dyn Future<Output = Result<Sample, BoxError>>>>;

/// When the calls of a mode end.
#[derive(Clone, Copy)]
enum Until {
    Head,
    BodyEnd,
}

// === impl Modes ===

impl Modes {
    /// Starts the servers. The first requests make the connections.
    ///
    /// Two modes are for comparison: what a layer of axum costs that does nothing (a box for each request), and what a timeout
    /// costs that is not ours.
    pub(crate) fn start() -> Result<Self, BoxError> {
        use Until::{BodyEnd, Head};
        let on = &server::start()?;
        let new = |name, routes| Mode::new(on, name, routes, client::bare());
        let layered = |name, server, client, until| Mode::layered(on, name, server, client, until);
        let server = || Server::new().map(Some);
        let client = || Client::new().map(Some);
        let modes = [
            new(BARE, routes())?,
            new(BARE_AGAIN, routes())?,
            new("server, an empty layer", routes().layer(Identity::new()))?,
            Mode::new(on, "client, a timeout of tower", routes(), client::timed())?,
            layered("server", server()?, None, Head)?,
            layered("client", None, client()?, Head)?,
            layered("both", server()?, client()?, Head)?,
            layered("server, until body end", server()?, None, BodyEnd)?,
            layered("client, until body end", None, client()?, BodyEnd)?,
            layered("both, until body end", server()?, client()?, BodyEnd)?,
        ];
        Ok(Self(modes.into()))
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, Mode> {
        self.0.iter()
    }

    /// Sends requests in the mode of this name, one after the other.
    ///
    /// # Errors
    ///
    /// If there is no such mode.
    pub(crate) async fn run(&self, name: &str, requests: u32) -> Result<(), BoxError> {
        let mode = self.iter().find(|mode| mode.name == name);
        let mode = mode.ok_or_else(|| {
            let names: Vec<_> = self.iter().map(|mode| mode.name).collect();
            format!("there is no mode `{name}`; there are: {}", names.join("; "))
        })?;
        let connections = 1;
        let load = Load {
            connections,
            requests,
        };
        mode.send(load).await?;
        mode.check()
    }
}

// === impl Mode ===

impl Mode {
    /// A mode without layers of ours.
    fn new(
        on: &Handle,
        name: &'static str,
        routes: Router,
        stack: impl Stack,
    ) -> Result<Self, BoxError> {
        let send = sender(stack, server::serve(on, routes)?)?;
        let (server, client) = (None, None);
        Ok(Self {
            name,
            server,
            client,
            send,
        })
    }

    fn layered(
        on: &Handle,
        name: &'static str,
        server: Option<Server>,
        client: Option<Client>,
        until: Until,
    ) -> Result<Self, BoxError> {
        let routes = match (&server, until) {
            (None, _) => routes(),
            (Some(server), Until::Head) => server.until_head(routes()),
            (Some(server), Until::BodyEnd) => server.until_body_end(routes()),
        };
        let mode = match (&client, until) {
            (None, _) => Self::new(on, name, routes, client::bare())?,
            (Some(client), Until::Head) => Self::new(on, name, routes, client.until_head()?)?,
            (Some(client), Until::BodyEnd) => {
                Self::new(on, name, routes, client.until_body_end()?)?
            }
        };
        Ok(Self {
            server,
            client,
            ..mode
        })
    }

    pub(crate) fn send(&self, load: Load) -> Block {
        (self.send)(load)
    }

    /// Checks that its layers have counted requests, all of them good.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        let server = self.server.as_ref().map(|server| &server.budget);
        let client = self.client.as_ref().map(|client| &client.budget);
        for budget in server.into_iter().chain(client) {
            let counts = budget.counts(budget.period());
            if counts.good() == 0 || counts.bad() > 0 {
                let (mode, side) = (self.name, budget.name());
                return Err(format!(
                    "the layers of the {side} counted {counts:?} in mode `{mode}`"
                )
                .into());
            }
        }
        Ok(())
    }
}

fn sender(stack: impl Stack, server: SocketAddr) -> Result<Box<dyn Fn(Load) -> Block>, BoxError> {
    let request = Request::get(format!("http://{server}/orders/7"))
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "maestro-benches")
        .header(TENANT, "one")
        .body(Full::default())?;
    Ok(Box::new(move |load| {
        Box::pin(Sample::take(stack.clone(), request.clone(), load))
    }))
}
