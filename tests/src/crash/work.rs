//! One client's work until the kill.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::expect::{Body, Own, Upload, Version};
use super::report::Kind;
use crate::answer::Answer;
use crate::client::Bucket;
use crate::noise::noise;
use crate::request::Request;

/// The smallest part but the last.
const PART: usize = 5 << 20;

/// What the tasks of a round share.
#[derive(Debug)]
pub(super) struct Shared {
    bucket: Bucket,
    round: u32,
    broken: AtomicBool,
    killed: AtomicBool,
    acknowledged: AtomicUsize,
    checkable: AtomicUsize,
    progress: Notify,
    violation: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(bucket: Bucket, round: u32) -> Shared {
        Shared {
            bucket,
            round,
            broken: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            acknowledged: AtomicUsize::new(0),
            checkable: AtomicUsize::new(0),
            progress: Notify::new(),
            violation: Mutex::new(None),
        }
    }

    /// Waits until the last acknowledged write of so many keys is of this round, or something is wrong already.
    pub(super) async fn wait_for(&self, count: usize) {
        while self.checkable.load(Ordering::SeqCst) < count && self.violation().is_none() {
            self.progress.notified().await;
        }
    }

    /// From now on a write may go without an answer, or be refused; work goes on.
    pub(super) fn announce_break(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// From now on nobody begins anything either.
    pub(super) fn announce_kill(&self) {
        self.announce_break();
        self.killed.store(true, Ordering::SeqCst);
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.violation.lock().expect("no holder panics").clone()
    }

    pub(super) fn killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    pub(super) fn broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    pub(super) fn violated(&self, what: String) {
        self.violation.lock().expect("no holder panics").get_or_insert(what);
        self.progress.notify_one();
    }
}

/// Why a task stops.
enum Stop {
    /// The kill came before the answer.
    Interrupted(Kind),
    /// Something that must not be.
    Violated(String),
}

type Step<T> = Result<T, Stop>;

/// Works until the kill; hands back what it knows, and what the kill interrupted.
pub(super) async fn work(shared: std::sync::Arc<Shared>, own: Own, seed: u64) -> (Own, Option<Kind>) {
    let mut worker = Worker { shared: &shared, own, rng: fastrand::Rng::with_seed(seed) };
    while !shared.killed() {
        match worker.step().await {
            Ok(()) => {}
            Err(Stop::Interrupted(kind)) => return (worker.own, Some(kind)),
            Err(Stop::Violated(what)) => {
                shared.violated(what);
                break;
            }
        }
    }
    (worker.own, None)
}

struct Worker<'a> {
    shared: &'a Shared,
    own: Own,
    rng: fastrand::Rng,
}

impl Worker<'_> {
    async fn step(&mut self) -> Step<()> {
        if self.rng.u32(..4) == 0
            && let Some((key, id)) = self.own.give_up(&mut self.rng)
        {
            let request = self.shared.bucket.delete(&key).query("versionId", &id);
            return self.send(Kind::Delete, request, 204).await.map(drop);
        }
        match self.rng.u32(..100) {
            0..35 => {
                let len = self.rng.usize(..4_096);
                self.put(Kind::PutInline, len).await
            }
            35..57 => {
                // As many bodies of some KiB as of some MiB.
                let top = 1_usize << self.rng.u32(13..=22);
                let len = self.rng.usize(4_097..top.max(8_192));
                self.put(Kind::Put, len).await
            }
            57..68 => self.copy().await,
            68..78 => self.delete().await,
            _ => self.multipart().await,
        }
    }

    async fn put(&mut self, kind: Kind, len: usize) -> Step<()> {
        let key = self.own.any(&mut self.rng);
        let body = Body::plain(self.rng.u64(..), len);
        let request = self.shared.bucket.put(&key, noise(body.pieces[0].0, len));
        let answer = self.write(kind, &key, Some(body.clone()), request, 200).await?;
        self.agree(kind, &key, answer.header("etag"), &body)
    }

    async fn copy(&mut self) -> Step<()> {
        let Some((from, body)) = self.own.present(&mut self.rng) else { return Ok(()) };
        let to = self.own.any(&mut self.rng);
        if from == to {
            return Ok(());
        }
        let request = self.shared.bucket.copy(&from, &to);
        let answer = self.write(Kind::Copy, &to, Some(body.clone()), request, 200).await?;
        self.agree(Kind::Copy, &to, answer.xml().get("ETag"), &body)
    }

    async fn delete(&mut self) -> Step<()> {
        let key = self.own.any(&mut self.rng);
        let request = self.shared.bucket.delete(&key);
        self.write(Kind::Delete, &key, None, request, 204).await.map(|_| ())
    }

    async fn multipart(&mut self) -> Step<()> {
        let key = self.own.any(&mut self.rng);
        // Most are short, so that many kills fall on a Create and a Complete.
        let mut lens = if self.rng.u32(..4) == 0 { vec![PART; self.rng.usize(1..3)] } else { Vec::new() };
        lens.push(self.rng.usize(1..200_000));
        let answer = self.send(Kind::Create, self.shared.bucket.create(&key), 200).await?;
        let id = answer.xml().text("UploadId").to_owned();
        self.own.upload = Some(Upload { key: key.clone(), id: id.clone(), parts: Vec::new(), completing: None });
        let mut pieces = Vec::new();
        for (number, len) in (1..).zip(lens) {
            let seed = self.rng.u64(..);
            let request = self.shared.bucket.part(&key, &id, number, noise(seed, len));
            let etag = self.send(Kind::Part, request, 200).await?.header("etag").unwrap_or_default().to_owned();
            pieces.push((seed, len));
            self.own.upload.iter_mut().for_each(|upload| upload.parts.push((number, etag.clone())));
        }
        let body = Body::of_parts(&pieces);
        let parts = self.own.upload.as_ref().map(|upload| upload.parts.clone()).unwrap_or_default();
        self.own.upload.iter_mut().for_each(|upload| upload.completing = Some(body.clone()));
        let request = self.shared.bucket.complete(&key, &id, &parts);
        let answer = self.write(Kind::Complete, &key, Some(body.clone()), request, 200).await?;
        self.own.upload = None;
        self.agree(Kind::Complete, &key, answer.xml().get("ETag"), &body)
    }

    /// Sends a write to a key: in doubt until it is acknowledged, sure from then on.
    async fn write(
        &mut self,
        kind: Kind,
        key: &str,
        outcome: Option<Body>,
        request: Request,
        status: u16,
    ) -> Step<Answer> {
        self.slot(key).doubt = Some(outcome.clone());
        let answer = self.send(kind, request, status).await?;
        let round = self.shared.round;
        if let Some(id) = answer.header("x-amz-version-id") {
            let version = Version { id: id.to_owned(), etag: outcome.as_ref().map(|body| body.etag.clone()) };
            self.own.versions.entry(key.to_owned()).or_default().push(version);
        }
        let slot = self.slot(key);
        slot.sure = outcome;
        slot.doubt = None;
        if std::mem::replace(&mut slot.round, round) != round {
            self.shared.checkable.fetch_add(1, Ordering::SeqCst);
            self.shared.progress.notify_one();
        }
        self.shared.acknowledged.fetch_add(1, Ordering::SeqCst);
        Ok(answer)
    }

    fn slot(&mut self, key: &str) -> &mut super::expect::Slot {
        self.own.slots.entry(key.to_owned()).or_default()
    }

    async fn send(&self, kind: Kind, request: Request, status: u16) -> Step<Answer> {
        match request.attempt().await {
            Ok(answer) if answer.status == status => Ok(answer),
            // A refusal: after a power cut the gateway outlives its disk for a moment.
            Ok(_) if self.shared.broken() => Err(Stop::Interrupted(kind)),
            Ok(answer) => Err(Stop::Violated(format!("{kind} was answered with {}", answer.describe()))),
            Err(_) if self.shared.broken() => Err(Stop::Interrupted(kind)),
            Err(error) => Err(Stop::Violated(format!("{kind} had no answer before the kill: {error}"))),
        }
    }

    fn agree(&self, kind: Kind, key: &str, etag: Option<&str>, body: &Body) -> Step<()> {
        if etag == Some(body.etag.as_str()) {
            return Ok(());
        }
        Err(Stop::Violated(format!("{kind} of {key} was answered with ETag {etag:?}, not {}", body.etag)))
    }
}
