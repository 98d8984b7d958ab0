//! The bounded queue between requests and the writer. Requests come encoded, and each thread copies them one behind the other
//! into a share of its own, so that handing over waits for nobody. The writer lets them gather for a moment before it takes all
//! shares: it is seldom asleep when a request comes, and waking a thread costs more than everything else here.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::{Millis, Stopwatch};
use crate::id::OrgId;
use crate::limit;
use crate::spread::Spread;

/// How long requests gather.
const GATHER: Duration = Duration::from_millis(200);
/// Bytes of a run. It never grows: copying it would hold up a request.
const RUN_BYTES: usize = 128 << 10;
/// Runs that may be begun, of all shares.
const RUNS_MAX: usize = limit::LOG_QUEUE_BYTES_MAX / RUN_BYTES;
/// So many that are full end the wait: more would not stay in the cache until they are written.
const ENOUGH_RUNS: usize = RUNS_MAX / 16;
/// Runs that are kept to be filled again: new memory costs more than to fill it.
const SPARE_RUNS: usize = 2 * ENOUGH_RUNS;
/// Bytes before each request: when it was handed over, its organisation, when it ended, its length.
const HEAD_BYTES: usize = 8 + 16 + 8 + 4;

/// Requests that wait for the writer.
pub(super) struct Queue {
    /// Tells which request was handed over first, whatever the thread.
    since: Stopwatch,
    shares: Spread<Mutex<Share>>,
    /// Runs of all shares.
    runs: AtomicUsize,
    /// Those of them that are full: all but the last of each share.
    full: AtomicUsize,
    /// Empty ones.
    spare: Mutex<Vec<Vec<u8>>>,
    /// Whether the writer waits for the first request. Read and written so that a share's lock is between: who hands over
    /// sees that it sleeps, or it sees what was handed over.
    sleeps: AtomicBool,
    calls: Mutex<Calls>,
    called: Condvar,
}

/// What a thread has handed over: encoded requests in the order they came, in runs of many.
#[derive(Debug, Default)]
struct Share {
    runs: Vec<Vec<u8>>,
    count: u64,
    closed: bool,
}

/// Why the writer is to wake up.
#[derive(Default)]
struct Calls {
    /// There is a request again.
    first: bool,
    /// There are enough.
    enough: bool,
    askers: Vec<oneshot::Sender<()>>,
    closed: bool,
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Taken {
    runs: Vec<Vec<u8>>,
    /// How many requests there are.
    pub(super) count: u64,
    /// Who waits until they are written.
    askers: Vec<oneshot::Sender<()>>,
}

/// An encoded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handed<'a> {
    pub(super) org: OrgId,
    pub(super) ended_ms: Millis,
    pub(super) entry: &'a [u8],
}

impl Taken {
    /// The requests as they were handed over.
    pub(super) fn in_order(&self) -> impl Iterator<Item = Handed<'_>> {
        let mut all: Vec<_> = self.runs.iter().flat_map(|run| handed(run)).collect();
        all.sort_by_key(|(nanos, _)| *nanos);
        all.into_iter().map(|(_, request)| request)
    }
}

/// The requests of a run, and when they were handed over.
fn handed(mut run: &[u8]) -> impl Iterator<Item = (u64, Handed<'_>)> {
    std::iter::from_fn(move || {
        let (nanos, behind) = run.split_first_chunk()?;
        let (org, behind) = behind.split_first_chunk()?;
        let (ended_ms, behind) = behind.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let (entry, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        run = behind;
        let request = Handed { org: OrgId(*org), ended_ms: Millis::from_le_bytes(*ended_ms), entry };
        Some((u64::from_le_bytes(*nanos), request))
    })
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            since: Stopwatch::start(),
            shares: Spread::default(),
            runs: AtomicUsize::new(0),
            full: AtomicUsize::new(0),
            spare: Mutex::default(),
            sleeps: AtomicBool::new(false),
            calls: Mutex::default(),
            called: Condvar::new(),
        }
    }
}

impl Queue {
    /// Adds an encoded request; false if there is no room for it.
    pub(super) fn push(&self, request: Handed<'_>) -> bool {
        let (bytes, nanos) = (HEAD_BYTES + request.entry.len(), self.since.nanos());
        let mut share = lock(self.shares.mine());
        if share.closed || bytes > RUN_BYTES {
            return false;
        }
        let is_full = share.runs.last().is_none_or(|run| run.capacity() - run.len() < bytes);
        let begun = if is_full { self.begin_run(&mut share) } else { Some(false) };
        let Some(enough) = begun else { return false };
        if let Some(run) = share.runs.last_mut() {
            // A run is far shorter than the type's limit.
            let length = u32::try_from(request.entry.len()).unwrap_or(u32::MAX);
            run.extend_from_slice(&nanos.to_le_bytes());
            run.extend_from_slice(&request.org.0);
            run.extend_from_slice(&request.ended_ms.to_le_bytes());
            run.extend_from_slice(&length.to_le_bytes());
            run.extend_from_slice(request.entry);
            share.count += 1;
        }
        let first = self.sleeps.load(Ordering::Relaxed);
        drop(share);
        if first || enough {
            self.call(|calls| {
                calls.first |= first;
                calls.enough |= enough;
            });
        }
        true
    }

    /// Begins another run; whether enough are full by that, or `None` if there is no room.
    fn begin_run(&self, share: &mut Share) -> Option<bool> {
        if self.runs.fetch_add(1, Ordering::Relaxed) >= RUNS_MAX {
            self.runs.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let is_first = share.runs.is_empty();
        let spare = lock(&self.spare).pop();
        share.runs.push(spare.unwrap_or_else(|| Vec::with_capacity(RUN_BYTES)));
        Some(!is_first && (self.full.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(ENOUGH_RUNS))
    }

    /// Asks for everything that waits to be written at once. The answer comes when it is, or cannot be.
    pub(super) fn ask(&self) -> oneshot::Receiver<()> {
        let (asker, answer) = oneshot::channel();
        self.call(|calls| {
            if !calls.closed {
                calls.askers.push(asker);
            }
        });
        answer
    }

    /// All that waits, once there is something and it had time to gather, or after `idle` nothing. `None` once the queue is
    /// closed and empty.
    pub(super) fn take(&self, idle: Option<Duration>) -> Option<Taken> {
        self.sleeps.store(true, Ordering::Relaxed);
        let mut calls = lock(&self.calls);
        calls.first = false;
        if self.depth() == 0 {
            let sleeps = |calls: &mut Calls| !calls.first && calls.is_patient();
            calls = match idle {
                None => self.called.wait_while(calls, sleeps).unwrap_or_else(PoisonError::into_inner),
                Some(idle) => {
                    self.called.wait_timeout_while(calls, idle, sleeps).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        self.sleeps.store(false, Ordering::Relaxed);
        if self.depth() > 0 {
            let gathers = |calls: &mut Calls| !calls.enough && calls.is_patient();
            let gathered = self.called.wait_timeout_while(calls, GATHER, gathers);
            calls = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        calls.enough = false;
        let (askers, closed) = (std::mem::take(&mut calls.askers), calls.closed);
        drop(calls);
        // Only now: what was handed over before somebody asked is in it.
        let (mut taken, mut full) = (Taken { askers, ..Taken::default() }, 0);
        for share in self.shares.all() {
            let mut share = lock(share);
            full += share.runs.len().saturating_sub(1);
            taken.runs.append(&mut share.runs);
            taken.count += std::mem::take(&mut share.count);
        }
        self.runs.fetch_sub(taken.runs.len(), Ordering::Relaxed);
        self.full.fetch_sub(full, Ordering::Relaxed);
        (!closed || taken.count > 0 || !taken.askers.is_empty()).then_some(taken)
    }

    /// Gives back what was taken, when it is written.
    pub(super) fn written(&self, taken: Taken) {
        let mut spare = lock(&self.spare);
        let room = SPARE_RUNS.saturating_sub(spare.len());
        spare.extend(taken.runs.into_iter().take(room).map(|mut run| {
            run.clear();
            run
        }));
        drop(spare);
        // Nobody may be waiting any more.
        taken.askers.into_iter().for_each(|asker| asker.send(()).unwrap_or_default());
    }

    /// Takes no more requests; what waits is still written.
    pub(super) fn close(&self) {
        self.shares.all().for_each(|share| lock(share).closed = true);
        self.call(|calls| calls.closed = true);
    }

    /// How many wait.
    pub(super) fn depth(&self) -> u64 {
        self.shares.all().map(|share| lock(share).count).sum()
    }

    fn call(&self, why: impl FnOnce(&mut Calls)) {
        why(&mut lock(&self.calls));
        self.called.notify_one();
    }
}

impl Calls {
    /// Whether nobody waits for the writer.
    fn is_patient(&self) -> bool {
        self.askers.is_empty() && !self.closed
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(n: u8, entry: &[u8]) -> Handed<'_> {
        Handed { org: OrgId([n; 16]), ended_ms: n.into(), entry }
    }

    #[test]
    fn requests_are_taken_as_they_came_over_any_number_of_runs() {
        let queue = Queue::default();
        let lengths = [0, 1, 700, RUN_BYTES - 3 * HEAD_BYTES, 1, RUN_BYTES - HEAD_BYTES, 5];
        let entries: Vec<Vec<u8>> = (0_u8..).zip(lengths).map(|(n, length)| vec![n; length]).collect();
        for (n, entry) in (0_u8..).zip(&entries) {
            assert!(queue.push(request(n, entry)));
        }
        assert!(!queue.push(request(9, &[9; RUN_BYTES])), "no run has room for it");
        let taken = queue.take(None).unwrap();
        let expected: Vec<_> = (0_u8..).zip(&entries).map(|(n, entry)| request(n, entry)).collect();
        assert_eq!(taken.in_order().collect::<Vec<_>>(), expected);
        assert_eq!((taken.count, queue.depth()), (7, 0));
    }

    #[test]
    fn requests_of_many_threads_are_taken_as_they_came_and_none_is_lost() {
        let queue = Queue::default();
        let (threads, each) = (6_u8, 2_000);
        let taken = std::thread::scope(|scope| {
            for thread in 0..threads {
                let queue = &queue;
                scope.spawn(move || {
                    for n in 0_u64..each {
                        let org = OrgId([thread; 16]);
                        assert!(queue.push(Handed { org, ended_ms: 1, entry: &n.to_le_bytes() }));
                    }
                });
            }
            let mut taken = vec![];
            while taken.len() < usize::from(threads) * each as usize {
                let _asked = queue.ask();
                let batch = queue.take(None).unwrap();
                let before = taken.len();
                let number = |entry: &[u8]| u64::from_le_bytes(entry.try_into().unwrap());
                taken.extend(batch.in_order().map(|request| (request.org, number(request.entry))));
                assert_eq!((taken.len() - before) as u64, batch.count);
                queue.written(batch);
            }
            taken
        });
        for thread in 0..threads {
            let mine = taken.iter().filter(|(org, _)| *org == OrgId([thread; 16])).map(|(_, number)| *number);
            assert!(mine.eq(0..each), "each thread's come in their order");
        }
    }

    #[test]
    fn what_one_thread_hands_over_after_another_comes_behind_it() {
        let queue = Queue::default();
        for n in 0..40 {
            let request = Handed { ended_ms: 1, ..request(n, b"x") };
            std::thread::scope(|scope| scope.spawn(|| assert!(queue.push(request))).join()).unwrap();
        }
        let orgs = queue.take(None).unwrap().in_order().map(|request| request.org.0[0]).collect::<Vec<_>>();
        assert!(orgs.iter().copied().eq(0..40), "{orgs:?}");
    }

    #[test]
    fn who_sleeps_is_woken_by_the_first_request() {
        let queue = Queue::default();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| queue.take(None).unwrap().count);
            assert!(queue.push(request(1, b"x")));
            assert_eq!(taken.join().unwrap(), 1);
        });
        assert_eq!(queue.take(Some(Duration::ZERO)).unwrap().count, 0, "and does not sleep for longer than it is told");
    }

    #[test]
    fn what_is_taken_and_given_back_is_counted_to_the_end() {
        let queue = Queue::default();
        let entry = [7; RUN_BYTES / 2];
        for _ in 0..3 {
            assert!((0..2 * ENOUGH_RUNS).all(|_| queue.push(request(1, &entry))));
            assert!(lock(&queue.calls).enough);
            let taken = queue.take(None).unwrap();
            assert_eq!(taken.in_order().count(), 2 * ENOUGH_RUNS);
            queue.written(taken);
            assert_eq!([&queue.runs, &queue.full].map(|count| count.load(Ordering::Relaxed)), [0, 0]);
            assert_eq!(lock(&queue.spare).len(), SPARE_RUNS);
            assert!(!lock(&queue.calls).enough);
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_refused_and_what_waits_is_kept() {
        let queue = Queue::default();
        let entry = vec![7; limit::LOG_ENTRY_BYTES_MAX - HEAD_BYTES];
        let fit = limit::LOG_QUEUE_BYTES_MAX / limit::LOG_ENTRY_BYTES_MAX;
        assert!((0..fit).all(|_| queue.push(request(1, &entry))));
        assert!(!queue.push(request(1, &entry)));
        assert_eq!(queue.take(None).unwrap().in_order().count(), fit);
        assert!(queue.push(request(1, &entry)), "there is room again");
        queue.close();
        assert!(!queue.push(request(1, &entry)));
        assert_eq!(queue.take(None).unwrap().count, 1, "what waits is still written");
        assert!(queue.take(None).is_none());
    }
}
