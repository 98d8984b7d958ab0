//! Threads that digest chunks of bodies, several at once.
//!
//! There is no timer. An idle digester begins with the first job that comes. A busy one looks between two steps of some
//! kilobytes whether more jobs wait, and takes them into lanes beside those it has, so the more there is to do, the less
//! of a core each job takes. A few jobs for each digester wake the next one, if there is a core for it: where cores are
//! idle it is there before the first one has come to its next step, and where they are not, lanes are what saves them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::vec::IntoIter;

use bytes::{Buf as _, Bytes};
use tokio::sync::oneshot;

use super::lanes::{Block, LANES_MAX, take_in};
use crate::blob::digest::Digests;
use crate::error::{Error, Result};
use crate::limit;

/// Blocks of each lane between two looks at the queue.
const STEP_BLOCKS: usize = 512;
/// Jobs for each digester that are not worth waking another one.
const JOBS_EACH: usize = 4;
/// Jobs that a digester takes at once: another one that was woken finds some too.
const TAKE: usize = 4;
/// Lanes of a digester. Without optimisation they take far longer than the `md-5` crate, which has it always.
const LANES: usize = if cfg!(debug_assertions) { 1 } else { LANES_MAX };

/// The digesters of the process: they share its cores, so all stores share them.
static SHARED: LazyLock<Arc<Digesters>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Digesters::new(cores, LANES, limit::DIGEST_JOBS_MAX)
});

/// Threads that digest. They end with the process.
pub(in crate::blob) struct Digesters {
    threads_max: usize,
    lanes_max: usize,
    jobs_max: usize,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Jobs without an answer yet.
    unanswered: Arc<AtomicUsize>,
}

/// As long as a job waits, a digester is awake: it sleeps only where it finds none, under the same lock.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    threads: usize,
    /// Those that run, or are about to.
    awake: usize,
    /// Those of them that have not noticed yet.
    woken: usize,
}

/// A chunk of one body, and the digests of what came before it.
struct Job {
    digests: Digests,
    chunk: Vec<Bytes>,
    answer: Answer,
}

/// A job that is being done: its body's MD5 has no begun block, and there is at least one to take in.
struct Lane {
    digests: Digests,
    piece: Bytes,
    rest: IntoIter<Bytes>,
    answer: Answer,
}

/// Where the digests go. Dropped, it tells that there will be none.
struct Answer {
    to: oneshot::Sender<Digests>,
    _unanswered: Unanswered,
}

struct Unanswered(Arc<AtomicUsize>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Digesters {
    /// Those of the process.
    pub(in crate::blob) fn shared() -> &'static Arc<Self> {
        &SHARED
    }

    fn new(threads_max: usize, lanes_max: usize, jobs_max: usize) -> Arc<Self> {
        let (queue, wake) = (Mutex::default(), Condvar::new());
        Arc::new(Self { threads_max, lanes_max, jobs_max, queue, wake, unanswered: Arc::default() })
    }

    /// Takes a chunk into the digests of its body. This begins at once, whether or not the future is polled.
    pub(in crate::blob) fn digest(
        self: &Arc<Self>,
        digests: Digests,
        chunk: Vec<Bytes>,
    ) -> impl Future<Output = Result<Digests>> + use<> {
        let (job, answer) = self.job(digests, chunk);
        if let Err(job) = self.submit(job) {
            tokio::task::spawn_blocking(|| job.run_alone());
        }
        async { answer.await.map_err(Error::unavailable) }
    }

    fn job(&self, digests: Digests, chunk: Vec<Bytes>) -> (Job, oneshot::Receiver<Digests>) {
        let (to, answer) = oneshot::channel();
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let unanswered = Unanswered(Arc::clone(&self.unanswered));
        (Job { digests, chunk, answer: Answer { to, _unanswered: unanswered } }, answer)
    }

    /// Puts a job into the queue and wakes a digester if need be. Gives the job back where that cannot be.
    fn submit(self: &Arc<Self>, job: Job) -> Result<(), Box<Job>> {
        let wanted = self.unanswered.load(Ordering::Relaxed).div_ceil(JOBS_EACH).min(self.threads_max);
        let mut queue = self.lock();
        if queue.awake < wanted {
            self.wake_one(&mut queue);
        }
        if queue.awake == 0 || queue.waiting.len() >= self.jobs_max {
            return Err(Box::new(job));
        }
        queue.waiting.push_back(job);
        Ok(())
    }

    fn wake_one(self: &Arc<Self>, queue: &mut Queue) {
        if queue.threads == queue.awake {
            let digesters = Arc::clone(self);
            let thread = std::thread::Builder::new().name("windlass-digest".to_owned());
            if let Err(error) = thread.spawn(move || digesters.serve()) {
                tracing::warn!(%error, "a digest thread could not be started");
                return;
            }
            queue.threads += 1;
        }
        queue.awake += 1;
        queue.woken += 1;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        loop {
            let asleep = self.wake.wait_while(self.lock(), |queue| queue.woken == 0);
            asleep.unwrap_or_else(PoisonError::into_inner).woken -= 1;
            // What a lane can do wrong is caught lane by lane; this is for what nobody thought of.
            while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
                tracing::error!("a digester panicked; the uploads in its lanes fail");
            }
        }
    }

    /// Does jobs until none is left.
    fn run(&self) {
        let mut lanes = Vec::new();
        while self.fill(&mut lanes) {
            step(&mut lanes);
            lanes = lanes.into_iter().filter_map(|lane| contained(|| lane.ready())).collect();
        }
    }

    /// Takes waiting jobs into free lanes; `false` once there is nothing to do, and the digester counts as asleep.
    fn fill(&self, lanes: &mut Vec<Lane>) -> bool {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            queue.awake -= usize::from(lanes.is_empty());
            return !lanes.is_empty();
        }
        let free = self.lanes_max.saturating_sub(lanes.len()).min(TAKE).min(queue.waiting.len());
        let jobs: Vec<Job> = queue.waiting.drain(..free).collect();
        drop(queue);
        lanes.extend(jobs.into_iter().filter_map(|job| contained(|| job.begin())));
        true
    }
}

impl Job {
    /// Takes everything but the MD5 of it; `None` if nobody waits for it any more, or there is no whole block in it.
    fn begin(mut self) -> Option<Lane> {
        if self.answer.to.is_closed() {
            return None;
        }
        self.chunk.iter().for_each(|bytes| self.digests.update_beside(bytes));
        let Self { digests, chunk, answer } = self;
        Lane { digests, piece: Bytes::new(), rest: chunk.into_iter(), answer }.ready()
    }

    fn run_alone(mut self) {
        self.digests.update(&self.chunk);
        self.answer.give(self.digests);
    }
}

impl Lane {
    /// Goes on to the next whole block in one piece. Without one the job is done, and answered.
    fn ready(mut self) -> Option<Self> {
        loop {
            let taken = self.digests.md5().top_up(&self.piece);
            self.piece.advance(taken);
            if !self.blocks().is_empty() {
                return Some(self);
            }
            self.digests.md5().update(&self.piece);
            let Some(piece) = self.rest.next() else { break };
            self.piece = piece;
        }
        self.answer.give(self.digests);
        None
    }

    fn blocks(&self) -> &[Block] {
        let (blocks, _) = self.piece.as_chunks();
        blocks
    }
}

impl Answer {
    fn give(self, digests: Digests) {
        // An upload that was given up does not wait for it.
        let _ = self.to.send(digests);
    }
}

/// Takes as many blocks in as all lanes have, up to a step.
fn step(lanes: &mut [Lane]) {
    let count = lanes.iter().map(|lane| lane.blocks().len()).min().unwrap_or(0).min(STEP_BLOCKS);
    let mut runs = Vec::with_capacity(lanes.len());
    for Lane { digests, piece, .. } in &mut *lanes {
        let (blocks, _) = piece.as_chunks();
        runs.push(digests.md5().run(blocks.get(..count).unwrap_or_default()));
    }
    take_in(&mut runs);
    lanes.iter_mut().for_each(|lane| lane.piece.advance(count * size_of::<Block>()));
}

/// Keeps a panic from the other lanes. What panics is gone with its answer, which its upload takes for a failure.
fn contained<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("a digest panicked; its upload fails");
        None
    })
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use proptest::prelude::*;

    use super::*;
    use crate::blob::ChecksumAlgorithm;

    /// The owner of bytes that cannot be let go of.
    struct Cursed(Vec<u8>);

    impl AsRef<[u8]> for Cursed {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Cursed {
        fn drop(&mut self) {
            panic!("cursed");
        }
    }

    fn noise(len: usize, seed: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 31 + n / 253 + seed * 7) as u8).collect()
    }

    fn md5(bytes: &[u8]) -> [u8; 16] {
        md5::Md5::digest(bytes).into()
    }

    fn pieces(bytes: &[u8], cut: usize) -> Vec<Bytes> {
        bytes.chunks(cut).map(Bytes::copy_from_slice).collect()
    }

    fn new_digests() -> Digests {
        Digests::new(Some(ChecksumAlgorithm::Crc64Nvme))
    }

    /// Digesters whose one thread is the test itself, which does the jobs once they are all there.
    fn by_hand(lanes: usize) -> Arc<Digesters> {
        let digesters = Digesters::new(1, lanes, limit::DIGEST_JOBS_MAX);
        *digesters.lock() = Queue { awake: 1, threads: 1, ..Queue::default() };
        digesters
    }

    fn put(digesters: &Arc<Digesters>, digests: Digests, chunk: Vec<Bytes>) -> oneshot::Receiver<Digests> {
        let (job, answer) = digesters.job(digests, chunk);
        assert!(digesters.submit(job).is_ok());
        answer
    }

    fn assert_same(digests: Digests, bytes: &[u8]) {
        let mut expected = new_digests();
        expected.update(&[Bytes::copy_from_slice(bytes)]);
        let (digested, expected) = (digests.finish(), expected.finish());
        assert_eq!(digested.md5, md5(bytes));
        assert_eq!(digested.size, bytes.len() as u64);
        assert_eq!((digested.checksum, digested.block_sums), (expected.checksum, expected.block_sums));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_of_any_lengths_and_cuts_are_digested_right_in_any_company(
            bodies in prop::collection::vec(prop::collection::vec((0..3_000usize, 1..900usize), 1..4), 1..20),
            lanes in 1..=LANES_MAX,
        ) {
            let digesters = by_hand(lanes);
            let mut digests: Vec<Digests> = bodies.iter().map(|_| new_digests()).collect();
            let mut whole = vec![Vec::new(); bodies.len()];
            for turn in 0..3 {
                let answers: Vec<_> = bodies.iter().zip(digests).zip(&mut whole).map(|((chunks, digests), whole)| {
                    let (len, cut) = chunks.get(turn).copied().unwrap_or((0, 1));
                    let chunk = noise(len, whole.len());
                    whole.extend_from_slice(&chunk);
                    put(&digesters, digests, pieces(&chunk, cut))
                }).collect();
                digesters.lock().awake = 1;
                digesters.run();
                digests = answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect();
            }
            for (digests, whole) in digests.into_iter().zip(whole) {
                assert_same(digests, &whole);
            }
            prop_assert_eq!(digesters.unanswered.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_job_is_answered_when_others_of_its_batch_panic_or_were_given_up() {
        let digesters = by_hand(LANES_MAX);
        let bytes = noise(100_000, 1);
        let cursed = || vec![Bytes::from_owner(Cursed(noise(5_000, 2))), Bytes::from(noise(50_000, 3))];
        let doomed: Vec<_> = (0..3).map(|_| put(&digesters, new_digests(), cursed())).collect();
        let good: Vec<_> = (0..4).map(|n| put(&digesters, new_digests(), pieces(&bytes, 10_000 + n))).collect();
        drop(put(&digesters, new_digests(), pieces(&bytes, 500)));
        digesters.run();
        for mut answer in good {
            assert_same(answer.try_recv().unwrap(), &bytes);
        }
        for mut answer in doomed {
            assert!(answer.try_recv().is_err(), "what panicked has no digest");
        }
        assert_eq!(digesters.unanswered.load(Ordering::Relaxed), 0);
        assert_eq!(digesters.lock().awake, 0, "the digester went to sleep in good order");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_uploads_at_once_are_all_answered_by_few_threads() {
        let digesters = Digesters::new(2, LANES_MAX, limit::DIGEST_JOBS_MAX);
        let uploads = (0..40).map(|n| {
            let digesters = Arc::clone(&digesters);
            tokio::spawn(async move {
                let chunk = noise(3_000 + n * 100, n);
                let (mut digests, mut whole) = (new_digests(), Vec::new());
                for _ in 0..5 {
                    whole.extend_from_slice(&chunk);
                    digests = digesters.digest(digests, pieces(&chunk, 700)).await.unwrap();
                }
                assert_same(digests, &whole);
            })
        });
        for upload in uploads.collect::<Vec<_>>() {
            upload.await.unwrap();
        }
        assert!(digesters.lock().threads <= 2);
    }

    #[tokio::test]
    async fn a_job_that_no_digester_can_take_is_done_all_the_same() {
        let bytes = noise(10_000, 1);
        let no_threads = Digesters::new(0, LANES_MAX, limit::DIGEST_JOBS_MAX);
        assert_same(no_threads.digest(new_digests(), pieces(&bytes, 999)).await.unwrap(), &bytes);
        let no_queue = Digesters::new(1, LANES_MAX, 0);
        assert_same(no_queue.digest(new_digests(), pieces(&bytes, 999)).await.unwrap(), &bytes);
    }
}
