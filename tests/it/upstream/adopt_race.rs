//! Adoption while everybody goes on using the bucket, and while the gateway is killed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use windlass_tests::client::Bucket;
use windlass_tests::server::Options;

use super::adopting::{Adopting, numbered};
use crate::home::noise;

/// Brings some hundred KiB a second, so that an adoption takes some seconds.
fn slow() -> Options {
    Options::default().env("WINDLASS_ADOPTION_BYTES_PER_SECOND", "400000").env("WINDLASS_ADOPTION_OBJECTS_AT_ONCE", "3")
}

const BODY: usize = 6_000;

fn body(key: &str, version: u64) -> bytes::Bytes {
    let seed = key.bytes().fold(version, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    noise(seed, BODY)
}

/// What a bucket holds while it is adopted, and how far its writers have come.
struct Use {
    here: Bucket,
    /// Keys that nobody changes, keys that are written once, and keys that are deleted, in this order.
    still: Vec<String>,
    changed: Vec<String>,
    deleted: Vec<String>,
    /// How many of them have been; who reads asks before.
    written: AtomicU64,
    gone: AtomicU64,
    done: AtomicBool,
    reads: AtomicU64,
}

fn made(number: u64) -> String {
    format!("made/{number:04}")
}

impl Use {
    async fn write(&self) {
        for (number, key) in (1..).zip(&self.changed) {
            self.here.put(key, body(key, 1)).await.is(200);
            self.here.put(&made(number), "made").await.is(200);
            self.written.store(number, Ordering::SeqCst);
        }
    }

    async fn delete(&self) {
        for (number, key) in (1..).zip(&self.deleted) {
            self.here.delete(key).await.is(204);
            self.gone.store(number, Ordering::SeqCst);
        }
    }

    async fn read(&self) {
        for turn in (0..).step_by(7) {
            if self.done.load(Ordering::SeqCst) {
                return;
            }
            let place = |keys: &[String]| turn % keys.len();
            let key = &self.still[place(&self.still)];
            self.here.get(key).await.is(200).has_body(body(key, 0));
            let (at, written) = (place(&self.changed), self.written.load(Ordering::SeqCst));
            let found = self.here.get(&self.changed[at]).await.is(200);
            if (at as u64) < written {
                found.has_body(body(&self.changed[at], 1));
            }
            let (at, gone) = (place(&self.deleted), self.gone.load(Ordering::SeqCst));
            let found = self.here.get(&self.deleted[at]).await;
            if (at as u64) < gone {
                found.is_error(404, "NoSuchKey");
            }
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn list(&self) {
        while !self.done.load(Ordering::SeqCst) {
            let (written, gone) = (self.written.load(Ordering::SeqCst), self.gone.load(Ordering::SeqCst));
            let found: BTreeSet<String> = self.here.keys().await.into_iter().collect();
            let must = self.still.iter().chain(&self.changed).cloned().chain((1..=written).map(made));
            let missed: Vec<String> = must.filter(|key| !found.contains(key)).collect();
            assert!(missed.is_empty(), "missed: {missed:?}");
            let back = self.deleted.iter().take(usize::try_from(gone).unwrap());
            let back: Vec<&String> = back.filter(|key| found.contains(*key)).collect();
            assert!(back.is_empty(), "came back: {back:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_key_while_a_bucket_is_adopted() {
    let (still, changed, deleted) = (numbered("still/", 150), numbered("changed/", 60), numbered("deleted/", 60));
    let adopting = Adopting::linked(slow(), async |bucket: &Bucket| {
        for key in still.iter().chain(&changed).chain(&deleted) {
            bucket.put(key, body(key, 0)).await.is(200);
        }
    })
    .await;
    let (written, gone, reads, done) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let used = Use { here: adopting.here(), still, changed, deleted, written, gone, done, reads };
    let until_done = async {
        adopting.begin().await;
        adopting.until_done().await;
        used.done.store(true, Ordering::SeqCst);
    };
    tokio::join!(until_done, used.write(), used.delete(), used.read(), used.list());
    assert!(used.reads.load(Ordering::SeqCst) > 20, "nobody read");
    let all: Vec<String> = used.changed.iter().cloned().chain((1..=60).map(made)).chain(used.still.clone()).collect();
    assert_eq!(used.here.keys().await, all);
    for key in &used.changed {
        used.here.get(key).await.is(200).has_body(body(key, 1));
    }
    adopting.ends_sound();
}

#[tokio::test]
async fn an_adoption_goes_on_after_kill_9_and_loses_nothing() {
    let (still, changed, deleted) = (numbered("still/", 120), numbered("changed/", 20), numbered("deleted/", 20));
    let mut adopting = Adopting::linked(slow(), async |bucket: &Bucket| {
        for key in still.iter().chain(&changed).chain(&deleted) {
            bucket.put(key, body(key, 0)).await.is(200);
        }
    })
    .await;
    adopting.begin().await;
    let mut kills = 0;
    for (changed, deleted) in changed.chunks(5).zip(deleted.chunks(5)) {
        let here = adopting.here();
        for (changed, deleted) in changed.iter().zip(deleted) {
            here.put(changed, body(changed, 1)).await.is(200);
            here.delete(deleted).await.is(204);
        }
        let copied = adopting.progress().await["objectsCopied"].as_u64().unwrap();
        let told =
            adopting.until(|told| told["objectsCopied"].as_u64() > Some(copied) || told["status"] == "done").await;
        kills += u32::from(told["status"] == "copying");
        adopting.kill_and_restart();
    }
    assert!(kills >= 2, "it was over too soon");
    let told = adopting.until_done().await;
    assert_eq!(told["objectsFailed"], 0, "{told}");
    let here = adopting.here();
    let all: Vec<String> = changed.iter().chain(&still).cloned().collect();
    assert_eq!(here.keys().await, all);
    for (keys, version) in [(&still, 0), (&changed, 1)] {
        for key in keys {
            here.get(key).await.is(200).has_body(body(key, version));
        }
    }
    adopting.ends_sound();
}
