//! What a round and a run have to say.

use std::collections::BTreeMap;
use std::fmt;

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// PutObject small enough to ride in the commit.
    PutInline,
    /// PutObject with a blob.
    Put,
    /// CopyObject.
    Copy,
    /// DeleteObject.
    Delete,
    /// CreateMultipartUpload.
    Create,
    /// UploadPart.
    Part,
    /// CompleteMultipartUpload.
    Complete,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::PutInline => "put-inline",
            Kind::Put => "put",
            Kind::Copy => "copy",
            Kind::Delete => "delete",
            Kind::Create => "create",
            Kind::Part => "part",
            Kind::Complete => "complete",
        })
    }
}

/// A round.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// Number, from 1.
    pub number: u32,
    /// Milliseconds from the start of the work to the end of the process.
    pub worked_ms: u128,
    /// Writes acknowledged.
    pub acknowledged: usize,
    /// Keys whose last acknowledged write is of this round, with no doubt after it, and was found as it should be.
    pub checked: usize,
    /// What the kill interrupted: one operation for each task that was waiting for an answer.
    pub interrupted: Vec<Kind>,
    /// Keys and buckets made or ended over `/v1`, acknowledged, that were found as they should be.
    pub managed: usize,
    /// Writes in doubt that had happened.
    pub landed: usize,
    /// Writes in doubt that had not.
    pub lost: usize,
    /// Milliseconds from starting the process to its line that it listens.
    pub ready_ms: u128,
}

fn counts(kinds: &[Kind]) -> String {
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    kinds.iter().for_each(|kind| *counts.entry(*kind).or_default() += 1);
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {:>3}: killed after {:>4} ms, {:>4} writes acknowledged, {:>3} checked, {:>3} keys and buckets; interrupted {}; in doubt {} done {} not; ready {} ms",
            self.number,
            self.worked_ms,
            self.acknowledged,
            self.checked,
            self.managed,
            counts(&self.interrupted),
            self.landed,
            self.lost,
            self.ready_ms
        )
    }
}

/// A run.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Rounds, and so kills.
    pub rounds: u32,
    /// Writes acknowledged.
    pub acknowledged: usize,
    /// Acknowledged writes checked.
    pub checked: usize,
    /// Keys and buckets made or ended over `/v1` that were checked.
    pub managed: usize,
    /// Everything that kills interrupted.
    pub interrupted: Vec<Kind>,
    /// Kills that interrupted a Complete.
    pub kills_in_complete: u32,
    /// Kills that interrupted a write which ends in a commit: all but those that found every task between two.
    pub kills_in_commit: u32,
    /// Writes in doubt that had happened.
    pub landed: usize,
    /// Writes in doubt that had not.
    pub lost: usize,
    /// The longest time until a restarted gateway listened.
    pub ready_ms_max: u128,
    /// Bytes of all files of the data directory at the end.
    pub data_bytes: u64,
    /// Bytes of all objects at the end, each copy counted.
    pub object_bytes: u64,
}

impl Totals {
    /// Adds a round.
    pub fn add(&mut self, round: &Round) {
        self.rounds += 1;
        self.acknowledged += round.acknowledged;
        self.checked += round.checked;
        self.managed += round.managed;
        self.kills_in_complete += u32::from(round.interrupted.contains(&Kind::Complete));
        self.kills_in_commit += u32::from(!round.interrupted.is_empty());
        self.interrupted.extend(&round.interrupted);
        self.landed += round.landed;
        self.lost += round.lost;
        self.ready_ms_max = self.ready_ms_max.max(round.ready_ms);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} kills: {} writes acknowledged, {} checked; {} keys and buckets checked",
            self.rounds, self.acknowledged, self.checked, self.managed
        )?;
        writeln!(f, "interrupted: {}", counts(&self.interrupted))?;
        let (complete, commit) = (self.kills_in_complete, self.kills_in_commit);
        writeln!(f, "kills that interrupted a Complete: {complete}; any write that ends in a commit: {commit}")?;
        writeln!(f, "in doubt: {} had happened, {} had not", self.landed, self.lost)?;
        let mib = |bytes: u64| bytes >> 20;
        writeln!(f, "at the end: {} MiB of objects in {} MiB of files", mib(self.object_bytes), mib(self.data_bytes))?;
        write!(f, "ready after at most {} ms; violations: 0", self.ready_ms_max)
    }
}
