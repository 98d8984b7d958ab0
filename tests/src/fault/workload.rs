//! A small fixed workload that touches everything: inline and blob bodies, overwrites, copies, deletes, multipart,
//! reads, listings, and the sweep.

use bytes::Bytes;

use super::ledger::{Ledger, Went};
use crate::noise::noise;

/// The smallest part but the last.
const PART: usize = 5 << 20;

/// How the requests of a workload went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Acknowledged, or read right.
    pub done: usize,
    /// Answered with 5xx.
    pub refused: usize,
    /// Cut.
    pub cut: usize,
}

impl Tally {
    fn add(&mut self, went: Went) {
        match went {
            Went::Done => self.done += 1,
            Went::Refused(_) => self.refused += 1,
            Went::Cut => self.cut += 1,
        }
    }
}

/// What is there before a fault, where something is to be.
pub fn furniture() -> Vec<(String, Bytes)> {
    let many = (0..20).map(|n| (format!("many {n:02}"), noise(100 + n, 2_000)));
    let mut all: Vec<(String, Bytes)> = many.collect();
    all.push(("old inline".to_owned(), noise(1, 900)));
    all.push(("old blob".to_owned(), noise(2, 200_000)));
    all.push(("old parts".to_owned(), Bytes::from([noise(3, PART), noise(4, 100)].concat())));
    all
}

/// Puts it there.
pub async fn furnish(ledger: &mut Ledger) -> Result<(), String> {
    ledger.make().await?;
    for (key, body) in furniture() {
        if body.len() > PART {
            ledger.multipart(&key, &[body.slice(..PART), body.slice(PART..)]).await?;
        } else {
            ledger.put(&key, body).await?;
        }
    }
    Ok(())
}

/// Runs it. The error is the first thing that no fault excuses.
pub async fn run(ledger: &mut Ledger) -> Result<Tally, String> {
    let mut tally = Tally::default();
    tally.add(ledger.make().await?);
    tally.add(ledger.put("inline", noise(10, 700)).await?);
    tally.add(ledger.put("blob", noise(11, 150_000)).await?);
    tally.add(ledger.put("large", noise(12, 3 << 20)).await?);
    tally.add(ledger.put("inline", noise(13, 800)).await?);
    tally.add(ledger.put("blob", noise(14, 160_000)).await?);
    tally.add(ledger.put("old blob", noise(15, 90_000)).await?);
    if let Some(went) = ledger.copy("large", "copy").await? {
        tally.add(went);
    }
    tally.add(ledger.multipart("parts", &[noise(16, PART), noise(17, 10)]).await?);
    tally.add(ledger.delete("large").await?);
    tally.add(ledger.delete("old parts").await?);
    tally.add(ledger.put("later", noise(18, 5_000)).await?);
    for key in ["inline", "blob", "large", "copy", "parts", "old inline", "old blob", "old parts", "later"] {
        tally.add(ledger.read(key).await?);
    }
    Ok(tally)
}
