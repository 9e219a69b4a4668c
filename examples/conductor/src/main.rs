//! The conductor's command: parses the arguments, then serves or plays the demo.

mod log;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Duration;

use conductor::{Cli, Command, Server};
use tokio::runtime::Runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::log::Log;

/// How long the end of the process waits for threads that block, such as a look-up of a name.
const BLOCKED: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // Everything that the process says on stderr goes through the log, because stderr can be full, closed or unread.
    let log = Log::to(io::stderr());
    let ended = panic::catch_unwind(AssertUnwindSafe(|| begin(&log)));
    // Also after a panic: its report is a line of the log.
    log.finish();
    ended.unwrap_or_else(|_| ExitCode::from(101))
}

fn begin(log: &Log) -> ExitCode {
    report_panics(log.clone());
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err((said, 0)) => {
            let _ = write!(io::stdout(), "{said}");
            return ExitCode::SUCCESS;
        }
        Err((said, code)) => {
            log.line(&format!("conductor: {said}"));
            return ExitCode::from(code);
        }
    };
    let runtime = Runtime::new().map_err(|error| format!("cannot start the runtime: {error}"));
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(run(cli, log));
        runtime.shutdown_timeout(BLOCKED);
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            log.line(&format!("conductor: {said}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, log: &Log) -> Result<(), String> {
    if let Some(Command::Demo { quick }) = cli.command {
        trace(log.clone(), "error")?;
        return tokio::select! {
            played = conductor::demo(quick) => played.map_err(|broken| broken.to_string()),
            // Dropping the demo's future removes its database.
            _ = ctrl_c() => Err("the demo was interrupted".to_owned()),
        };
    }
    trace(log.clone(), "info")?;
    serve(cli).await
}

async fn serve(cli: Cli) -> Result<(), String> {
    let told = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
    let (mut terminate, mut interrupt) = (
        told(SignalKind::terminate())?,
        told(SignalKind::interrupt())?,
    );
    let mut server = Server::start(cli.config())
        .await
        .map_err(|error| error.to_string())?;
    // A stdout that is closed or unread is no error.
    let address = server.address();
    Log::to(io::stdout()).line(&format!("conductor listens on http://{address}"));
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        // A process that lives and does not serve is worse than one that ends: nothing restarts it.
        failed = server.failed() => Some(failed),
    };
    let stopped = tokio::select! {
        stopped = server.shutdown() => stopped.map_err(|error| error.to_string()),
        // A second SIGINT ends the drain.
        _ = interrupt.recv() => Err("stopped before the requests in flight had finished".into()),
    };
    failed.map_or(stopped, |failed| Err(failed.to_string()))
}

/// Logs to stderr, because stdout is for results. `CONDUCTOR_LOG` takes tracing's filters.
fn trace(log: Log, default: &str) -> Result<(), String> {
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
        .with_writer(move || log.clone())
        .with_ansi(io::stderr().is_terminal())
        // It would print its own errors by `eprintln!`.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Sends the reports of panics through the log. The default hook writes to stderr, which can block.
fn report_panics(log: Log) {
    panic::set_hook(Box::new(move |panic| {
        let backtrace = Backtrace::capture();
        let backtrace = match backtrace.status() {
            BacktraceStatus::Captured => format!("\n{backtrace}"),
            _ => String::new(),
        };
        log.line(&format!("conductor: {panic}{backtrace}"));
    }));
}
