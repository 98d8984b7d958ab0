//! Beside the clients: a manager, who mints and revokes keys and makes and deletes buckets over `/v1` until the kill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::report::Round;
use super::work::Shared;
use crate::answer::Answer;
use crate::client::Bucket;
use crate::json::{Call, Json, text};

/// Things of a kind that are kept; beyond that an old one is ended before another is made.
const KEPT: usize = 6;
/// Objects in a bucket that is made.
const OBJECTS: u32 = 5;
/// How long a deleted bucket may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that was made, and what is known of it.
#[derive(Debug, Clone)]
struct Made {
    /// The path under which it is looked at and ended.
    path: String,
    /// A key's token, or a bucket's name on S3.
    secret: String,
    ending: Ending,
}

/// Whether it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nobody asked for it.
    Not,
    /// That was asked for, and the answer never came.
    Doubt,
    /// That was acknowledged.
    Sure,
}

/// Everything that the manager knows.
#[derive(Debug, Default)]
pub(super) struct Manager {
    keys: Vec<Made>,
    buckets: Vec<Made>,
    /// How many buckets were ever made, for their names.
    named: u64,
}

/// The kill came before the answer, or something is wrong already.
struct Stop;

impl Manager {
    /// Works until the kill; hands back what it knows.
    pub(super) async fn work(mut self, shared: Arc<Shared>, json: Json, seed: u64) -> Manager {
        let mut rng = fastrand::Rng::with_seed(seed);
        while !shared.killed() {
            let step = if rng.bool() { self.key(&shared, &json).await } else { self.bucket(&shared, &json).await };
            if step.is_err() {
                break;
            }
        }
        self
    }

    async fn key(&mut self, shared: &Shared, json: &Json) -> Result<(), Stop> {
        let body = json!({ "name": "crash", "permissions": ["files:read"] });
        let data = send(shared, json.post("/v1/keys", &body), 201).await?.data(201);
        let path = format!("/v1/keys/{}", text(&data, "id"));
        self.keys.push(Made { path, secret: text(&data, "key"), ending: Ending::Not });
        end_one(shared, json, &mut self.keys).await
    }

    async fn bucket(&mut self, shared: &Shared, json: &Json) -> Result<(), Stop> {
        self.named += 1;
        let name = format!("crash-managed-{}", self.named);
        let body = json!({ "name": "crash", "s3Name": name });
        let data = send(shared, json.post("/v1/buckets", &body), 201).await?.data(201);
        let path = format!("/v1/buckets/{}", text(&data, "id"));
        self.buckets.push(Made { path: path.clone(), secret: name, ending: Ending::Not });
        for n in 0..OBJECTS {
            // Some that ride in the commit, some that are blobs.
            let body = vec![0; if n % 2 == 0 { 100 } else { 5_000 }];
            send(shared, json.put(&format!("{path}/files/{n}"), body), 200).await?;
        }
        end_one(shared, json, &mut self.buckets).await
    }

    /// Looks at everything after the restart, and settles what was in doubt.
    pub(super) async fn verify(&mut self, json: &Json, round: &mut Round) -> Result<(), String> {
        let mut kept = Vec::new();
        for key in std::mem::take(&mut self.keys) {
            let status = json.with(&key.secret).get("/v1/billing/usage").attempt().await?.status;
            if settle(&key, status == 200, status == 401, status, round)? {
                kept.push(key);
            }
        }
        self.keys = kept.into_iter().map(|key| Made { ending: Ending::Not, ..key }).collect();
        let mut kept = Vec::new();
        for bucket in std::mem::take(&mut self.buckets) {
            let answer = json.get(&bucket.path).attempt().await?;
            let there = answer.status == 200 && answer.json()["data"]["status"] == "active";
            let ended = answer.status == 404 || (answer.status == 200 && !there);
            if settle(&bucket, there, ended, answer.status, round)? {
                kept.push(bucket);
            } else {
                gone(json, &bucket).await?;
            }
        }
        self.buckets = kept.into_iter().map(|bucket| Made { ending: Ending::Not, ..bucket }).collect();
        Ok(())
    }
}

/// Whether something goes on to be there.
fn settle(made: &Made, there: bool, ended: bool, status: u16, round: &mut Round) -> Result<bool, String> {
    match made.ending {
        Ending::Not if there => round.managed += 1,
        Ending::Sure if ended => round.managed += 1,
        Ending::Doubt if ended => round.landed += 1,
        Ending::Doubt if there => round.lost += 1,
        _ => return Err(format!("{made:?} is answered with {status}")),
    }
    Ok(there)
}

/// A deleted bucket is gone in the end, and S3 knows it no more from the start.
async fn gone(json: &Json, bucket: &Made) -> Result<(), String> {
    let s3 = Bucket { client: json.client().clone(), name: bucket.secret.clone() };
    let answer = s3.list().attempt().await?;
    if answer.status != 404 {
        return Err(format!("{bucket:?} is on S3: {}", answer.describe()));
    }
    let deadline = Instant::now() + PATIENCE;
    while json.get(&bucket.path).attempt().await?.status != 404 {
        if Instant::now() > deadline {
            return Err(format!("{bucket:?} is never gone"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Ends the oldest, once there are many.
async fn end_one(shared: &Shared, json: &Json, all: &mut [Made]) -> Result<(), Stop> {
    if all.iter().filter(|made| made.ending == Ending::Not).count() <= KEPT {
        return Ok(());
    }
    let Some(oldest) = all.iter_mut().find(|made| made.ending == Ending::Not) else { return Ok(()) };
    oldest.ending = Ending::Doubt;
    send(shared, json.delete(&oldest.path), 200).await?;
    oldest.ending = Ending::Sure;
    Ok(())
}

async fn send(shared: &Shared, call: Call, status: u16) -> Result<Answer, Stop> {
    match call.attempt().await {
        Ok(answer) if answer.status == status => Ok(answer),
        // A refusal: after a power cut the gateway outlives its disk for a moment.
        _ if shared.broken() => Err(Stop),
        Ok(answer) => {
            shared.violated(format!("{call:?} was answered with {}", answer.describe()));
            Err(Stop)
        }
        Err(error) => {
            shared.violated(format!("{call:?} had no answer before the kill: {error}"));
            Err(Stop)
        }
    }
}
