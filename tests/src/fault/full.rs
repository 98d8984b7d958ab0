//! A full disk, twice: what is refused, what still reads, and how it is taken up again.

use std::collections::BTreeMap;
use std::path::Path;

use super::disk::Disk;
use super::ledger::{Ledger, Went};
use super::recover::check;
use super::workload::furnish;
use crate::noise::noise;
use crate::server::{DataDir, Options, Server};

const DISK_MIB: u64 = 128;
/// A file that takes space from the gateway, and gives it back.
const BALLAST_BYTES: usize = 32 << 20;
/// Writes after which the disk must have been full.
const WRITES_MAX: u64 = 40_000;
/// Refusals in a row that make a disk full.
const REFUSALS: usize = 20;

/// How writes were answered, and how often.
type Answers = BTreeMap<Went, usize>;

/// Fills the disk with blobs, frees some, fills it with small objects, and frees it again.
pub async fn twice(work: &Path, binary: &Path) -> Result<String, String> {
    let disk = Disk::new(work, "full", DISK_MIB);
    let data = DataDir::at(&disk.data());
    let options = Options::of(binary.to_owned()).env("WINDLASS_SWEEP_INTERVAL_MS", "100");
    let server = Server::start_with(options.clone(), data.clone());
    let mut ledger = Ledger::new(server.client(), "bucket");
    furnish(&mut ledger).await?;
    drop(server);
    let mut told = Vec::new();
    for (name, len) in [("blobs", 1 << 20), ("small bodies", 3_000)] {
        let mut once = Once { disk: &disk, options: &options, data: &data, ledger: &mut ledger, name };
        told.push(once.fill_and_free(len).await?);
        check(binary, &data)?;
    }
    Ok(told.join("; "))
}

/// One filling.
struct Once<'a> {
    disk: &'a Disk,
    options: &'a Options,
    data: &'a DataDir,
    ledger: &'a mut Ledger,
    name: &'a str,
}

impl Once<'_> {
    async fn fill_and_free(&mut self, len: usize) -> Result<String, String> {
        let ballast = self.disk.path().join("ballast");
        std::fs::write(&ballast, noise(1, BALLAST_BYTES)).map_err(|e| format!("the ballast does not fit: {e}"))?;
        let mut server = self.start()?;
        let answers = fill(self.ledger, self.name, len).await?;
        let full = self.look(&server).await?;
        println!("filled with {}: {answers:?}, {full}", self.name);
        server.kill();
        let restarted = self.restart_while_full().await?;
        println!("  restarted while full: {restarted}");
        let mut server = if full.contains("ready 503") { None } else { self.start().ok() };
        std::fs::remove_file(&ballast).map_err(|e| e.to_string())?;
        if server.is_none() {
            server = Some(self.start()?);
        }
        let Some(mut server) = server else { return Err("it does not start".to_owned()) };
        let freed = self.write_after(&server).await?;
        println!("  space freed: {freed}");
        empty(self.ledger, self.name).await?;
        let sure = self.ledger.settle().await?;
        server.stop();
        Ok(format!(
            "{}: {answers:?}, {full}; restarted while full: {restarted}; freed: {freed}; {sure} keys right",
            self.name
        ))
    }

    fn start(&mut self) -> Result<Server, String> {
        let server = Server::try_start(self.options.clone(), self.data.clone());
        let server = server.map_err(|refused| refused.stderr.lines().next_back().unwrap_or_default().to_owned())?;
        self.ledger.reconnect(server.client());
        Ok(server)
    }

    /// What reads and readiness say of a full disk.
    async fn look(&self, server: &Server) -> Result<String, String> {
        let (refused, ready) = (self.ledger.read_all().await?, ready(server).await);
        // A latched store reads only what it has cached, and says that it is not ready.
        if refused > 0 && ready == 200 {
            return Err(format!("{refused} reads were refused while /-/ready said 200"));
        }
        Ok(format!("{} KiB free, {refused} reads refused, /-/ready {ready}", self.disk.free_bytes() >> 10))
    }

    async fn restart_while_full(&mut self) -> Result<String, String> {
        let mut server = match self.start() {
            Ok(server) => server,
            Err(why) => return Ok(format!("does not start ({why})")),
        };
        let sure = self.ledger.settle().await.map_err(|what| format!("restarted on the full disk: {what}"))?;
        let deleted = empty(self.ledger, self.name).await?;
        let ready = ready(&server).await;
        server.kill();
        Ok(format!("{sure} keys right, deletes {deleted:?}, /-/ready {ready}"))
    }

    /// A write once there is space, which must go.
    async fn write_after(&mut self, server: &Server) -> Result<String, String> {
        let (went, ready) = (self.ledger.put("after", noise(7, 100_000)).await?, ready(server).await);
        let seen = format!("the next write {went:?}, /-/ready {ready}");
        if went == Went::Done && ready == 200 { Ok(seen) } else { Err(seen) }
    }
}

/// Writes until nothing goes any more.
async fn fill(ledger: &mut Ledger, name: &str, len: usize) -> Result<Answers, String> {
    let mut answers = Answers::new();
    let mut refused = 0;
    for n in 0..WRITES_MAX {
        let went = ledger.put(&format!("{name} {n:05}"), noise(n, len)).await?;
        *answers.entry(went).or_default() += 1;
        refused = if went == Went::Done { 0 } else { refused + 1 };
        if refused == REFUSALS {
            return Ok(answers);
        }
    }
    Err(format!("{WRITES_MAX} writes did not fill the disk"))
}

/// Deletes what was filled in.
async fn empty(ledger: &mut Ledger, name: &str) -> Result<Answers, String> {
    let keys: Vec<String> = ledger.sure().map(|(key, _)| key.clone()).filter(|key| key.starts_with(name)).collect();
    let mut answers = Answers::new();
    for key in keys {
        *answers.entry(ledger.delete(&key).await?).or_default() += 1;
    }
    Ok(answers)
}

async fn ready(server: &Server) -> u16 {
    server.client().plain("/-/ready").await.status
}
