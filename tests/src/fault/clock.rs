//! A wall clock that is set back: between two runs, and under a running gateway. By libfaketime.

use std::path::{Path, PathBuf};

use super::ledger::{Ledger, Went};
use super::recover::check;
use super::workload::{furnish, run};
use crate::noise::noise;
use crate::server::{DataDir, Options, Server};

const HOUR: i64 = 3_600;
/// Clients that write while the clock jumps, and how often each.
const WRITERS: usize = 4;
const WRITES: u64 = 60;

/// Both jumps.
pub async fn set_back(work: &Path, binary: &Path, preload: &Path) -> Result<String, String> {
    let clock = Clock { file: work.join("clock"), preload: preload.to_owned(), binary: binary.to_owned() };
    let data = DataDir::at(&work.join("clock-data"));
    clock.set(2 * HOUR);
    let mut server = clock.start(&data);
    let mut ledger = Ledger::new(server.client(), "bucket");
    ledger.skew(2 * HOUR);
    furnish(&mut ledger).await?;
    run(&mut ledger).await?;
    let open =
        ledger.bucket().create("begun ahead").skewed(2 * HOUR).attempt().await?.xml().text("UploadId").to_owned();
    server.kill();

    // Four hours back between two runs: later writes win all the same.
    clock.set(-2 * HOUR);
    let mut server = clock.start(&data);
    ledger.reconnect(server.client());
    ledger.skew(-2 * HOUR);
    ledger.settle().await?;
    let between = run(&mut ledger).await?;
    if between.refused + between.cut > 0 {
        return Err(format!("after the clock was set back: {between:?}"));
    }
    let listed = ledger.bucket().parts("begun ahead", &open).skewed(-2 * HOUR).attempt().await?;
    if listed.status != 200 {
        return Err(format!("the upload that began ahead is gone: {}", listed.describe()));
    }
    ledger.settle().await?;
    server.kill();

    let written = during(&clock, &data, &mut ledger).await?;
    clock.set(0);
    let mut server = clock.start(&data);
    ledger.reconnect(server.client());
    ledger.skew(0);
    let sure = ledger.settle().await?;
    server.stop();
    check(binary, &data)?;
    Ok(format!(
        "4 h back between runs, 20 min back and forth during {written} writes: {sure} keys hold what was last acknowledged"
    ))
}

/// The clock jumps while clients overwrite and read their keys, within what signatures allow.
async fn during(clock: &Clock, data: &DataDir, ledger: &mut Ledger) -> Result<usize, String> {
    clock.set(600);
    let mut server = clock.start(data);
    ledger.reconnect(server.client());
    ledger.skew(0);
    let tasks: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(writer(Ledger::new(server.client(), "bucket"), n))).collect();
    let mut ahead = true;
    while tasks.iter().any(|task| !task.is_finished()) {
        ahead = !ahead;
        clock.set(if ahead { 600 } else { -600 });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mut written = 0;
    for task in tasks {
        let (key, body) = task.await.map_err(|e| e.to_string())??;
        ledger.assume(&key, body);
        written += WRITES as usize;
    }
    ledger.settle().await?;
    server.kill();
    Ok(written)
}

async fn writer(mut ledger: Ledger, n: usize) -> Result<(String, bytes::Bytes), String> {
    let key = format!("jumping {n}");
    let mut last = bytes::Bytes::new();
    for round in 0..WRITES {
        last = noise(n as u64 * 1_000 + round, if round % 3 == 0 { 20_000 } else { 500 });
        let (put, read) = (ledger.put(&key, last.clone()).await?, ledger.read(&key).await?);
        if (put, read) != (Went::Done, Went::Done) {
            return Err(format!("write {round} to {key}: {put:?}, then {read:?}"));
        }
    }
    Ok((key, last))
}

/// A clock that is off by what its file says.
struct Clock {
    file: PathBuf,
    preload: PathBuf,
    binary: PathBuf,
}

impl Clock {
    fn set(&self, seconds: i64) {
        // Never half written: the library reads it at each call.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).expect("the clock can be set");
        std::fs::rename(next, &self.file).expect("the clock can be set");
    }

    fn start(&self, data: &DataDir) -> Server {
        let options = Options::of(self.binary.clone())
            .env("LD_PRELOAD", &self.preload.display().to_string())
            .env("FAKETIME_TIMESTAMP_FILE", &self.file.display().to_string())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("WINDLASS_SWEEP_INTERVAL_MS", "100");
        Server::start_with(options, data.clone())
    }
}
