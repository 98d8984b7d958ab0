//! The workers: so many at once, each a process that is started when it is first wanted and used again after a script that
//! ended by itself. Whoever finds all at work waits in a line that is bounded.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::frame::{Ending, FromWorker, ToWorker, length, pack, unpack};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// How scripts are run.
#[derive(Debug, Clone)]
pub struct KvScripts {
    /// The program that becomes a worker.
    pub program: PathBuf,
    /// What it is called with, so that it calls `work_on_scripts`.
    pub argument: &'static str,
    /// How many run at once; with 0 none does.
    pub at_once: usize,
}

/// All workers.
pub(in crate::kv) struct Workers {
    settings: KvScripts,
    /// Those who run a script or wait to.
    line: Semaphore,
    turns: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

/// A worker, which ends with this.
pub(super) struct Worker {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

/// A worker for one script.
pub(super) struct Turn<'a> {
    pub(super) worker: Worker,
    workers: &'a Workers,
    _turn: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Workers {
    pub(in crate::kv) fn new(settings: KvScripts) -> Self {
        let at_once = settings.at_once.min(Semaphore::MAX_PERMITS / (limit::KV_SCRIPTS_WAITING + 1));
        Self {
            line: Semaphore::new(at_once * (limit::KV_SCRIPTS_WAITING + 1)),
            turns: Semaphore::new(at_once),
            idle: Mutex::default(),
            settings,
        }
    }

    /// A worker, when it is one's turn. `Unavailable` if too many wait, `Forbidden` if no scripts are run here.
    pub(super) async fn turn(&self) -> Result<Turn<'_>> {
        if self.settings.at_once == 0 {
            return Err(Error::new(ErrorKind::Forbidden, "Scripts are turned off on this gateway"));
        }
        let busy = |_| Error::new(ErrorKind::Unavailable, "Too many scripts at once. Please try again.");
        let place = self.line.try_acquire().map_err(busy)?;
        let closed = |_| Error::new(ErrorKind::Unavailable, "Scripts cannot be run now");
        let turn = self.turns.acquire().await.map_err(closed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match idle.and_then(Worker::if_alive) {
            Some(worker) => worker,
            None => Worker::start(&self.settings).map_err(|error| {
                tracing::error!(%error, "a worker for scripts could not be started");
                Error::new(ErrorKind::Unavailable, "Scripts cannot be run now")
            })?,
        };
        Ok(Turn { worker, workers: self, _turn: turn, _place: place })
    }
}

impl Turn<'_> {
    /// Gives the worker back, for the next script.
    pub(super) fn keep(self) {
        self.workers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.worker);
    }
}

impl Worker {
    /// It gets nothing of what this process has: no environment, which can hold secrets, and no file.
    fn start(settings: &KvScripts) -> io::Result<Self> {
        let mut command = Command::new(&settings.program);
        command.arg(settings.argument).env_clear().current_dir("/");
        // An allocator that takes hold of memory before it has a use for it would find none within a worker's bound.
        command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
        // What a terminal sends to the gateway is for the gateway alone, which may still have scripts to end.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { child, to, from }),
            _ => Err(io::Error::other("a worker without pipes")),
        }
    }

    fn if_alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    pub(super) async fn send(&mut self, message: &ToWorker) -> io::Result<()> {
        self.to.write_all(&pack(message)?).await
    }

    pub(super) async fn receive(&mut self) -> io::Result<FromWorker> {
        let mut head = [0; 4];
        self.from.read_exact(&mut head).await?;
        let mut message = vec![0; length(head, limit::KV_SCRIPT_SAID_BYTES_MAX)?];
        self.from.read_exact(&mut message).await?;
        unpack(&message)
    }

    /// Why a worker is no use any more, told of the script that it ran.
    pub(super) async fn broken(mut self, error: io::Error) -> Ending {
        // One that has ended tells how; any other is ended.
        let status = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => self.child.wait().await.ok(),
            _ => None,
        };
        if status.and_then(|status| status.signal()) == Some(Signal::XCPU.as_raw()) {
            return Ending::Stopped(limit::KV_SCRIPT_CPU_REASON.to_owned());
        }
        tracing::warn!(%error, ?status, "a worker for scripts broke down");
        Ending::Stopped("The script broke down".to_owned())
    }
}
