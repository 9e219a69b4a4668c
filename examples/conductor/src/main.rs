//! The conductor's command: parses the arguments, then serves or plays the demo.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use conductor::{Cli, Command, Server};
use tokio::runtime::Runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err((said, 0)) => {
            let _ = write!(io::stdout(), "{said}");
            return ExitCode::SUCCESS;
        }
        Err((said, code)) => {
            eprintln!("conductor: {said}");
            return ExitCode::from(code);
        }
    };
    let runtime = Runtime::new().map_err(|error| format!("cannot start the runtime: {error}"));
    match runtime.and_then(|runtime| runtime.block_on(run(cli))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            eprintln!("conductor: {said}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), String> {
    if let Some(Command::Demo { quick }) = cli.command {
        log("error")?;
        return tokio::select! {
            played = conductor::demo(quick) => played.map_err(|broken| broken.to_string()),
            // Dropping the demo's future removes its database.
            _ = ctrl_c() => Err("the demo was interrupted".to_owned()),
        };
    }
    log("info")?;
    serve(cli).await
}

async fn serve(cli: Cli) -> Result<(), String> {
    let told = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
    let (mut terminate, mut interrupt) = (
        told(SignalKind::terminate())?,
        told(SignalKind::interrupt())?,
    );
    let server = Server::start(cli.config())
        .await
        .map_err(|error| error.to_string())?;
    // A closed stdout is no error.
    let _ = writeln!(
        io::stdout(),
        "conductor listens on http://{}",
        server.address()
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::select! {
        stopped = server.shutdown() => stopped.map_err(|error| error.to_string()),
        // A second SIGINT ends the drain.
        _ = interrupt.recv() => Err("stopped before the requests in flight had finished".into()),
    }
}

/// Logs to stderr, because stdout is for results. `CONDUCTOR_LOG` takes tracing's filters.
fn log(default: &str) -> Result<(), String> {
    let filter = match env::var("CONDUCTOR_LOG") {
        Ok(wanted) => EnvFilter::try_new(&wanted).map_err(|error| {
            format!(
                "CONDUCTOR_LOG={wanted:?}: {error}; write a level such as info, or conductor=debug"
            )
        })?,
        Err(_) => EnvFilter::new(default),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}
