//! The real binary, on a data directory and a port of its own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use crate::client::Client;
use crate::sign::Keys;

/// Root access key id of every server that tests start.
pub const ACCESS: &str = "WINDLASSTESTROOT0001";
/// Root secret of every server that tests start.
pub const SECRET: &str = "windlass-test-root-secret-0123456789abcdef";
/// Root token of every server that tests start.
pub const TOKEN: &str = "bkt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How long a start or a stop may take before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// Arguments after those every server gets.
    pub args: Vec<OsString>,
    /// A program that becomes the server: it is given the binary and its arguments, and keeps its process id.
    pub wrapper: Vec<OsString>,
    /// Environment beside the root key.
    pub env: Vec<(String, String)>,
    /// A configuration file's text.
    pub config: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options::of(binary())
    }
}

impl Options {
    /// A binary, and nothing else.
    pub fn of(binary: PathBuf) -> Options {
        Options { binary, args: Vec::new(), wrapper: Vec::new(), env: Vec::new(), config: None }
    }

    /// Adds a configuration file.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// Adds to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the binary through a program that execs it.
    #[must_use]
    pub fn through(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(OsString::from).collect();
        self
    }
}

/// The gateway's binary: `WINDLASS_BIN`, or `windlass` in the directory above the test executable's.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("WINDLASS_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().expect("the test executable has a path");
    // target/<profile>/deps/it-… for tests, target/<profile>/crash for the crash loop.
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join("windlass")).find(|p| p.is_file());
    found.unwrap_or_else(|| {
        panic!("no windlass near {}: run `cargo build -p windlass` or set WINDLASS_BIN", own.display())
    })
}

/// A data directory that several runs of a server share. What belongs to it is removed when the last one lets go.
#[derive(Debug, Clone)]
pub struct DataDir {
    home: Arc<TempDir>,
    data: PathBuf,
}

impl DataDir {
    /// A new place; `data` under it does not exist yet.
    pub fn new() -> DataDir {
        let home = tempfile::Builder::new().prefix("windlass-it-").tempdir().expect("a temporary directory");
        let data = home.path().join("data");
        DataDir { home: Arc::new(home), data }
    }

    /// A place of the caller's, such as a mounted disk; only the log and the configuration are ours to remove.
    pub fn at(data: &Path) -> DataDir {
        DataDir { data: data.to_owned(), ..DataDir::new() }
    }

    /// What `--data` is given.
    pub fn path(&self) -> PathBuf {
        self.data.clone()
    }

    /// Leaves the directory on the disk, for a look at what went wrong.
    pub fn keep(&self) -> PathBuf {
        std::mem::forget(self.clone());
        self.path()
    }

    /// Where the server's standard error goes.
    pub fn log(&self) -> PathBuf {
        self.home.path().join("stderr.log")
    }
}

impl Default for DataDir {
    fn default() -> Self {
        DataDir::new()
    }
}

/// A server that did not come up.
#[derive(Debug)]
pub struct Refused {
    /// How the process ended.
    pub status: ExitStatus,
    /// Everything it said.
    pub stderr: String,
}

/// A running server. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Mutex<Receiver<String>>,
    options: Options,
    data: DataDir,
    address: SocketAddr,
    ready_after: Duration,
}

impl Server {
    /// Starts a server with defaults on a new data directory.
    pub fn start() -> Server {
        Server::start_with(Options::default(), DataDir::new())
    }

    /// Starts a server; panics with its log when it does not come up.
    pub fn start_with(options: Options, data: DataDir) -> Server {
        Server::try_start(options, data)
            .unwrap_or_else(|refused| panic!("the gateway ended with {}:\n{}", refused.status, refused.stderr))
    }

    /// Starts a server, and waits for the line that says where it listens.
    pub fn try_start(options: Options, data: DataDir) -> Result<Server, Refused> {
        let mut command = match options.wrapper.split_first() {
            Some((program, args)) => {
                let mut command = command(Path::new(program), &options.env);
                command.args(args).arg(&options.binary);
                command
            }
            None => command(&options.binary, &options.env),
        };
        command.arg("serve").arg("--data").arg(data.path()).args(["--listen", "127.0.0.1:0"]).args(&options.args);
        if let Some(text) = &options.config {
            let path = data.home.path().join("windlass.toml");
            std::fs::write(&path, text).expect("the configuration can be written");
            command.arg("--config").arg(path);
        }
        let log = File::options().create(true).append(true).open(data.log()).expect("the log can be opened");
        let began = Instant::now();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn();
        let mut child = spawned.unwrap_or_else(|e| panic!("{}: {e}", options.binary.display()));
        let lines = read_lines(&mut child);
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let ready_after = began.elapsed();
                let listening = line.strip_prefix("windlass: listening on ").and_then(|url| url.split_once("://"));
                let address = listening
                    .filter(|(scheme, _)| ["http", "https"].contains(scheme))
                    .and_then(|(_, a)| a.parse().ok());
                let Some(address) = address else {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("the first line is {line:?}")
                };
                Ok(Server { child, lines: Mutex::new(lines), options, data, address, ready_after })
            }
            Err(_) => {
                let _ = child.kill();
                let status = child.wait().expect("the process can be waited for");
                Err(Refused { status, stderr: std::fs::read_to_string(data.log()).unwrap_or_default() })
            }
        }
    }

    /// A client with the root key. Each test makes its own: connections belong to a runtime.
    pub fn client(&self) -> Client {
        Client::new(self.address, Keys { access: ACCESS.to_owned(), secret: SECRET.to_owned() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From spawning the process to reading the line that says it listens.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The data directory.
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// What it has written to standard error so far, in all runs on this directory. A running gateway gathers lines
    /// for some milliseconds: what must be there is there once it has ended.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.log()).unwrap_or_default()
    }

    /// The end of that.
    pub fn log_tail(&self) -> String {
        tail(&self.log(), 40)
    }

    /// Kills the process at once (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process can be waited for");
    }

    /// Asks the process to end (SIGTERM).
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("the process can be signalled");
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the process can be waited for").is_none()
    }

    /// Waits until the process has ended by itself; panics with its log when it does not. Returns what it wrote to
    /// standard output after its first line.
    pub fn wait(&mut self) -> (ExitStatus, Vec<String>) {
        let mut rest = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        // Standard output ends when the process does.
        loop {
            let lines = self.lines.get_mut().expect("no reader panicked");
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => rest.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the gateway does not end:\n{}", self.log()),
            }
        }
        (self.child.wait().expect("the process can be waited for"), rest)
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.wait().0
    }

    /// A new process on the same data directory; the old one must have ended.
    pub fn restart(mut self) -> Server {
        let _ = self.child.kill();
        let _ = self.child.wait();
        Server::start_with(self.options.clone(), self.data.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the end of the gateway's log ---\n{}", self.log_tail());
        }
    }
}

/// Runs another command of the binary on a data directory, such as `check`.
pub fn run(binary: &Path, command_name: &str, data: &Path, args: &[&str]) -> Output {
    run_with(binary, &[], command_name, data, args)
}

/// The same with more in its environment.
pub fn run_with(binary: &Path, env: &[(String, String)], command_name: &str, data: &Path, args: &[&str]) -> Output {
    let mut command = command(binary, env);
    command.arg(command_name).arg("--data").arg(data).args(args).stdin(Stdio::null());
    command.output().unwrap_or_else(|e| panic!("{}: {e}", binary.display()))
}

/// A command with the root key and no other setting of the environment that tests themselves run in.
fn command(binary: &Path, env: &[(String, String)]) -> Command {
    let mut command = Command::new(binary);
    std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("WINDLASS_")).for_each(|(n, _)| {
        command.env_remove(n);
    });
    command
        .env("WINDLASS_ROOT_ACCESS_KEY", ACCESS)
        .env("WINDLASS_ROOT_SECRET_KEY", SECRET)
        .env("WINDLASS_ROOT_TOKEN", TOKEN)
        .envs(env.iter().map(|(n, v)| (n, v)));
    command
}

/// Hands over the lines of standard output as they come; the channel closes when the process ends.
fn read_lines(child: &mut Child) -> Receiver<String> {
    let stdout = child.stdout.take().expect("standard output is piped");
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
