//! What one client knows of a bucket while things break: what was acknowledged must be there, what was refused or never
//! answered may be there or not, and nothing else may ever be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use crate::answer::Answer;
use crate::client::{Bucket, Client};
use crate::digest::etag;
use crate::request::Request;

/// How long an answer may take before it counts as a violation; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is known of a key; a body that is `None` is absence.
#[derive(Debug, Clone, Default)]
struct Known {
    sure: Option<Bytes>,
    doubt: Vec<Option<Bytes>>,
}

impl Known {
    fn allows(&self, seen: Option<&Bytes>) -> bool {
        self.sure.as_ref() == seen || self.doubt.iter().any(|body| body.as_ref() == seen)
    }
}

/// How a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Went {
    /// Acknowledged.
    Done,
    /// Answered with an error of the server's.
    Refused(u16),
    /// The connection ended without a whole answer.
    Cut,
}

/// A bucket and what must be in it.
#[derive(Debug, Clone)]
pub struct Ledger {
    bucket: Bucket,
    made: bool,
    keys: BTreeMap<String, Known>,
    skew: i64,
    patience: Duration,
}

type Checked<T> = Result<T, String>;

impl Ledger {
    /// Nothing yet, the bucket included.
    pub fn new(client: Client, bucket: &str) -> Ledger {
        let bucket = Bucket { client, name: bucket.to_owned() };
        Ledger { bucket, made: false, keys: BTreeMap::new(), skew: 0, patience: PATIENCE }
    }

    /// The same knowledge through another client, after a restart.
    pub fn reconnect(&mut self, client: Client) {
        self.bucket.client = client;
    }

    /// Waits from now on so long for an answer.
    pub fn patience(&mut self, time: Duration) {
        self.patience = time;
    }

    /// Signs from now on as a client whose clock is off by so many seconds.
    pub fn skew(&mut self, seconds: i64) {
        self.skew = seconds;
    }

    /// Takes something for acknowledged that another ledger wrote.
    pub fn assume(&mut self, key: &str, body: Bytes) {
        self.made = true;
        self.keys.insert(key.to_owned(), Known { sure: Some(body), doubt: Vec::new() });
    }

    /// Takes something for a write of another ledger's that may have happened.
    pub fn doubt(&mut self, key: &str, body: Bytes) {
        self.keys.entry(key.to_owned()).or_default().doubt.push(Some(body));
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Keys that are surely there, with their bodies.
    pub fn sure(&self) -> impl Iterator<Item = (&String, &Bytes)> {
        self.keys.iter().filter(|(_, k)| k.doubt.is_empty()).filter_map(|(key, k)| Some((key, k.sure.as_ref()?)))
    }

    /// Sends; an answer that no fault explains is an error.
    async fn send(&self, what: &str, request: Request, status: u16) -> Checked<(Went, Option<Answer>)> {
        let sent = request.skewed(self.skew);
        match tokio::time::timeout(self.patience, sent.attempt()).await {
            Err(_) => Err(format!("{what} had no answer within {:?}", self.patience)),
            Ok(Err(_)) => Ok((Went::Cut, None)),
            Ok(Ok(answer)) if answer.status == status => Ok((Went::Done, Some(answer))),
            Ok(Ok(answer)) if answer.status >= 500 => Ok((Went::Refused(answer.status), Some(answer))),
            Ok(Ok(answer)) if answer.status == 404 && !self.made => Ok((Went::Refused(404), Some(answer))),
            Ok(Ok(answer)) => Err(format!("{what} was answered with {}", answer.describe())),
        }
    }

    async fn write(&mut self, key: &str, body: Option<Bytes>, request: Request, status: u16) -> Checked<Went> {
        let (went, _) = self.send(&format!("a write to {key}"), request, status).await?;
        let known = self.keys.entry(key.to_owned()).or_default();
        if went == Went::Done {
            *known = Known { sure: body, doubt: Vec::new() };
        } else {
            known.doubt.push(body);
        }
        Ok(went)
    }

    /// CreateBucket.
    pub async fn make(&mut self) -> Checked<Went> {
        let (went, _) = self.send("making the bucket", self.bucket.on("PUT"), 200).await?;
        self.made |= went == Went::Done;
        Ok(went)
    }

    /// PutObject.
    pub async fn put(&mut self, key: &str, body: Bytes) -> Checked<Went> {
        let request = self.bucket.put(key, body.clone());
        self.write(key, Some(body), request, 200).await
    }

    /// DeleteObject.
    pub async fn delete(&mut self, key: &str) -> Checked<Went> {
        let request = self.bucket.delete(key);
        self.write(key, None, request, 204).await
    }

    /// CopyObject, where the source is surely there.
    pub async fn copy(&mut self, from: &str, to: &str) -> Checked<Option<Went>> {
        let Some(body) = self.sure().find(|(key, _)| *key == from).map(|(_, body)| body.clone()) else {
            return Ok(None);
        };
        let request = self.bucket.copy(from, to);
        self.write(to, Some(body), request, 200).await.map(Some)
    }

    /// A multipart upload from Create to Complete, given up at the first refusal.
    pub async fn multipart(&mut self, key: &str, parts: &[Bytes]) -> Checked<Went> {
        let (went, answer) = self.send("a Create", self.bucket.create(key), 200).await?;
        let Some(answer) = answer.filter(|_| went == Went::Done) else { return Ok(went) };
        let id = answer.xml().text("UploadId").to_owned();
        let mut done = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let request = self.bucket.part(key, &id, number, part.clone());
            let (went, answer) = self.send("a part", request, 200).await?;
            let Some(answer) = answer.filter(|_| went == Went::Done) else { return Ok(went) };
            done.push((number, answer.etag()));
        }
        let request = self.bucket.complete(key, &id, &done);
        self.write(key, Some(Bytes::from(parts.concat())), request, 200).await
    }

    /// Reads a key while something is broken: right, refused or cut.
    pub async fn read(&self, key: &str) -> Checked<Went> {
        let known = self.keys.get(key).cloned().unwrap_or_default();
        let sent = self.bucket.get(key).skewed(self.skew);
        let answer = match tokio::time::timeout(self.patience, sent.attempt()).await {
            Err(_) => return Err(format!("reading {key} had no answer within {:?}", self.patience)),
            Ok(Err(_)) => return Ok(Went::Cut),
            Ok(Ok(answer)) => answer,
        };
        let seen = match answer.status {
            200 => Some(&answer.body),
            404 => None,
            status if status >= 500 => return Ok(Went::Refused(status)),
            _ => return Err(format!("reading {key} was answered with {}", answer.describe())),
        };
        if known.allows(seen) {
            let tag = answer.header("etag").unwrap_or_default();
            // The tag of a multipart object tells its parts, which are not known here.
            return match seen.filter(|body| !tag.contains('-') && tag != etag(body)) {
                Some(body) => Err(format!("{key} has ETag {tag}, and its bytes {}", etag(body))),
                None => Ok(Went::Done),
            };
        }
        let found = seen.map_or("nothing".to_owned(), |body| format!("{} bytes {}", body.len(), etag(body)));
        let sure = known.sure.map_or("nothing".to_owned(), |body| format!("{} bytes {}", body.len(), etag(&body)));
        Err(format!("{key} is {found} and should be {sure} ({} writes in doubt)", known.doubt.len()))
    }

    /// Reads every key while something is broken; how many were refused or cut.
    pub async fn read_all(&self) -> Checked<usize> {
        let mut refused = 0;
        for key in self.keys.keys() {
            refused += usize::from(self.read(key).await? != Went::Done);
        }
        Ok(refused)
    }

    /// All keys of the listing; `None` where there is no bucket and need be none.
    async fn listed(&self) -> Checked<Option<BTreeSet<String>>> {
        let mut keys = BTreeSet::new();
        let mut token = None;
        loop {
            let list = self.bucket.list().skewed(self.skew);
            let list = token.iter().fold(list, |list, token: &String| list.query("continuation-token", token));
            let page = list.attempt().await?;
            if page.status == 404 && !self.made {
                return Ok(None);
            }
            if page.status != 200 {
                return Err(format!("listing was answered with {}", page.describe()));
            }
            let page = page.xml();
            keys.extend(page.texts("Contents/Key"));
            token = page.get("NextContinuationToken").map(str::to_owned);
            if token.is_none() {
                return Ok(Some(keys));
            }
        }
    }

    /// After recovery: every key reads, and the listing holds just that. Returns the keys that were sure.
    pub async fn settle(&mut self) -> Checked<usize> {
        let Some(listed) = self.listed().await? else {
            let lost = self.sure().next().map(|(key, _)| key.clone());
            return lost.map_or(Ok(0), |key| Err(format!("{key} is gone with its bucket")));
        };
        self.made = true;
        let mut sure = 0;
        for (key, known) in &self.keys {
            let went = self.read(key).await?;
            if went != Went::Done {
                return Err(format!("{key} cannot be read after recovery: {went:?}"));
            }
            sure += usize::from(known.doubt.is_empty());
            let present = listed.contains(key);
            if !known.allows_presence(present) {
                return Err(format!("the listing has {key}: {present}"));
            }
        }
        match listed.iter().find(|key| !self.keys.contains_key(*key)) {
            Some(stranger) => Err(format!("the listing has {stranger}, which nobody wrote")),
            None => Ok(sure),
        }
    }
}

impl Known {
    fn allows_presence(&self, present: bool) -> bool {
        self.sure.is_some() == present || self.doubt.iter().any(|body| body.is_some() == present)
    }
}
