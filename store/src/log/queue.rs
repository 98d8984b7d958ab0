//! The bounded queue between requests and the writer. Handing over takes a short lock and no more: requests come encoded, and
//! are copied one behind the other. The writer lets them gather for a moment before it takes them all, so that it is seldom
//! asleep when one comes, and waking a thread costs more than everything else here.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Millis;
use crate::id::OrgId;
use crate::limit;

/// How long requests gather.
const GATHER: Duration = Duration::from_millis(200);
/// So many bytes end the wait: the queue must not fill up meanwhile.
const ENOUGH_BYTES: usize = limit::LOG_QUEUE_BYTES_MAX / 8;
/// Bytes of a run: what grows is never so large that copying it would hold up a request.
const RUN_BYTES: usize = 128 << 10;
/// Bytes of the organisation, the time and the length before each request.
const HEAD_BYTES: usize = 16 + 8 + 4;

/// Requests that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: Requests,
    askers: Vec<oneshot::Sender<()>>,
    closed: bool,
}

/// Encoded requests in the order they came, in runs of many.
#[derive(Debug, Default)]
pub(super) struct Requests {
    runs: Vec<Vec<u8>>,
    count: u64,
    bytes: usize,
}

/// What the writer takes at once.
pub(super) struct Taken {
    pub(super) requests: Requests,
    /// Who waits until they are written.
    pub(super) askers: Vec<oneshot::Sender<()>>,
}

impl Requests {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Each with its organisation and when it ended.
    pub(super) fn iter(&self) -> impl Iterator<Item = (OrgId, Millis, &[u8])> {
        self.runs.iter().flat_map(|run| {
            let mut rest = run.as_slice();
            std::iter::from_fn(move || {
                let (org, behind) = rest.split_first_chunk()?;
                let (ended_ms, behind) = behind.split_first_chunk()?;
                let (length, behind) = behind.split_first_chunk()?;
                let (entry, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                rest = behind;
                Some((OrgId(*org), Millis::from_le_bytes(*ended_ms), entry))
            })
        })
    }

    fn push(&mut self, org: OrgId, ended_ms: Millis, entry: &[u8]) {
        let bytes = HEAD_BYTES + entry.len();
        if self.runs.last().is_none_or(|run| run.capacity() - run.len() < bytes) {
            self.runs.push(Vec::with_capacity(RUN_BYTES.max(bytes)));
        }
        if let Some(run) = self.runs.last_mut() {
            // An entry is far shorter than the type's limit.
            let length = u32::try_from(entry.len()).unwrap_or(u32::MAX);
            run.extend_from_slice(&org.0);
            run.extend_from_slice(&ended_ms.to_le_bytes());
            run.extend_from_slice(&length.to_le_bytes());
            run.extend_from_slice(entry);
        }
        self.bytes += bytes;
        self.count += 1;
    }

    fn is_enough(&self) -> bool {
        self.bytes >= ENOUGH_BYTES
    }
}

impl Queue {
    /// Adds an encoded request of an organisation, which ended then; false if there is no room for it.
    pub(super) fn push(&self, org: OrgId, ended_ms: Millis, entry: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.closed || waiting.requests.bytes + HEAD_BYTES + entry.len() > limit::LOG_QUEUE_BYTES_MAX {
            return false;
        }
        let was_enough = waiting.requests.is_enough();
        waiting.requests.push(org, ended_ms, entry);
        let wake = waiting.requests.count == 1 || (waiting.requests.is_enough() && !was_enough);
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
            waiting.requests.count > 0 && !waiting.requests.is_enough() && waiting.askers.is_empty() && !waiting.closed
        };
        let gathered = self.changed.wait_timeout_while(waiting, GATHER, gathers);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        if waiting.closed && waiting.requests.count == 0 && waiting.askers.is_empty() {
            return None;
        }
        Some(Taken { requests: std::mem::take(&mut waiting.requests), askers: std::mem::take(&mut waiting.askers) })
    }

    /// Takes no more requests; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// How many wait.
    pub(super) fn depth(&self) -> u64 {
        self.lock().requests.count
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.requests.count == 0 && self.askers.is_empty() && !self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_as_they_came_over_any_number_of_runs() {
        let queue = Queue::default();
        let lengths = [0, 1, 700, RUN_BYTES - 3 * HEAD_BYTES, 1, RUN_BYTES + 1, 5];
        let entries: Vec<Vec<u8>> = (0_u8..).zip(lengths).map(|(n, length)| vec![n; length]).collect();
        for (n, entry) in (0_u8..).zip(&entries) {
            assert!(queue.push(OrgId([n; 16]), n.into(), entry));
        }
        let taken = queue.take(None).unwrap().requests;
        let expected = (0_u8..).zip(&entries).map(|(n, entry)| (OrgId([n; 16]), n.into(), entry.as_slice()));
        assert!(taken.iter().eq(expected));
        assert_eq!((taken.count(), queue.depth()), (7, 0));
    }
    #[test]
    fn what_there_is_no_room_for_is_refused_and_what_waits_is_kept() {
        let queue = Queue::default();
        let entry = vec![7; limit::LOG_ENTRY_BYTES_MAX];
        let fit = limit::LOG_QUEUE_BYTES_MAX / (HEAD_BYTES + entry.len());
        assert!((0..fit).all(|_| queue.push(OrgId([1; 16]), 1, &entry)));
        assert!(!queue.push(OrgId([1; 16]), 1, &entry));
        assert_eq!(queue.take(None).unwrap().requests.iter().count(), fit);
        assert!(queue.push(OrgId([1; 16]), 1, &entry), "there is room again");
        queue.close();
        assert!(!queue.push(OrgId([1; 16]), 1, &entry));
        assert_eq!(queue.take(None).unwrap().requests.count(), 1, "what waits is still written");
        assert!(queue.take(None).is_none());
    }
}
