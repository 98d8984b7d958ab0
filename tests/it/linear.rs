//! Concurrent clients on few keys, and the question whether some order explains what each of them saw.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use windlass_tests::client::Bucket;
use windlass_tests::digest::etag;
use windlass_tests::history::{Event, Op, check};

use crate::home::{Home, noise, number, seed};

const CLIENTS: usize = 8;
const KEYS: usize = 3;
/// Lengths around the inline limit and the checksum block.
const LENGTHS: [usize; 5] = [8, 4_000, 4_097, 70_000, 200_000];

/// The clients' common clock and notebook.
struct Record {
    bucket: Bucket,
    clock: AtomicU64,
    bodies: AtomicU64,
    by_etag: Mutex<HashMap<String, u64>>,
    events: Mutex<Vec<(usize, Event)>>,
}

impl Record {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A body that no other is like, with its number.
    fn fresh(&self) -> (u64, Bytes) {
        let number = self.bodies.fetch_add(1, Ordering::SeqCst);
        let body = noise(number, LENGTHS[number as usize % LENGTHS.len()]);
        self.by_etag.lock().unwrap().insert(etag(&body), number);
        (number, body)
    }

    fn number(&self, etag: &str) -> u64 {
        *self.by_etag.lock().unwrap().get(etag).unwrap_or_else(|| panic!("nobody wrote a body with ETag {etag}"))
    }

    fn note(&self, key: usize, op: Op, invoked: u64, returned: u64) {
        self.events.lock().unwrap().push((key, Event { op, invoked, returned: Some(returned) }));
    }
}

fn name(key: usize) -> String {
    format!("key-{key}")
}

async fn client(record: Arc<Record>, mut rng: fastrand::Rng, operations: usize) {
    for _ in 0..operations {
        let key = rng.usize(..KEYS);
        match rng.u32(..100) {
            0..30 => put(&record, key, false).await,
            30..40 => put(&record, key, true).await,
            40..70 => get(&record, key).await,
            70..80 => list(&record).await,
            80..90 => delete(&record, key).await,
            _ => copy(&record, key, (key + rng.usize(1..KEYS)) % KEYS).await,
        }
    }
}

async fn put(record: &Record, key: usize, create: bool) {
    let (value, body) = record.fresh();
    let mut request = record.bucket.put(&name(key), body);
    if create {
        request = request.header("if-none-match", "*");
    }
    let invoked = record.tick();
    let answer = request.await;
    let returned = record.tick();
    match (create, answer.status) {
        (false, 200) => record.note(key, Op::Write(Some(value)), invoked, returned),
        (true, 200) => record.note(key, Op::Create(value, true), invoked, returned),
        (true, 412) => record.note(key, Op::Create(value, false), invoked, returned),
        // ConditionalRequestConflict says nothing about what is there.
        (true, 409) => {}
        _ => panic!("a put was answered with {}", answer.describe()),
    }
}

async fn get(record: &Record, key: usize) {
    let invoked = record.tick();
    let answer = record.bucket.get(&name(key)).await;
    let returned = record.tick();
    let seen = match answer.status {
        404 => None,
        _ => {
            let value = record.number(&answer.clone().is(200).etag());
            answer.has_body(noise(value, LENGTHS[value as usize % LENGTHS.len()]));
            Some(value)
        }
    };
    record.note(key, Op::Read(seen), invoked, returned);
}

async fn list(record: &Record) {
    let invoked = record.tick();
    let xml = record.bucket.list().await.is(200).xml();
    let returned = record.tick();
    let seen: HashMap<&str, u64> =
        xml.all("Contents").into_iter().map(|e| (e.text("Key"), record.number(e.text("ETag")))).collect();
    for key in 0..KEYS {
        record.note(key, Op::Read(seen.get(name(key).as_str()).copied()), invoked, returned);
    }
}

async fn delete(record: &Record, key: usize) {
    let invoked = record.tick();
    record.bucket.delete(&name(key)).await.is(204);
    let returned = record.tick();
    record.note(key, Op::Write(None), invoked, returned);
}

async fn copy(record: &Record, from: usize, to: usize) {
    let invoked = record.tick();
    let answer = record.bucket.copy(&name(from), &name(to)).await;
    let returned = record.tick();
    if answer.status == 404 {
        record.note(from, Op::Read(None), invoked, returned);
        return;
    }
    let value = record.number(answer.is(200).xml().text("ETag"));
    record.note(from, Op::Read(Some(value)), invoked, returned);
    record.note(to, Op::Write(Some(value)), invoked, returned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_a_linearisable_register() {
    run(&Home::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_a_versioned_bucket_is_one_too_and_every_write_is_one_version() {
    let home = Home::new().await;
    home.keep_versions().await;
    let events = run(&home).await;
    let (mut versions, mut markers) = (0, 0);
    for (_, event) in &events {
        match event.op {
            Op::Write(Some(_)) | Op::Create(_, true) => versions += 1,
            Op::Write(None) => markers += 1,
            _ => {}
        }
    }
    let xml = home.all_versions().await;
    assert_eq!((xml.0.len(), xml.1), (versions, markers));
}

/// Lets clients work on a bucket and holds every key's history against the question. Returns what was done.
async fn run(home: &Home) -> Vec<(usize, Event)> {
    let mut rng = fastrand::Rng::with_seed(seed());
    let record = Arc::new(Record {
        bucket: Bucket::clone(home),
        clock: AtomicU64::new(0),
        bodies: AtomicU64::new(0),
        by_etag: Mutex::default(),
        events: Mutex::default(),
    });
    let operations = number("WINDLASS_LINEAR_OPERATIONS", 150);
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(client(Arc::clone(&record), rng.fork(), operations))).collect();
    for client in clients {
        client.await.unwrap();
    }
    let events = std::mem::take(&mut *record.events.lock().unwrap());
    assert!(events.len() >= CLIENTS * operations / 2, "only {} operations were recorded", events.len());
    for key in 0..KEYS {
        let history: Vec<Event> = events.iter().filter(|(k, _)| *k == key).map(|(_, event)| *event).collect();
        check(&history).unwrap_or_else(|why| panic!("{}: {why}", name(key)));
    }
    events
}
