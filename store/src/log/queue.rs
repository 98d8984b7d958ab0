//! The bounded queue between requests and the writer. Handing over takes a short lock and no more: the writer lets requests
//! gather for a moment before it takes them all, so that it is seldom asleep when one comes, and waking a thread costs more
//! than everything else here.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::record::Pending;
use crate::limit;

/// How long requests gather.
const GATHER: Duration = Duration::from_millis(200);
/// So many end the wait: the queue must not fill up meanwhile.
const ENOUGH: usize = limit::LOG_QUEUE_MAX / 8;
/// And so many bytes.
const ENOUGH_BYTES: usize = limit::LOG_QUEUE_BYTES_MAX / 4;

/// Requests that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<Box<dyn Pending>>,
    bytes: usize,
    askers: Vec<oneshot::Sender<()>>,
    closed: bool,
}

/// What the writer takes at once.
pub(super) struct Taken {
    /// Requests, in the order they came.
    pub(super) requests: Vec<Box<dyn Pending>>,
    /// Who waits until they are written.
    pub(super) askers: Vec<oneshot::Sender<()>>,
}

impl Queue {
    /// Adds a request; false if there is no room for it.
    pub(super) fn push(&self, request: Box<dyn Pending>) -> bool {
        let size = request.size_bytes();
        let mut waiting = self.lock();
        let bytes = waiting.bytes + size;
        if waiting.closed || waiting.requests.len() >= limit::LOG_QUEUE_MAX || bytes > limit::LOG_QUEUE_BYTES_MAX {
            return false;
        }
        let was_enough = waiting.is_enough();
        waiting.bytes = bytes;
        waiting.requests.push(request);
        let wake = waiting.requests.len() == 1 || (waiting.is_enough() && !was_enough);
        drop(waiting);
        if wake {
            self.changed.notify_one();
        }
        true
    }

    /// Asks for everything that waits to be written at once. The answer comes when it is, or cannot be.
    pub(super) fn ask(&self) -> oneshot::Receiver<()> {
        let (asker, answer) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.askers.push(asker);
            drop(waiting);
            self.changed.notify_one();
        }
        answer
    }

    /// All that waits, once there is something and it had time to gather, or after `idle` nothing. `None` once the queue is
    /// closed and empty.
    pub(super) fn take(&self, idle: Option<Duration>) -> Option<Taken> {
        let mut waiting = self.lock();
        while waiting.is_idle() {
            let Some(idle) = idle else {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (after, timeout) = self.changed.wait_timeout(waiting, idle).unwrap_or_else(PoisonError::into_inner);
            waiting = after;
            if timeout.timed_out() {
                break;
            }
        }
        let gathers = |waiting: &mut Waiting| {
            !waiting.requests.is_empty() && !waiting.is_enough() && waiting.askers.is_empty() && !waiting.closed
        };
        let gathered = self.changed.wait_timeout_while(waiting, GATHER, gathers);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        if waiting.closed && waiting.requests.is_empty() && waiting.askers.is_empty() {
            return None;
        }
        waiting.bytes = 0;
        // The next batch is likely as large as this one.
        let room = Vec::with_capacity(waiting.requests.len());
        let requests = std::mem::replace(&mut waiting.requests, room);
        Some(Taken { requests, askers: std::mem::take(&mut waiting.askers) })
    }

    /// Takes no more requests; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// How many wait.
    pub(super) fn depth(&self) -> u64 {
        self.lock().requests.len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.askers.is_empty() && !self.closed
    }

    fn is_enough(&self) -> bool {
        self.requests.len() >= ENOUGH || self.bytes >= ENOUGH_BYTES
    }
}
