//! Real servers for tests, each on a free port of loopback and with its data in a temporary folder. Dropping one kills it,
//! by its process id.
//!
//! PostgreSQL refuses to run as root, so root's tests run it as an unprivileged user.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

#[path = "../programs/mod.rs"]
mod programs;

/// The longest wait for a start or for a visible change, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The id of the unprivileged user and group that Linux systems have.
const UNPRIVILEGED: u32 = 65_534;

/// PostgreSQL. Its superuser `maestro` needs no password.
pub(crate) struct Postgres {
    /// Before its folder, which is removed when the server is dead.
    process: Process,
    folder: Folder,
}

/// Redis without persistence.
pub(crate) struct Redis {
    process: Process,
    _folder: Folder,
}

/// A server that runs. Dropping it kills it and its children.
struct Process {
    child: Child,
    port: u16,
}

/// The data and the log of a server.
struct Folder {
    temporary: TempDir,
    /// The owner, if it is not the user of this process.
    owner: Option<u32>,
}

// === impl Postgres ===

impl Postgres {
    pub(crate) async fn start() -> Self {
        let folder = Folder::for_others();
        let mut initdb = folder.command(&program("initdb").await);
        initdb.args(["--no-sync", "--auth=trust", "--username=maestro"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--pgdata=data"]);
        let status = initdb.status();
        let status = status.expect("it is installed");
        assert!(status.success(), "initdb: {}", folder.log());
        let process = Self::run(&folder, None).await;
        Self { process, folder }
    }

    pub(crate) fn config(&self) -> tokio_postgres::Config {
        config(self.process.port)
    }

    /// Suspends all its processes: it accepts connections, and answers nothing.
    pub(crate) fn pause(&self) {
        for process in self.process.family() {
            let _ = kill_process(process, Signal::STOP);
        }
    }

    pub(crate) fn resume(&self) {
        for process in self.process.family() {
            let _ = kill_process(process, Signal::CONT);
        }
    }

    /// Kills all its processes, as a crash of the machine does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after it was killed, on the same port and with the same data.
    pub(crate) async fn restart(&mut self) {
        self.process = Self::run(&self.folder, Some(self.process.port)).await;
    }

    async fn run(folder: &Folder, port: Option<u16>) -> Process {
        let data = folder.path().join("data");
        let program = program("postgres").await;
        let command = |port: u16| {
            let mut postgres = folder.command(&program);
            postgres.args(["-D", "data", "-p", &port.to_string()]);
            for setting in [
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=off",
            ] {
                postgres.args(["-c", setting]);
            }
            postgres
        };
        // Its folder shows that it is ours. Another server may have taken the port, and ours not noticed yet.
        let is_ready = async |port, _| {
            let (client, connection) = config(port).connect(tokio_postgres::NoTls).await.ok()?;
            let driver = tokio::spawn(connection);
            let row = client.query_one("SHOW data_directory", &[]).await.ok();
            driver.abort();
            (row?.get::<_, &str>(0) == data.to_str()?).then_some(())
        };
        Process::start(folder, port, command, is_ready).await
    }
}

fn config(port: u16) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port);
    config.user("maestro").dbname("postgres");
    config
}

// === impl Redis ===

impl Redis {
    pub(crate) async fn start() -> Self {
        let folder = Folder::for_others();
        let program = program("redis-server").await;
        let command = |port: u16| {
            let mut redis = folder.command(&program);
            redis.args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--save",
                "",
            ]);
            redis
        };
        // Its process id shows that it is ours.
        let is_ready = async |port, id| {
            let client = redis::Client::open(url(port)).ok()?;
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let mut info = redis::cmd("INFO");
            let info: String = info.arg("server").query_async(&mut connection).await.ok()?;
            info.contains(&format!("\r\nprocess_id:{id}\r\n"))
                .then_some(())
        };
        let process = Process::start(&folder, None, command, is_ready).await;
        Self {
            process,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        url(self.process.port)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

// === impl Process ===

impl Process {
    /// Starts a server on `port`, or on a free one, and waits until `is_ready(port, process id)`.
    async fn start(
        folder: &Folder,
        port: Option<u16>,
        command: impl Fn(u16) -> Command,
        is_ready: impl AsyncFn(u16, u32) -> Option<()>,
    ) -> Self {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let port = port.unwrap_or_else(free_port);
            let child = command(port).spawn().expect("it is installed");
            let mut process = Self { child, port };
            // It ends at once if another process has taken the port.
            while process.child.try_wait().is_ok_and(|ended| ended.is_none())
                && Instant::now() < until
            {
                let ready = is_ready(port, process.child.id());
                if let Ok(Some(())) = timeout(Duration::from_secs(5), ready).await {
                    return process;
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("the server does not become ready: {}", folder.log());
    }

    /// The server and its children, as they are now.
    fn family(&self) -> impl Iterator<Item = Pid> {
        let server = Pid::from_child(&self.child);
        let is_child = move |process: &Pid| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
            // The name, which stands in parentheses, the state and the parent.
            let parent = stat.ok().and_then(|stat| {
                let (_, rest) = stat.rsplit_once(')')?;
                rest.split_whitespace().nth(1)?.parse().ok()
            });
            parent == Some(server.as_raw_nonzero().get())
        };
        let processes = fs::read_dir("/proc").expect("Linux has /proc").flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        // The server first: when it is suspended it has no further children.
        std::iter::once(server).chain(ids.filter_map(Pid::from_raw).filter(is_child))
    }

    fn kill(&mut self) {
        // The id of a process that was waited for may be another one's.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::STOP);
            for process in self.family().skip(1) {
                let _ = kill_process(process, Signal::KILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

// === impl Folder ===

impl Folder {
    /// A folder in which a server can write that may not be root.
    fn for_others() -> Self {
        let temporary = TempDir::new().expect("a temporary folder can be made");
        let metadata = temporary.path().metadata().expect("it was just made");
        let owner = (metadata.uid() == 0).then_some(UNPRIVILEGED);
        if owner.is_some() {
            chown(temporary.path(), owner, owner).expect("root may give it away");
        }
        Self { temporary, owner }
    }

    /// A command that runs in the folder as its owner, and writes to the log.
    fn command(&self, program: &Path) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("log"));
        let log = log.expect("the folder is writable");
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("LC_ALL", "C");
        command.stdin(std::process::Stdio::null());
        command
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log);
        if let Some(owner) = self.owner {
            command.uid(owner).gid(owner);
        }
        command
    }

    fn path(&self) -> &Path {
        self.temporary.path()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

/// The path of a program, which may have to be installed first. Meanwhile other servers start.
async fn program(name: &'static str) -> PathBuf {
    let program = spawn_blocking(move || programs::program(name)).await;
    let program = program.expect("it returns its errors");
    program.unwrap_or_else(|missing| panic!("{missing}"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("loopback has a free port").port()
}
