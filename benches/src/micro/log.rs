//! What a logged request costs whoever hands it over, the log's own thread, and the disk: requests as `GET /v1/buckets/{id}` has
//! them, with what the door makes of them ready, so that redaction is not in it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windlass_store::clock::Millis;
use windlass_store::id::{BucketId, KeyId, OrgId};
use windlass_store::limit;
use windlass_store::log::{LogBodyRef, LogEntry, LogOptions, Logs};

use super::ROUNDS;
use crate::load::Random;
use crate::{Failure, process};

const REQUESTS: u64 = 200_000;
const ORG: OrgId = OrgId([1; 16]);
const BUCKETS: u64 = 16;
/// Requests made ready before any is handed over: no more than may wait, twice, of those that take the most.
const AT_ONCE: usize = limit::LOG_QUEUE_BYTES_MAX / (8 << 10);
const PAUSE: Duration = Duration::from_micros(200);
/// How the kernel knows the log's thread.
const THREAD: &str = "windlass-log";

/// Prints a line for each round: the time of handing over, CPU time of the log's thread (the kernel's writing in the background is
/// not in it), bytes as they are stored, and the file's bytes, each for a request.
pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    println!(
        "{:>8} {:>10} {:>14} {:>14} {:>14} {:>12}",
        "round", "requests", "ns handed over", "ns of CPU", "stored bytes", "file bytes"
    );
    for round in 1..=ROUNDS {
        let folder = tempfile::tempdir_in(folder)?;
        let logs = Logs::open(&LogOptions { folder: folder.path().to_owned(), enabled: true, max_bytes: u64::MAX });
        let handed = hand_over(&logs).as_nanos() as f64;
        // The thread is new, so this is all it ever used.
        let nanos = process::thread_cpu_time(THREAD).ok_or("the log's thread is not there")?.as_nanos() as f64;
        let counters = logs.counters();
        drop(logs);
        if counters.dropped > 0 || counters.failures > 0 {
            return Err(format!("not all requests were logged: {counters:?}").into());
        }
        let file = std::fs::metadata(folder.path().join("logs.redb"))?.len();
        let each = |all: f64| all / REQUESTS as f64;
        let (handed, cpu) = (each(handed), each(nanos));
        let (stored, file) = (each(counters.bytes as f64), each(file as f64));
        println!("{round:>8} {REQUESTS:>10} {handed:>14.0} {cpu:>14.0} {stored:>14.0} {file:>12.0}");
    }
    Ok(())
}

/// Hands all requests over, as fast as they are written, and waits until the last one is. How long it took, without the waits.
fn hand_over(logs: &Logs) -> Duration {
    let mut random = Random(1);
    let (mut handed, mut taken) = (0, Duration::ZERO);
    while handed < REQUESTS {
        let ready: Vec<_> = (0..AT_ONCE.min((REQUESTS - handed) as usize)).map(|_| Asked::new(&mut random)).collect();
        handed += ready.len() as u64;
        while logs.counters().queued > AT_ONCE as u64 {
            thread::sleep(PAUSE);
        }
        let begun = Instant::now();
        ready.iter().for_each(|asked| logs.record(ORG, asked.ended_ms, || asked.entry()));
        taken += begun.elapsed();
    }
    while logs.counters().recorded + logs.counters().dropped < REQUESTS {
        thread::sleep(PAUSE);
    }
    taken
}

/// A request that was answered.
struct Asked {
    bucket: u64,
    ended_ms: Millis,
    path: String,
    request_id: String,
    remaining: String,
    body: String,
}

impl Asked {
    fn new(random: &mut Random) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let bucket = random.below(BUCKETS);
        let id = format!("bkt_01{:024X}", (u128::from(bucket) + 1) * 0x9E37_79B9_7F4A_7C15_F39C_C060);
        let body = format!(
            concat!(
                r#"{{"data":{{"object":"bucket","id":"{}","name":"Pictures of the shop","s3Name":"pictures-{}","customDomain":null,"#,
                r#""region":"auto","status":"active","cachePreset":"standard","cacheControlOverride":null,"corsOrigins":[],"#,
                r#""lifecycleTtlDays":null,"maxFileSizeBytes":null,"allowedMimeTypes":null,"optimizationMode":"none","#,
                r#""domainConnectProvider":null,"awsAccountId":null,"isImported":false,"isManagedDomain":false,"#,
                r#""managedSettings":{{"cors":false,"lifecycle":false,"publicAccess":false}},"visibility":"private","#,
                r#""storageUsedBytes":{},"bandwidthUsedBytes":{},"objectCount":{},"dnsRecords":null,"#,
                r#""createdAt":"2026-05-0{}T12:13:14.567Z","updatedAt":"2026-06-0{}T10:11:12.345Z"}},"error":null,"meta":null}}"#,
            ),
            id,
            bucket,
            bucket * 7_654_321,
            random.below(1 << 34),
            bucket * 4_321,
            bucket % 9 + 1,
            bucket % 8 + 1,
        );
        let (high, low) = (random.next(), random.next());
        Self {
            bucket,
            ended_ms: 1_800_000_000_000 + number / 48,
            path: format!("/v1/buckets/{id}"),
            request_id: format!("{:08x}-{:04x}-4{:03x}-{low:016x}", high >> 32, high & 0xFFFF, high >> 20 & 0xFFF),
            remaining: format!("{}", random.below(10_000)),
            body,
        }
    }
}

impl Asked {
    fn entry(&self) -> LogEntry<'_> {
        LogEntry {
            status: 200,
            duration_ms: 0,
            key: Some(KeyId([2; 16])),
            bucket: Some(BucketId([self.bucket as u8; 16])),
            method: "GET",
            path: &self.path,
            error_message: None,
            request_id: &self.request_id,
            ip: Some([127, 0, 0, 1].into()),
            query: vec![],
            request_headers: vec![("accept", "*/*"), ("user-agent", "windlass-benches/0.1")],
            response_headers: vec![
                ("content-type", "application/json"),
                ("content-length", "812"),
                ("cache-control", "no-store"),
                ("x-ratelimit-limit", "10000"),
                ("x-ratelimit-remaining", &self.remaining),
                ("x-ratelimit-reset", "1800000060"),
                ("x-request-id", &self.request_id),
            ],
            request_body: None,
            response_body: Some(LogBodyRef::Json(self.body.as_str().into())),
        }
    }
}
