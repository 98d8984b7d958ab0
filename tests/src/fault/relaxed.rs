//! Relaxed durability and a sudden end: what is left is everything up to some moment, and that moment is not long ago.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::page::until_swept;
use super::recover::check;
use crate::client::Bucket;
use crate::digest::etag;
use crate::noise::noise;
use crate::prefix::{Act, Log, Lost, State, Write, judge};
use crate::server::{DataDir, Options, Server};

/// Keys of one client in one round; no other client and no other round touches them.
const KEYS: usize = 24;
/// Milliseconds within which the gateway is told to sync, in turn.
const SYNC_MS: [u64; 3] = [1_000, 250, 20];
/// Nothing that was acknowledged so long before the end may be lost, however busy the machine is.
const OLDEST: Duration = Duration::from_secs(10);
/// A round that is long enough for that to be seen, in milliseconds.
const LONG_MS: std::ops::Range<u64> = 12_000..14_000;
const SHORT_MS: std::ops::Range<u64> = 200..2_500;

/// How long the sweep is waited for; nothing is measured by it.
const SWEPT_WITHIN: Duration = Duration::from_secs(60);

/// Rounds of a sudden end.
#[derive(Debug)]
pub struct Rounds<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// How many.
    pub rounds: u32,
    /// Every so manyth is a long one; 0 is none.
    pub long_every: u32,
    /// The disk whose power is cut; without it the process is killed.
    pub disk: Option<&'a Disk>,
    /// The seed of everything random.
    pub seed: u64,
}

/// One round: how the gateway is set, and how long it lives.
struct Round {
    number: u32,
    clients: usize,
    sync_ms: u64,
    /// Whether the sweep runs often, and syncs each time that there is something to remove.
    sweeps: bool,
    lives_ms: u64,
}

impl Rounds<'_> {
    /// Runs them and prints a line for each; the error is the first violation.
    pub async fn run(&self) -> Result<String, String> {
        let data = self.disk.map_or_else(DataDir::new, |disk| DataDir::at(&disk.data()));
        let mut rng = fastrand::Rng::with_seed(self.seed);
        self.begin(&data).await;
        let mut settled = State::new();
        let (mut sum, mut oldest) = (Lost::default(), [Duration::ZERO; SYNC_MS.len()]);
        for number in 0..self.rounds {
            let round = self.plan(number, &mut rng);
            let lost = self.round(&round, &data, &mut settled, rng.u64(..)).await;
            let lost = lost.map_err(|violation| self.told(number, &data, &violation))?;
            println!(
                "round {number:>3}: {} clients, sync within {:>4} ms, ended after {:>5} ms: {:>5} acknowledged, {:>4} lost, the oldest {:>4} ms before the end",
                round.clients,
                round.sync_ms,
                round.lives_ms,
                lost.acknowledged,
                lost.lost,
                lost.oldest.as_millis()
            );
            sum.acknowledged += lost.acknowledged;
            sum.lost += lost.lost;
            let slot = &mut oldest[number as usize % SYNC_MS.len()];
            *slot = lost.oldest.max(*slot);
        }
        let told: Vec<String> =
            SYNC_MS.iter().zip(oldest).map(|(ms, age)| format!("{} ms at {ms}", age.as_millis())).collect();
        Ok(format!(
            "{} ends, {} writes acknowledged, {} lost, the oldest of them {} of relaxed_sync_ms; every state a prefix, 0 violations",
            self.rounds,
            sum.acknowledged,
            sum.lost,
            told.join(", ")
        ))
    }

    fn told(&self, number: u32, data: &DataDir, violation: &str) -> String {
        let kept = self.disk.map_or_else(|| data.keep(), Disk::keep);
        let log = std::fs::read_to_string(data.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("seed {}, round {number}: {violation}\ndata kept in {}\n{tail}", self.seed, kept.display())
    }

    fn plan(&self, number: u32, rng: &mut fastrand::Rng) -> Round {
        let long = number.checked_rem(self.long_every) == Some(0);
        Round {
            number,
            // One client alone knows the order of all commits.
            clients: if rng.bool() { 1 } else { 4 },
            sync_ms: SYNC_MS[number as usize % SYNC_MS.len()],
            sweeps: rng.u32(..3) == 0,
            lives_ms: rng.u64(if long { LONG_MS } else { SHORT_MS }),
        }
    }

    /// Makes the bucket, and ends in good order, so that it is there in every round.
    async fn begin(&self, data: &DataDir) {
        let mut server = Server::start_with(self.options(1_000, false), data.clone());
        server.client().make("bucket").await;
        server.stop();
    }

    fn options(&self, sync_ms: u64, sweeps: bool) -> Options {
        let options = Options::of(self.binary.to_owned())
            .env("WINDLASS_STORAGE_DURABILITY", "relaxed")
            .env("WINDLASS_STORAGE_RELAXED_SYNC_MS", &sync_ms.to_string());
        if sweeps { options.env("WINDLASS_SWEEP_INTERVAL_MS", "100") } else { options }
    }

    async fn round(&self, round: &Round, data: &DataDir, settled: &mut State, seed: u64) -> Result<Lost, String> {
        let start = || {
            let server = Server::try_start(self.options(round.sync_ms, round.sweeps), data.clone());
            server.map_err(|refused| format!("it does not start: {}", refused.stderr))
        };
        let mut server = start()?;
        let (logs, end) = self.work_until_the_end(round, &mut server, seed).await?;
        check(self.binary, data)?;
        let mut server = start()?;
        let seen = read_all(&bucket(&server)).await?;
        // What this round threw away is gone before the next one, whose syncs are then those that the timer makes.
        until_swept(&server, SWEPT_WITHIN).await;
        server.stop();
        check(self.binary, data)?;
        let lost = compare(round, logs, &seen, settled, end)?;
        *settled = seen;
        Ok(lost)
    }

    /// Lets all clients write until the end; what each has written, and when the end was.
    async fn work_until_the_end(
        &self,
        round: &Round,
        server: &mut Server,
        seed: u64,
    ) -> Result<(Vec<Log>, Instant), String> {
        let ended = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..round.clients)
            .map(|n| {
                let writer = Writer {
                    // Connections of its own.
                    bucket: bucket(server),
                    prefix: prefix(round.number, n),
                    rng: fastrand::Rng::with_seed(seed ^ n as u64),
                    state: State::new(),
                    ended: Arc::clone(&ended),
                };
                tokio::spawn(writer.write())
            })
            .collect();
        let switch = self.disk.map(Disk::switch);
        tokio::time::sleep(Duration::from_millis(round.lives_ms)).await;
        ended.store(true, Ordering::SeqCst);
        let end = Instant::now();
        if let Some(switch) = switch {
            switch.cut().await;
            // On a dead disk the gateway has time to make what is lost look kept.
            tokio::time::sleep(Duration::from_millis(seed % 50)).await;
        }
        server.kill();
        if let Some(disk) = self.disk {
            disk.remount();
        }
        let mut logs = Vec::new();
        for client in clients {
            logs.push(client.await.map_err(|e| e.to_string())??);
        }
        Ok((logs, end))
    }
}

fn bucket(server: &Server) -> Bucket {
    Bucket { client: server.client(), name: "bucket".to_owned() }
}

fn prefix(round: u32, client: usize) -> String {
    format!("round {round:03} client {client} ")
}

/// A client that writes one thing after the other.
struct Writer {
    bucket: Bucket,
    prefix: String,
    rng: fastrand::Rng,
    /// What it has written.
    state: State,
    ended: Arc<AtomicBool>,
}

impl Writer {
    /// Writes until the end; what has no answer then, or is refused, is the last.
    async fn write(mut self) -> Result<Log, String> {
        let mut log = Log::new();
        loop {
            let (act, request, status) = self.next();
            let sent = Instant::now();
            let answer = request.attempt().await;
            let acknowledged = matches!(&answer, Ok(answer) if answer.status == status).then(Instant::now);
            act.apply(&mut self.state);
            log.push(Write { act, sent, acknowledged });
            match answer {
                _ if acknowledged.is_some() => {}
                _ if self.ended.load(Ordering::SeqCst) => return Ok(log),
                Ok(answer) => return Err(format!("a write was answered with {}", answer.describe())),
                Err(error) => return Err(format!("a write had no answer before the end: {error}")),
            }
        }
    }

    fn next(&mut self) -> (Act, crate::request::Request, u16) {
        let key = self.key();
        let (lot, source) = (self.rng.u32(..100), self.rng.choice(self.state.keys()).cloned());
        match source {
            Some(from) if lot < 5 && from != key => {
                (Act::Copy(from.clone(), key.clone()), self.bucket.copy(&from, &key), 200)
            }
            _ if lot < 20 => (Act::Delete(key.clone()), self.bucket.delete(&key), 204),
            _ => {
                // Inline rows and blobs.
                let len = if lot < 75 { self.rng.usize(1..3_000) } else { self.rng.usize(5_000..60_000) };
                let body = noise(self.rng.u64(..), len);
                (Act::Put(key.clone(), etag(&body)), self.bucket.put(&key, body), 200)
            }
        }
    }

    fn key(&mut self) -> String {
        format!("{}{:02}", self.prefix, self.rng.usize(..KEYS))
    }
}

/// Everything that is there, as its bytes are.
async fn read_all(bucket: &Bucket) -> Result<State, String> {
    let mut seen = State::new();
    for key in listed(bucket).await? {
        let answer = bucket.get(&key).attempt().await?;
        let tag = etag(&answer.body);
        if answer.status != 200 || answer.header("etag") != Some(tag.as_str()) {
            return Err(format!("{key} is listed and reads as {}", answer.describe()));
        }
        seen.insert(key, tag);
    }
    Ok(seen)
}

async fn listed(bucket: &Bucket) -> Result<BTreeSet<String>, String> {
    let (mut keys, mut token) = (BTreeSet::new(), None);
    loop {
        let list = token.iter().fold(bucket.list(), |list, token: &String| list.query("continuation-token", token));
        let page = list.attempt().await?;
        if page.status != 200 {
            return Err(format!("listing was answered with {}", page.describe()));
        }
        let page = page.xml();
        keys.extend(page.texts("Contents/Key"));
        token = page.get("NextContinuationToken").map(str::to_owned);
        if token.is_none() {
            return Ok(keys);
        }
    }
}

/// Holds what is seen against what the round's clients wrote and what earlier rounds left.
fn compare(round: &Round, logs: Vec<Log>, seen: &State, settled: &State, end: Instant) -> Result<Lost, String> {
    let of = |prefix: &str| -> State {
        let rows = seen.iter().filter(|(key, _)| key.starts_with(prefix));
        rows.map(|(key, tag)| (key.clone(), tag.clone())).collect()
    };
    let earlier: State = seen
        .iter()
        .filter(|(key, _)| !key.starts_with(&format!("round {:03} ", round.number)))
        .map(|(key, tag)| (key.clone(), tag.clone()))
        .collect();
    if earlier != *settled {
        return Err("what earlier rounds left has changed".to_owned());
    }
    let logs: Vec<(Log, State)> =
        logs.into_iter().enumerate().map(|(n, log)| (log, of(&prefix(round.number, n)))).collect();
    let lost = judge(&logs, end)?;
    if lost.oldest > OLDEST {
        return Err(format!("a write is lost that was acknowledged {:?} before the end", lost.oldest));
    }
    Ok(lost)
}
