//! One connection's work: operation after operation until the time is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::Method;

use super::body::{Bodies, Pieces, Random};
use super::client::{Call, Client, Problem, Take, Who};
use super::histogram::Histogram;
use super::listing::Listing;
use super::plan::{Operation, Payload, Plan, Window};
use super::sign::{EMPTY, UNSIGNED, sha256_hex};

/// After so many failures in a row a worker gives up.
const FAILURES_MAX: u32 = 50;
const SAMPLES_MAX: usize = 3;
const KINDS: [Operation; 7] = [
    Operation::Put,
    Operation::Get,
    Operation::Head,
    Operation::Delete,
    Operation::List,
    Operation::Mixed,
    Operation::Multipart,
];

/// What one operation moved.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) bytes: u64,
    pub(crate) keys: u64,
}

/// What a worker did in the measured time.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kinds: Vec<(Operation, Histogram)>,
    pub(crate) moved: Moved,
    pub(crate) errors: u64,
    pub(crate) samples: Vec<Problem>,
    pub(crate) connects: u64,
}

impl Tally {
    fn count(&mut self, kind: Operation, taken: std::time::Duration, moved: Moved) {
        if let Some((_, histogram)) = self.kinds.iter_mut().find(|(of, _)| *of == kind) {
            histogram.add(taken);
        }
        self.moved.bytes += moved.bytes;
        self.moved.keys += moved.keys;
    }

    fn fail(&mut self, kind: Operation, problem: Problem) {
        self.errors += 1;
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(format!("{kind:?}: {problem}"));
        }
    }

    /// Takes over what another worker did.
    pub(crate) fn merge(&mut self, other: Tally) {
        for (kind, theirs) in other.kinds {
            match self.kinds.iter_mut().find(|(of, _)| *of == kind) {
                Some((_, mine)) => mine.merge(&theirs),
                None => self.kinds.push((kind, theirs)),
            }
        }
        self.moved.bytes += other.moved.bytes;
        self.moved.keys += other.moved.keys;
        self.errors += other.errors;
        self.samples.extend(other.samples);
        self.samples.truncate(SAMPLES_MAX);
        self.connects += other.connects;
    }
}

/// One connection with what it needs.
pub(crate) struct Worker {
    plan: Arc<Plan>,
    client: Client,
    random: Random,
    /// Objects that this worker made and has not deleted.
    own: Vec<u64>,
    listing: Listing,
}

impl Worker {
    /// The worker of that number.
    pub(crate) fn new(plan: &Arc<Plan>, number: u64) -> Worker {
        Worker {
            plan: Arc::clone(plan),
            client: Client::new(&plan.endpoint, Who::Signed(plan.keys.clone()), plan.patience()),
            random: Random(plan.seed ^ (number << 32)),
            own: Vec::new(),
            listing: Listing::new(plan.args.start_after.clone()),
        }
    }

    /// Works until the window's end. What ends inside the window counts.
    pub(crate) async fn run(mut self, window: Window) -> Tally {
        let mut tally = Tally::default();
        let mixed = self.plan.args.operation == Operation::Mixed;
        let kinds = KINDS.iter().filter(|kind| mixed || **kind == self.plan.args.operation);
        tally.kinds = kinds.map(|kind| (*kind, Histogram::default())).collect();
        let mut in_a_row = 0;
        let mut begun = Instant::now();
        while begun < window.until && in_a_row < FAILURES_MAX {
            let kind = self.choose();
            let Some(done) = self.step(kind).await else { break };
            let ended = Instant::now();
            match done {
                Ok(moved) => {
                    in_a_row = 0;
                    if ended >= window.from && ended < window.until {
                        tally.count(kind, ended - begun, moved);
                    }
                }
                Err(problem) => {
                    in_a_row += 1;
                    tally.fail(kind, problem);
                }
            }
            begun = ended;
        }
        tally.connects = self.client.connects;
        self.plan.running.fetch_sub(1, Ordering::Relaxed);
        tally
    }

    /// Uploads the objects that are there before a load, as many as no other worker does.
    pub(crate) async fn prefill(mut self) -> Result<(), Problem> {
        loop {
            let number = self.plan.take_number();
            if number >= self.plan.args.objects {
                return Ok(());
            }
            let path = self.plan.prefilled_path(number);
            self.upload(&path, number).await?;
        }
    }

    /// Makes the bucket, unless it exists.
    pub(crate) async fn create_bucket(mut self) -> Result<(), Problem> {
        let path = format!("/{}", self.plan.args.bucket);
        match self.simple(Method::PUT, &path).await {
            Err(problem) if !problem.starts_with("409") => Err(format!("bucket {path}: {problem}")),
            _ => Ok(()),
        }
    }

    fn choose(&mut self) -> Operation {
        if self.plan.args.operation != Operation::Mixed {
            return self.plan.args.operation;
        }
        match self.random.below(100) {
            0..45 => Operation::Get,
            45..75 => Operation::Head,
            75..85 if !self.own.is_empty() => Operation::Delete,
            _ => Operation::Put,
        }
    }

    /// One operation; `None` if there is nothing left to do.
    async fn step(&mut self, kind: Operation) -> Option<Result<Moved, Problem>> {
        let objects = self.plan.args.objects;
        Some(match kind {
            Operation::Put => self.put().await,
            Operation::Get | Operation::Head => {
                let number = self.random.below(objects);
                if kind == Operation::Get { self.get(number).await } else { self.head(number).await }
            }
            Operation::Delete => {
                let path = if self.plan.args.operation == Operation::Mixed {
                    self.plan.new_path(self.own.pop()?)
                } else {
                    let number = self.plan.take_number();
                    (number < objects).then(|| self.plan.prefilled_path(number))?
                };
                self.simple(Method::DELETE, &path).await
            }
            Operation::List => self.list().await,
            Operation::Multipart => self.multipart().await,
            Operation::Mixed => return None,
        })
    }

    async fn put(&mut self) -> Result<Moved, Problem> {
        let number = self.plan.take_number();
        let path = self.plan.new_path(number);
        self.upload(&path, number).await?;
        if self.plan.args.operation == Operation::Mixed {
            self.own.push(number);
        }
        if self.plan.args.verify {
            let plan = Arc::clone(&self.plan);
            self.download(&path, Take::Compare(&plan.bodies, number)).await?;
        }
        Ok(Moved { bytes: self.plan.bodies.size() as u64, keys: 0 })
    }

    async fn upload(&mut self, path: &str, number: u64) -> Result<(), Problem> {
        let plan = Arc::clone(&self.plan);
        self.send(path, "", &plan.bodies, number).await.map(|_| ())
    }

    /// PUT of a body; its ETag.
    async fn send(&mut self, path: &str, query: &str, bodies: &Bodies, number: u64) -> Result<String, Problem> {
        let hash = match self.plan.args.payload {
            Payload::Signed => bodies.sha256(number),
            Payload::Unsigned => UNSIGNED.to_owned(),
        };
        let call = Call { method: Method::PUT, path, query, payload: &hash, body: bodies.get(number) };
        Ok(self.client.call(call, Take::Count).await?.etag.unwrap_or_default())
    }

    async fn get(&mut self, number: u64) -> Result<Moved, Problem> {
        let plan = Arc::clone(&self.plan);
        let take = if plan.args.verify { Take::Compare(&plan.bodies, number) } else { Take::Count };
        self.download(&plan.prefilled_path(number), take).await
    }

    async fn download(&mut self, path: &str, take: Take<'_>) -> Result<Moved, Problem> {
        let call = Call { method: Method::GET, path, query: "", payload: EMPTY, body: Pieces::default() };
        let reply = self.client.call(call, take).await?;
        if reply.bytes != self.plan.bodies.size() as u64 {
            return Err(format!("{} bytes instead of {}", reply.bytes, self.plan.bodies.size()));
        }
        Ok(Moved { bytes: reply.bytes, keys: 0 })
    }

    async fn head(&mut self, number: u64) -> Result<Moved, Problem> {
        let path = self.plan.prefilled_path(number);
        let call = Call { method: Method::HEAD, path: &path, query: "", payload: EMPTY, body: Pieces::default() };
        let reply = self.client.call(call, Take::Count).await?;
        if reply.length != Some(self.plan.bodies.size() as u64) {
            return Err(format!("a length of {:?} instead of {}", reply.length, self.plan.bodies.size()));
        }
        Ok(Moved::default())
    }

    async fn simple(&mut self, method: Method, path: &str) -> Result<Moved, Problem> {
        let call = Call { method, path, query: "", payload: EMPTY, body: Pieces::default() };
        self.client.call(call, Take::Count).await.map(|_| Moved::default())
    }

    async fn list(&mut self) -> Result<Moved, Problem> {
        let path = format!("/{}", self.plan.args.bucket);
        let query = self.listing.query();
        let call = Call { method: Method::GET, path: &path, query: &query, payload: EMPTY, body: Pieces::default() };
        let reply = self.client.call(call, Take::Keep).await?;
        let keys = self.listing.take_in(&reply.body, self.plan.args.verify.then_some(self.plan.args.objects))?;
        Ok(Moved { bytes: 0, keys })
    }

    async fn multipart(&mut self) -> Result<Moved, Problem> {
        let plan = Arc::clone(&self.plan);
        let first = plan.next.fetch_add(plan.args.parts, Ordering::Relaxed);
        let path = plan.new_path(first);
        let call =
            Call { method: Method::POST, path: &path, query: "uploads=", payload: EMPTY, body: Pieces::default() };
        let created = self.client.call(call, Take::Keep).await?;
        let upload = super::listing::text_of(&created.body, "UploadId").ok_or("no UploadId")?;
        let upload = super::sign::encode(&upload);
        let mut document = String::from("<CompleteMultipartUpload>");
        for (number, body) in (1..=plan.args.parts).zip(first..) {
            let query = format!("partNumber={number}&uploadId={upload}");
            let etag = self.send(&path, &query, &plan.parts, body).await?;
            document.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        document.push_str("</CompleteMultipartUpload>");
        let hash = sha256_hex(document.as_bytes());
        let (query, body) = (format!("uploadId={upload}"), Pieces::from(Bytes::from(document)));
        let call = Call { method: Method::POST, path: &path, query: &query, payload: &hash, body };
        let answer = self.client.call(call, Take::Keep).await?;
        // A failure may come under the status 200.
        if super::listing::text_of(&answer.body, "ETag").is_none() {
            return Err(format!("not completed: {}", String::from_utf8_lossy(&answer.body)));
        }
        Ok(Moved { bytes: plan.args.parts * plan.parts.size() as u64, keys: 0 })
    }
}
