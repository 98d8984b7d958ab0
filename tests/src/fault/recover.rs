//! After the fault: a restart without repair, everything acknowledged still there, and a check that finds nothing but
//! litter.

use std::path::Path;

use super::ledger::Ledger;
use crate::server::{DataDir, Options, Server, run};

/// Restarts on the data, settles the ledger, stops and checks. Returns the keys that were surely there.
pub async fn recover(binary: &Path, data: &DataDir, ledger: &mut Ledger) -> Result<usize, String> {
    let mut server = Server::try_start(Options::of(binary.to_owned()), data.clone())
        .map_err(|refused| format!("it does not start again: {}\n{}", refused.status, last_lines(&refused.stderr)))?;
    ledger.reconnect(server.client());
    let sure = ledger.settle().await?;
    let status = server.stop();
    if !status.success() {
        return Err(format!("SIGTERM ended it with {status}"));
    }
    check(binary, data)?;
    Ok(sure)
}

/// `windlass check`, which must find the data sound.
pub fn check(binary: &Path, data: &DataDir) -> Result<(), String> {
    let output = run(binary, "check", &data.path(), &[]);
    if output.status.success() {
        return Ok(());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("check ended with {}:\n{}{}", output.status, said(&output.stdout), said(&output.stderr)))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}
