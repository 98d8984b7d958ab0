//! What is stored of an adoption.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::AccountId;
use crate::meta::Record;

/// What is done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The upstream's objects are counted, so that there is something to hold progress against.
    Counting,
    /// What is unsettled is brought.
    Bringing,
    /// The bucket is ours; what the adoption leaves behind is cleared.
    Clearing,
    /// All is done.
    Done,
}

impl Phase {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counting => "counting",
            Self::Bringing => "copying",
            Self::Clearing => "clearing",
            Self::Done => "done",
        }
    }
}

/// How far an adoption has come. It stays as a record when all is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionRow {
    /// The account that the bucket was linked with.
    pub account: AccountId,
    /// The bucket's name there.
    pub name: String,
    /// When it began.
    pub begun_ms: Millis,
    /// When the bucket was ours.
    pub ended_ms: Option<Millis>,
    /// What is done now.
    pub phase: Phase,
    /// How many times the upstream's keys were gone through before.
    pub passes: u32,
    /// The key up to which they have been, this time.
    pub after: Option<String>,
    /// Objects upstream.
    pub objects_total: u64,
    /// Their bytes.
    pub bytes_total: u64,
    /// Objects that this pass has gone by: they are settled or have failed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects among them that could not be brought; the next pass tries again.
    pub failed: u64,
    /// What went wrong last.
    pub failure: Option<Failure>,
    /// Objects that were brought.
    pub brought: u64,
    /// Their bytes.
    pub brought_bytes: u64,
    /// Those among them that could be held against their length alone.
    pub unverified: u64,
    /// Not to be gone on with before.
    pub retry_ms: Millis,
}

impl Record for AdoptionRow {
    const VERSION: u8 = 1;
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The object that it was about; `None` for the bucket.
    pub key: Option<String>,
    /// A sentence for whoever runs the adoption.
    pub message: String,
}

/// A key that is not there, whatever the upstream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TombstoneRow;

impl Record for TombstoneRow {
    const VERSION: u8 = 1;
}
