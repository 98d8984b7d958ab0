//! A server that runs, alone in its folder, with a log, until it is stopped by its process id.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(60);
/// How long an end in good order may take.
const STOP_MAX: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(5);

/// A running server. Dropping it ends the process.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    begun: Instant,
    /// `http://HOST:PORT`
    pub(crate) endpoint: String,
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Running {
    /// Starts a server that is told its port.
    pub(crate) fn start(mut command: Command, folder: &Path, port: u16) -> Result<Running, Failure> {
        let log = folder.join("server.log");
        let file = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let begun = Instant::now();
        let child = command.spawn().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
        Ok(Running { child, log, begun, endpoint: format!("http://127.0.0.1:{port}") })
    }

    /// Starts a server that takes a free port and says which, in a line that begins like that.
    pub(crate) fn start_and_read_address(command: Command, folder: &Path, line: &str) -> Result<Running, Failure> {
        let from = fs::metadata(folder.join("server.log")).map_or(0, |log| log.len());
        let mut running = Running::start(command, folder, 0)?;
        let (log, mut endpoint) = (running.log.clone(), String::new());
        running.until("the address", || {
            // Only what is new: after millions of requests, reading the rest would take longer than the start.
            let (mut file, mut new) = (File::open(&log)?, Vec::new());
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut new)?;
            let new = String::from_utf8_lossy(&new).into_owned();
            let said = new.split_inclusive('\n').find_map(|text| text.strip_prefix(line)?.strip_suffix('\n'));
            endpoint = said.ok_or("it has not said where it listens")?.to_owned();
            Ok(())
        })?;
        running.endpoint = endpoint;
        Ok(running)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Tries until it is done, or the time for a start is over.
    pub(crate) fn until(&self, what: &str, mut attempt: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
        loop {
            match attempt() {
                Ok(()) => return Ok(()),
                Err(problem) if self.age() > START_MAX || self.has_ended() => {
                    return Err(format!("{what}: {problem}\n{}", self.log_tail()).into());
                }
                Err(_) => std::thread::sleep(STEP),
            }
        }
    }

    fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // An ended process that nobody has waited for is a zombie.
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    fn log_tail(&self) -> String {
        let text = fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(8)).copied().collect::<Vec<_>>().join("\n")
    }

    /// Ends it at once (SIGKILL).
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and ends it if it does not.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if wait(&mut self.child, STOP_MAX)? {
            return Ok(());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a process for no longer than that; whether it has ended.
pub(crate) fn wait(child: &mut Child, longest: Duration) -> Result<bool, Failure> {
    let begun = Instant::now();
    while begun.elapsed() < longest {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(STEP);
    }
    Ok(false)
}
