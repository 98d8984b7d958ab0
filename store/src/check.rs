//! The offline check: every row's bytes exist and match, counters equal a recount, references equal their count, and
//! nothing is left over. It reads the data directory under its lock; only a repair writes.

mod bytes;
mod count;
mod index;
mod kv;
mod projects;
mod repair;

use std::fmt;
use std::fs::File;

use crate::StoreOptions;
use crate::blob::{Blobs, Home, offline, wait};
use crate::error::Result;
use crate::id::{BlobId, BucketId, OrgId, UploadId};
use crate::kv::{KvId, KvUsageRow};
use crate::meta::{Meta, RedbEngine};
use crate::state;
use crate::store::{META, open_offline, prepare};
use crate::usage::{OrgUsageRow, UsageRow};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A row cannot be read.
    BadRow(String),
    /// An object or part names bytes that have no row.
    MissingRow(String),
    /// A row names a blob whose file is missing.
    MissingBlob(BlobId),
    /// A blob's or an inline row's bytes do not match their checksums or length.
    Damaged(BlobId, String),
    /// A reference count is wrong.
    References {
        /// What it counts.
        what: Counted,
        /// What the row says.
        stored: u32,
        /// What there is.
        counted: u32,
    },
    /// A bucket's counters differ from a recount.
    Usage {
        /// The bucket.
        bucket: BucketId,
        /// What the row says.
        stored: UsageRow,
        /// What there is.
        counted: UsageRow,
    },
    /// An organisation's counters differ from a recount.
    OrgUsage {
        /// The organisation.
        org: OrgId,
        /// What the row says.
        stored: OrgUsageRow,
        /// What there is.
        counted: OrgUsageRow,
    },
    /// A key-value bucket's counters differ from a recount.
    KvUsage {
        /// The bucket.
        bucket: KvId,
        /// What the row says.
        stored: KvUsageRow,
        /// What there is.
        counted: KvUsageRow,
    },
    /// A row that nothing leads to.
    Unreachable(String),
    /// An index row does not agree with what it leads to.
    Index(String),
    /// A file that no row names. Ordinary after a crash; the sweep removes it.
    Orphan(std::path::PathBuf),
}

/// What has a reference count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counted {
    /// Inline bytes.
    Inline(BlobId),
    /// A blob.
    Blob(BlobId),
    /// A manifest.
    Manifest(UploadId),
}

impl Finding {
    /// Whether a repair can put it right without losing anything.
    pub fn is_repairable(&self) -> bool {
        matches!(
            self,
            Self::Usage { .. }
                | Self::OrgUsage { .. }
                | Self::KvUsage { .. }
                | Self::References { .. }
                | Self::Orphan(_)
        )
    }

    /// Whether a crash leaves it in the ordinary course of things.
    pub fn is_litter(&self) -> bool {
        matches!(self, Self::Orphan(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRow(what) => write!(f, "unreadable row: {what}"),
            Self::MissingRow(what) => write!(f, "missing row: {what}"),
            Self::MissingBlob(id) => write!(f, "missing blob file: {id}"),
            Self::Damaged(id, what) => write!(f, "damaged bytes: {id}: {what}"),
            Self::References { what, stored, counted } => {
                write!(f, "wrong reference count: {what:?} says {stored}, there are {counted}")
            }
            Self::Usage { bucket, stored, counted } => {
                write!(f, "wrong counters: bucket {bucket} says {stored:?}, there are {counted:?}")
            }
            Self::OrgUsage { org, stored, counted } => {
                write!(f, "wrong counters: organisation {org} says {stored:?}, there are {counted:?}")
            }
            Self::KvUsage { bucket, stored, counted } => {
                write!(f, "wrong counters: key-value bucket {bucket} says {stored:?}, there are {counted:?}")
            }
            Self::Unreachable(what) => write!(f, "unreachable row: {what}"),
            Self::Index(what) => write!(f, "index disagrees: {what}"),
            Self::Orphan(path) => write!(f, "file without a row (the sweep removes it): {}", path.display()),
        }
    }
}

/// What a check found.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Faults, and litter that the next start's sweep would remove.
    pub findings: Vec<Finding>,
    /// Findings that were put right.
    pub repaired: usize,
    /// Objects looked at.
    pub objects: u64,
    /// Blobs and inline bodies read and verified.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Report {
    /// No finding but litter, or all put right.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().filter(|finding| !finding.is_litter()).count() <= self.repaired
    }
}

/// Checks a data directory that no process uses; with `repair`, puts right what can be.
pub fn check(options: &StoreOptions, repair: bool) -> Result<Report> {
    offline(|| run(options, repair))
}

fn run(options: &StoreOptions, repair: bool) -> Result<Report> {
    let mut report = Report::default();
    let (meta, _lock) = open_checked(options, &mut report)?;
    let blobs = open_blobs(&meta, options)?;
    meta.read(|read| {
        let counted = count::recount(read, &mut report)?;
        bytes::verify_all(read, &blobs, |id, _| counted.garbage_blobs.contains(&id), &mut report)?;
        wait(bytes::find_orphans(read, &blobs, &mut report))
    })?;
    if repair {
        report.repaired = repair::repair(&meta, &blobs, &report.findings)?;
    }
    Ok(report)
}

/// Opens a data directory, and holds every page of its metadata file against its checksum: a flipped bit in a key would
/// hide a row from every other check.
fn open_checked(options: &StoreOptions, report: &mut Report) -> Result<(Meta, File)> {
    let sound = {
        let _lock = prepare(&StoreOptions { create: false, ..options.clone() })?;
        RedbEngine::is_sound(&options.data_dir.join(META), options.cache_bytes)?
    };
    if !sound {
        report.findings.push(Finding::BadRow("a page of meta.redb does not match its checksum".to_owned()));
    }
    open_offline(options)
}

/// The blobs of a store that no process uses. `UpstreamUnavailable` if nobody can tell whether they are its own.
fn open_blobs(meta: &Meta, options: &StoreOptions) -> Result<Blobs> {
    let home = Home::of(options)?;
    if meta.read(state::is_marked)? {
        home.check_marker(&meta.read(state::store_id)?.unwrap_or_default())?;
    }
    home.open(meta.read(state::epoch)?, None)
}

/// Reads every stored byte of a data directory that no process uses, at full speed, and counts nothing. The findings are
/// damaged and missing bytes alone.
pub fn scrub(options: &StoreOptions) -> Result<Report> {
    offline(|| {
        let mut report = Report::default();
        let (meta, _lock) = open_checked(options, &mut report)?;
        let blobs = open_blobs(&meta, options)?;
        meta.read(|read| bytes::verify_all(read, &blobs, |_, row| row.refs == 0, &mut report))?;
        Ok(report)
    })
}
