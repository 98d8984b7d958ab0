//! Flipped bits: of blobs and of the metadata file, one at a time. Wrong bytes are never served; what is wrong is refused,
//! cut, or found by the check.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::ledger::{Ledger, Went};
use super::workload::furnish;
use crate::server::{DataDir, Options, Server, run};

/// Bytes of a page of the metadata file.
const PAGE: usize = 4_096;

/// How flips turned out.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// How often each.
    pub counts: BTreeMap<&'static str, usize>,
    /// Answers that were wrong, with the place of the flip.
    pub wrong: Vec<String>,
    /// Metadata that was told wrongly: a key said to be absent, a listing, an ETag; with the place of the flip, and whether
    /// the check finds it.
    pub untrue: Vec<String>,
}

impl Outcomes {
    fn add(&mut self, outcome: &'static str) {
        *self.counts.entry(outcome).or_default() += 1;
    }
}

/// A stopped gateway's data, of which each flip is made and undone.
#[derive(Debug)]
pub struct Flips {
    binary: PathBuf,
    data: DataDir,
    ledger: Ledger,
    rng: fastrand::Rng,
}

impl Flips {
    /// Furnishes a data directory.
    pub async fn new(binary: &Path, data: DataDir, seed: u64) -> Result<Flips, String> {
        let mut server = Server::start_with(Options::of(binary.to_owned()), data.clone());
        let mut ledger = Ledger::new(server.client(), "bucket");
        furnish(&mut ledger).await?;
        server.stop();
        Ok(Flips { binary: binary.to_owned(), data, ledger, rng: fastrand::Rng::with_seed(seed) })
    }

    /// Flips bits of blobs under a running gateway.
    pub async fn blobs(&mut self, count: usize) -> Result<Outcomes, String> {
        let mut outcomes = Outcomes::default();
        let server = Server::start_with(Options::of(self.binary.clone()), self.data.clone());
        self.ledger.reconnect(server.client());
        let blobs = blobs_under(&self.data.path().join("blobs"));
        for _ in 0..count {
            let path = self.rng.choice(&blobs).ok_or("there is no blob")?;
            let sound = fs::read(path).map_err(|e| e.to_string())?;
            let (at, bit) = (self.rng.usize(..sound.len()), self.rng.u32(..8));
            fs::write(path, flipped(&sound, at, bit)).map_err(|e| e.to_string())?;
            match self.ledger.read_all().await {
                Ok(1) => outcomes.add("refused or cut"),
                Ok(other) => {
                    outcomes.wrong.push(format!("byte {at} bit {bit} of {}: {other} reads failed", path.display()))
                }
                Err(what) => outcomes.wrong.push(format!("byte {at} bit {bit} of {}: {what}", path.display())),
            }
            fs::write(path, sound).map_err(|e| e.to_string())?;
        }
        self.ledger.settle().await?;
        Ok(outcomes)
    }

    /// Flips bits of the metadata file while the gateway is stopped, in pages that hold something.
    pub async fn metadata(&mut self, count: usize) -> Result<Outcomes, String> {
        let sound = self.sound()?;
        let pages: Vec<usize> =
            sound.chunks(PAGE).enumerate().filter(|(_, page)| page.iter().any(|b| *b != 0)).map(|(n, _)| n).collect();
        let mut places = Vec::new();
        for _ in 0..count {
            let page = *self.rng.choice(&pages).ok_or("the file is empty")?;
            places.push((page * PAGE + self.rng.usize(..PAGE.min(sound.len() - page * PAGE)), self.rng.u32(..8)));
        }
        self.flip_each(&sound, &places).await
    }

    /// Flips a bit of a key's name, wherever the metadata file has it: that is what hides a key, or a whole page of them.
    pub async fn names(&mut self, count: usize) -> Result<Outcomes, String> {
        let sound = self.sound()?;
        let mut places: Vec<(usize, u32)> =
            sound.windows(5).enumerate().filter(|(_, bytes)| bytes == b"many ").map(|(at, _)| (at + 3, 4)).collect();
        self.rng.shuffle(&mut places);
        places.truncate(count);
        self.flip_each(&sound, &places).await
    }

    fn sound(&self) -> Result<Vec<u8>, String> {
        fs::read(self.data.path().join("meta.redb")).map_err(|e| e.to_string())
    }

    async fn flip_each(&mut self, sound: &[u8], places: &[(usize, u32)]) -> Result<Outcomes, String> {
        let mut outcomes = Outcomes::default();
        let path = self.data.path().join("meta.redb");
        for &(at, bit) in places {
            fs::write(&path, flipped(sound, at, bit)).map_err(|e| e.to_string())?;
            let place = format!("byte {at} (page {}) bit {bit}", at / PAGE);
            match self.one_metadata_flip().await {
                Ok(outcome) => outcomes.add(outcome),
                Err(what)
                    if [" is nothing and ", " has ETag ", "the listing "].iter().any(|lie| what.contains(lie)) =>
                {
                    outcomes.untrue.push(format!("{place}: {what}"));
                }
                Err(what) => outcomes.wrong.push(format!("{place}: {what}")),
            }
            fs::write(&path, sound).map_err(|e| e.to_string())?;
        }
        Ok(outcomes)
    }

    async fn one_metadata_flip(&mut self) -> Result<&'static str, String> {
        let output = run(&self.binary, "check", &self.data.path(), &[]);
        let found = !output.status.success();
        let detected = |outcome, by_check| if found { by_check } else { outcome };
        let Ok(mut server) = Server::try_start(Options::of(self.binary.clone()), self.data.clone()) else {
            return Ok("does not start");
        };
        self.ledger.reconnect(server.client());
        let listed = self.ledger.bucket().list().attempt().await;
        let read = self.ledger.read_all().await;
        let alive = server.is_alive();
        server.kill();
        let by_check = |what: String| format!("{what}; check {}", if found { "finds it" } else { "does NOT find it" });
        if !alive {
            return Err(by_check("the process ended".to_owned()));
        }
        match (listed, read.map_err(by_check)?) {
            (Ok(answer), 0) if answer.status == 200 => {
                let listed = answer.xml().texts("Contents/Key");
                let wanted: Vec<&String> = self.ledger.sure().map(|(key, _)| key).collect();
                if listed.iter().eq(wanted) {
                    return Ok(detected("answers right", "answers right, check finds it"));
                }
                Err(by_check(format!("the listing is {listed:?}")))
            }
            _ => Ok(detected("refused, check does not find it", "refused, check finds it")),
        }
    }

    /// A blob's file goes: its object is refused, all others are served, and the check finds it.
    pub async fn missing(&mut self) -> Result<String, String> {
        let server = Server::start_with(Options::of(self.binary.clone()), self.data.clone());
        self.ledger.reconnect(server.client());
        let blobs = blobs_under(&self.data.path().join("blobs"));
        let path = self.rng.choice(&blobs).ok_or("there is no blob")?;
        fs::remove_file(path).map_err(|e| e.to_string())?;
        let mut refused = Vec::new();
        let keys: Vec<String> = self.ledger.sure().map(|(key, _)| key.clone()).collect();
        for key in &keys {
            match self.ledger.read(key).await? {
                Went::Done => {}
                went => refused.push(went),
            }
        }
        drop(server);
        let output = run(&self.binary, "check", &self.data.path(), &[]);
        let found = output.status.code() == Some(1) && String::from_utf8_lossy(&output.stdout).contains("missing blob");
        let seen = format!("{refused:?}, {} others served, check finds it: {found}", keys.len() - refused.len());
        if refused.len() == 1 && found { Ok(seen) } else { Err(seen) }
    }
}

fn flipped(sound: &[u8], at: usize, bit: u32) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    bytes[at] ^= 1 << bit;
    bytes
}

/// The files of blobs.
fn blobs_under(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(blobs_under(&path));
        } else if path.file_name().is_some_and(|name| name != "windlass-store") {
            found.push(path);
        }
    }
    found.sort();
    found
}
