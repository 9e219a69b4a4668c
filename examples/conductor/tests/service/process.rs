//! The conductor as a child process that can be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::stage::PATIENCE;

/// The process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) client: Client,
}

impl Process {
    /// Starts the process on a free port, and returns when it listens.
    pub(crate) fn start(database: &Path, peer: &str) -> Self {
        let mut command = conductor(["--listen", "127.0.0.1:0", "--peer", peer, "--database"]);
        command.arg(database);
        Self::serving(command)
    }

    /// Runs a command that serves, and returns when it listens.
    pub(crate) fn serving(mut command: Command) -> Self {
        command.stderr(Stdio::null());
        Self::logging(command)
    }

    /// Runs a command that serves and has a stderr, and returns when it listens.
    pub(crate) fn logging(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stdout = child.stdout.take().expect("its stdout is ours");
        let mut process = Self {
            child,
            client: Client::new(SocketAddr::from(([0, 0, 0, 0], 0))),
        };
        let (said, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = said.send(line);
        });
        let line = line
            .recv_timeout(PATIENCE)
            .expect("it says where it listens");
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        let address: SocketAddr = address.parse().unwrap_or_else(|_| panic!("said: {line}"));
        process.client = Client::new(address);
        process
    }

    /// The largest resident size until now, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
        kilobytes.expect("a number of kB") * 1024
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is dead");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it is ours");
    }

    /// Waits for the end of the process.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.expect("it ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, without the variables of the environment that configure it.
pub(crate) fn conductor<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conductor"));
    command.args(arguments);
    for variable in [
        "LISTEN",
        "DATABASE",
        "PEER",
        "OBJECTIVE",
        "DRAIN_SECONDS",
        "ALLOW_REMOTE",
        "HOSTS",
        "LOG",
    ] {
        command.env_remove(format!("CONDUCTOR_{variable}"));
    }
    command
}

/// The same command, run by a shell script in which it is `"$0" "$@"`.
pub(crate) fn shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Runs a command that ends with an error. If the command serves instead, it is killed.
pub(crate) async fn output(command: Command) -> Output {
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    output.expect("the command ends").expect("the binary runs")
}
