//! Writes log lines from a thread of its own, so that whoever reads standard error slowly, or not at all, cannot stop
//! the gateway. What waits is bounded; lines that do not fit are dropped and counted.
//!
//! Lines gather for a few milliseconds and are written together: to wake the thread and to write once for every request
//! would cost more than many requests do.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that may wait.
const BYTES_MAX: usize = 2 << 20;
/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(5);
/// How long the last lines are waited for when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines dropped since the start.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Told when every line before it has been written.
    flushes: Vec<SyncSender<()>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Signalled when something begins to wait.
    begun: Condvar,
    /// Signalled when somebody waits for a flush.
    hurry: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, or refuses it if too much waits already.
    fn push(&self, line: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > BYTES_MAX {
            return false;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if first {
            self.begun.notify_one();
        }
        true
    }

    /// Waits until there is something to write, lets more gather, and takes it; `written` is used again for the next.
    fn take(&self, written: Vec<u8>) -> Waiting {
        let idle = |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.flushes.is_empty();
        let waiting = self.begun.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let patient = |waiting: &mut Waiting| waiting.flushes.is_empty() && waiting.lines.len() < BYTES_MAX / 2;
        let gathered = self.hurry.wait_timeout_while(waiting, GATHER, patient);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *waiting, Waiting { lines: written, flushes: Vec::new() })
    }
}

/// Where the subscriber writes to.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

impl Lines {
    /// Takes one whole line.
    pub(super) fn take(&self, line: &[u8]) {
        if !self.0.push(line) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits for the lines written so far.
pub(crate) struct Flush(Arc<Shared>);

impl Flush {
    /// Returns when they have been written, or nobody has taken them for a while.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.0.lock().flushes.push(done);
        self.0.begun.notify_one();
        self.0.hurry.notify_one();
        let _ = wait.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Starts the thread.
pub(super) fn writer() -> io::Result<(Lines, Flush)> {
    let shared = Arc::new(Shared::default());
    let taken = Arc::clone(&shared);
    thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&taken, io::stderr()))?;
    Ok((Lines(Arc::clone(&shared)), Flush(shared)))
}

fn write_all(shared: &Shared, mut out: impl Write) {
    let (mut told, mut written) = (0, Vec::new());
    loop {
        let Waiting { mut lines, flushes } = shared.take(written);
        // There is nowhere to report that the log itself cannot be written.
        drop(out.write_all(&lines));
        let dropped = dropped_lines();
        if dropped > told {
            drop(writeln!(out, "{} log lines were dropped", dropped - told));
            told = dropped;
        }
        for done in flushes {
            let _ = done.try_send(());
        }
        lines.clear();
        written = lines;
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    /// Takes one whole line, as the subscriber writes them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.take(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_order_and_before_a_flush_returns() {
        let shared = Shared::default();
        assert!(shared.push(b"one\n") && shared.push(b"two\n"));
        let (done, _wait) = sync_channel(1);
        shared.lock().flushes.push(done);
        let taken = shared.take(Vec::new());
        assert_eq!((taken.lines.as_slice(), taken.flushes.len()), (b"one\ntwo\n".as_slice(), 1));
        assert!(shared.lock().lines.is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let shared = Shared::default();
        let line = vec![b'x'; BYTES_MAX / 4];
        assert_eq!([(); 5].map(|()| shared.push(&line)), [true, true, true, true, false]);
        assert_eq!(shared.take(Vec::new()).lines.len(), BYTES_MAX, "what has waited is not lost");
        assert!(shared.push(&line), "and there is room again");
    }
}
