//! Writes log lines from a thread of its own, so that whoever reads standard error slowly, or not at all, cannot stop
//! the gateway. The queue is bounded; lines that do not fit are dropped and counted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const LINES_MAX: usize = 8_192;
/// How long the last lines are waited for when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines dropped since the start.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    /// Answers when every line before it has been written.
    Flush(SyncSender<()>),
}

/// Where the subscriber writes to.
#[derive(Clone)]
pub(super) struct Lines(SyncSender<Message>);

/// Waits for the lines written so far.
pub(crate) struct Flush(SyncSender<Message>);

impl Flush {
    /// Returns when they have been written, or nobody has taken them for a while.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.0.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

/// Starts the thread.
pub(super) fn writer() -> io::Result<(Lines, Flush)> {
    let (sender, receiver) = sync_channel(LINES_MAX);
    thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&receiver))?;
    Ok((Lines(sender.clone()), Flush(sender)))
}

fn write_all(receiver: &Receiver<Message>) {
    let mut told = 0;
    while let Ok(message) = receiver.recv() {
        match message {
            // There is nowhere to report that the log itself cannot be written.
            Message::Line(line) => drop(io::stderr().write_all(&line)),
            Message::Flush(done) => drop(done.try_send(())),
        }
        let dropped = dropped_lines();
        if dropped > told {
            drop(writeln!(io::stderr(), "{} log lines were dropped", dropped - told));
            told = dropped;
        }
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
        if self.0.try_send(Message::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
