//! What organisations have uploaded, by month.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bandwidth::Period;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::meta::table::{ORG_BANDWIDTH, ORG_USAGE, UPLOAD_COUNTS};
use crate::meta::{Read, Record, Tx};
use crate::plan::Plan;
use crate::project::ProjectAccess;

/// Months that are told.
const MONTHS: u32 = 12;

/// What an organisation has uploaded in a month.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadCountRow {
    /// Files that were confirmed.
    pub uploads: u64,
    /// Bytes that it had stored at the last of these.
    pub storage_bytes: u64,
}

impl Record for UploadCountRow {
    const VERSION: u8 = 1;
}

/// What an organisation takes up in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadUsage {
    /// When the month begins.
    pub month_ms: Millis,
    /// Bytes stored: now, or for a month that is over when the last file of it was confirmed.
    pub storage_bytes: u64,
    /// Bytes sent.
    pub bandwidth_bytes: u64,
    /// Files confirmed.
    pub uploads: u64,
}

/// What a month allows a plan that is blocked when it is used up: those that pay and those with overage are let through.
fn cap(plan: &Plan, max: Option<u64>) -> u64 {
    max.filter(|_| !plan.paid && !plan.overage).unwrap_or(u64::MAX)
}

/// `TierLimit` if as many files were confirmed this month as a plan allows.
pub(super) fn check_uploads(read: &dyn Read, org: OrgId, plan: &Plan, now: Millis) -> Result<()> {
    let count = UPLOAD_COUNTS.get(read, &(org, Period::of(now).number()))?.unwrap_or_default();
    if count.uploads < cap(plan, plan.uploads.uploads_per_month) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TierLimit, "Monthly upload limit reached"))
}

/// `TierLimit` if as many bytes were sent this month as a plan allows.
pub(super) fn check_sent(plan: &Plan, sent_bytes: u64) -> Result<()> {
    if sent_bytes < cap(plan, plan.max_bandwidth_bytes_per_month) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TierLimit, "Monthly bandwidth limit reached"))
}

/// Counts a file that is confirmed now.
pub(super) fn count_upload(tx: &mut Tx<'_>, org: OrgId) -> Result<()> {
    let key = (org, Period::of(tx.now()).number());
    let row = UPLOAD_COUNTS.get(tx, &key)?.unwrap_or_default();
    let storage_bytes = ORG_USAGE.get(tx, &org)?.unwrap_or_default().storage_bytes;
    UPLOAD_COUNTS.put(tx, &key, &UploadCountRow { uploads: row.uploads.saturating_add(1), storage_bytes })
}

impl Store {
    /// What the organisation takes up, this month first, then those before it, 12 in all.
    pub fn upload_usage(&self, access: &ProjectAccess) -> Result<Vec<UploadUsage>> {
        let org = access.space()?.org;
        let (now, sent) = (self.period(), self.org_bandwidth(org)?);
        self.meta.read(|read| {
            let mut months = Vec::new();
            for back in 0..MONTHS {
                let month = now.back(back);
                let count = UPLOAD_COUNTS.get(read, &(org, month.number()))?.unwrap_or_default();
                let (storage_bytes, bandwidth_bytes) = match back {
                    0 => (ORG_USAGE.get(read, &org)?.unwrap_or_default().storage_bytes, sent),
                    _ => {
                        let sent = ORG_BANDWIDTH.get(read, &(org, month.number()))?.unwrap_or_default().bytes;
                        (count.storage_bytes, sent)
                    }
                };
                let month_ms = month.start_ms();
                months.push(UploadUsage { month_ms, storage_bytes, bandwidth_bytes, uploads: count.uploads });
            }
            Ok(months)
        })
    }
}
