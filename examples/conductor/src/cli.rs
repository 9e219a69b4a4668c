//! The command line. A wrong one is reported in one line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use http::Uri;
use http::uri::Authority;

use crate::config::Config;

/// A small control plane whose dependencies are behind the Maestro layers.
#[derive(Debug, Parser)]
#[command(
    name = "conductor",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
#[non_exhaustive]
pub struct Cli {
    /// What to do; serves if it is missing.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// Commands other than serving.
#[derive(Clone, Copy, Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Inject real faults into each dependency in turn, and show how the layers react
    Demo {
        /// Shorter phases: about 25 seconds
        #[arg(long)]
        quick: bool,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "CONDUCTOR_LISTEN",
        default_value = "127.0.0.1:4000",
        value_name = "ADDRESS:PORT"
    )]
    listen: SocketAddr,
    /// Listen beyond loopback, although the API has no authentication
    #[arg(long, env = "CONDUCTOR_ALLOW_REMOTE", value_parser = BoolishValueParser::new())]
    allow_remote: bool,
    /// Name that clients may use for this service besides localhost; may be repeated
    #[arg(
        long = "host",
        env = "CONDUCTOR_HOSTS",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = host
    )]
    hosts: Vec<String>,
    /// SQLite database; created if missing
    #[arg(
        long,
        env = "CONDUCTOR_DATABASE",
        default_value = "conductor.db",
        value_name = "FILE"
    )]
    database: PathBuf,
    /// Dispatch API; without it, one in this process on a free port
    #[arg(long, env = "CONDUCTOR_PEER", value_name = "http://HOST:PORT", value_parser = peer)]
    peer: Option<Uri>,
    /// Objective of the service, such as 99.9%
    #[arg(
        long,
        env = "CONDUCTOR_OBJECTIVE",
        default_value = "99.9%",
        value_name = "PERCENT"
    )]
    objective: maestro_slo_budget::Objective,
    /// Seconds for requests in flight to finish at shutdown
    #[arg(
        long,
        env = "CONDUCTOR_DRAIN_SECONDS",
        default_value_t = 10,
        value_name = "SECONDS"
    )]
    drain_seconds: u32,
}

// === impl Cli ===

impl Cli {
    /// Reads the arguments and the environment.
    ///
    /// # Errors
    /// The text to print and the exit code: 0 for help and version, else 2.
    pub fn read() -> Result<Self, (String, u8)> {
        Self::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => (error.to_string(), 0),
            _ => (one_line(&error.to_string()), 2),
        })
    }

    /// The configuration of the server.
    #[must_use]
    pub fn config(self) -> Config {
        let Serve {
            listen,
            allow_remote,
            hosts,
            database,
            peer,
            objective,
            drain_seconds,
        } = self.serve;
        let drain = Duration::from_secs(drain_seconds.into());
        Config {
            listen,
            allow_remote,
            hosts,
            database,
            peer,
            objective,
            drain,
            ..Config::default()
        }
    }
}

/// The first paragraph of clap's message, in one line; the rest is advice.
fn one_line(message: &str) -> String {
    let said = message
        .split("\n\n")
        .next()
        .unwrap_or(message)
        .trim_start_matches("error: ");
    let said: Vec<_> = said.split_whitespace().collect();
    format!("{}; see conductor --help", said.join(" "))
}

fn peer(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains('#');
    if uri.scheme_str() == Some("http") && uri.authority().is_some_and(is_address) && bare {
        return Ok(uri);
    }
    Err("write it as http://host:port, with no path, no user and without TLS".to_owned())
}

fn host(text: &str) -> Result<String, String> {
    match text.parse::<Authority>() {
        Ok(name) if name.host() == text => Ok(text.to_owned()),
        _ => Err(
            "write it as a name such as conductor.example, with no scheme and no port".to_owned(),
        ),
    }
}

/// Whether it is a host with an optional port above 0. `http` accepts more than that.
fn is_address(authority: &Authority) -> bool {
    let (all, host) = (authority.as_str(), authority.host());
    let port = all.strip_prefix(host).map(|rest| match rest {
        "" => true,
        rest => authority.port_u16() > Some(0) && rest.len() > 1,
    });
    !host.is_empty() && port == Some(true)
}
