//! A full disk, twice: what is refused, what still reads, and how it is taken up again: by the same process once there is
//! space, and by another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk::Disk;
use super::ledger::{Ledger, Went};
use super::page::{is_ready, recoveries, until_ready};
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
/// How long a gateway may take to notice that there is space again.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

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
        std::fs::write(self.ballast(), noise(1, BALLAST_BYTES))
            .map_err(|e| format!("the ballast does not fit: {e}"))?;
        let mut server = self.start()?;
        let answers = fill(self.ledger, self.name, len).await?;
        let full = self.look(&server).await?;
        println!("filled with {}: {answers:?}, {full}", self.name);
        let freed = self.free_under(&server).await?;
        println!("  space freed under it: {freed}");

        // As much of it as fits.
        drop(std::fs::write(self.ballast(), noise(1, BALLAST_BYTES)));
        let again = fill(self.ledger, &format!("{} again", self.name), len).await?;
        println!("  filled again: {again:?}, {}", self.look(&server).await?);
        server.kill();
        let restarted = self.restart_while_full().await?;
        println!("  restarted while full: {restarted}");
        std::fs::remove_file(self.ballast()).map_err(|e| e.to_string())?;
        let mut server = self.start()?;
        let after = self.write_after(&server).await?;
        println!("  space freed and started: {after}");
        empty(self.ledger, self.name).await?;
        let sure = self.ledger.settle().await?;
        server.stop();
        Ok(format!(
            "{}: {answers:?}, {full}; freed under it: {freed}; filled again and restarted while full: {restarted}; freed: {after}; {sure} keys right",
            self.name
        ))
    }

    fn ballast(&self) -> PathBuf {
        self.disk.path().join("ballast")
    }

    /// Frees space and does nothing else: the same process goes on by itself, with all that it has acknowledged.
    async fn free_under(&mut self, server: &Server) -> Result<String, String> {
        let latched = !is_ready(server).await;
        std::fs::remove_file(self.ballast()).map_err(|e| e.to_string())?;
        let Some(after) = until_ready(server, NOTICED_WITHIN).await else {
            return Err(format!("/-/ready is not 200 within {NOTICED_WITHIN:?} after there is space again"));
        };
        let went = self.write_after(server).await?;
        let sure = self.ledger.settle().await.map_err(|what| format!("after it went on by itself: {what}"))?;
        let recoveries = recoveries(server).await;
        if latched && recoveries == 0 {
            return Err("it was not ready, is now, and counts no recovery".to_owned());
        }
        Ok(format!("ready after {} ms, {recoveries} recoveries, {went}, {sure} keys right", after.as_millis()))
    }

    fn start(&mut self) -> Result<Server, String> {
        let server = Server::try_start(self.options.clone(), self.data.clone());
        let server = server.map_err(|refused| refused.stderr.lines().next_back().unwrap_or_default().to_owned())?;
        self.ledger.reconnect(server.client());
        Ok(server)
    }

    /// What reads and readiness say of a full disk.
    async fn look(&self, server: &Server) -> Result<String, String> {
        let before = recoveries(server).await;
        let (refused, ready) = (self.ledger.read_all().await?, ready(server).await);
        // A latched store reads only what it has cached, and says that it is not ready until it has recovered.
        if refused > 0 && ready == 200 && recoveries(server).await == before {
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
