//! A process that is stopped for a while under load, and goes on.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::ledger::{Ledger, Went};
use super::recover::recover;
use crate::noise::noise;
use crate::server::{DataDir, Options, Server, Signal};

const WRITERS: usize = 8;
const WRITES: usize = 30;

/// Stops the process for so long while clients write, lets it go on, and reads everything; then kills it.
pub async fn pause(binary: &Path, data: DataDir, time: Duration) -> Result<String, String> {
    let mut server = Server::start_with(Options::of(binary.to_owned()), data.clone());
    let mut ledger = Ledger::new(server.client(), "bucket");
    ledger.make().await?;
    let tasks: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(writer(Ledger::new(server.client(), "bucket"), n))).collect();
    server.signal(Signal::STOP);
    tokio::time::sleep(time).await;
    server.signal(Signal::CONT);
    let mut written = 0;
    for task in tasks {
        for (key, body) in task.await.map_err(|e| e.to_string())?? {
            ledger.assume(&key, body);
            written += 1;
        }
    }
    ledger.settle().await?;
    server.kill();
    let sure = recover(binary, &data, &mut ledger).await?;
    Ok(format!("stopped for {time:?}: {written} writes acknowledged, {sure} keys right before and after kill -9"))
}

async fn writer(mut ledger: Ledger, n: usize) -> Result<Vec<(String, Bytes)>, String> {
    let mut all = Vec::new();
    for round in 0..WRITES {
        let len = if round % 3 == 0 { 120_000 } else { 600 };
        let (key, body) = (format!("writer {n} {round:02}"), noise((n * WRITES + round) as u64, len));
        let went = ledger.put(&key, body.clone()).await?;
        if went != Went::Done {
            return Err(format!("a write to {key} was {went:?}"));
        }
        all.push((key, body));
    }
    Ok(all)
}
