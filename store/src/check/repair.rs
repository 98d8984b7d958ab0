//! Puts right what can be without losing anything: counters and reference counts are set to what was counted, files
//! that no row names are removed.

use super::{Counted, Finding};
use crate::blob::{Blobs, Body, wait};
use crate::error::Result;
use crate::meta::table::{BLOBS, INLINE, KV_USAGE, MANIFESTS, ORG_USAGE, USAGE};
use crate::meta::{Meta, Tx};
use crate::object::release;

/// Repairs what is repairable; says how many findings are dealt with.
pub(super) fn repair(meta: &Meta, blobs: &Blobs, findings: &[Finding]) -> Result<usize> {
    let mut repaired = 0;
    for finding in findings.iter().filter(|finding| finding.is_repairable()) {
        match finding.clone() {
            Finding::Orphan(path) => wait(blobs.remove(vec![path]))?,
            Finding::Usage { bucket, counted, .. } => {
                meta.write_blocking(move |tx| USAGE.put(tx, &bucket, &counted))?
            }
            Finding::OrgUsage { org, counted, .. } => {
                meta.write_blocking(move |tx| ORG_USAGE.put(tx, &org, &counted))?
            }
            Finding::KvUsage { bucket, counted, .. } => {
                meta.write_blocking(move |tx| KV_USAGE.put(tx, &bucket, &counted))?
            }
            Finding::References { what, counted, .. } => {
                meta.write_blocking(move |tx| set_references(tx, what, counted))?
            }
            _ => continue,
        }
        repaired += 1;
    }
    Ok(repaired)
}

/// Sets a reference count. One that comes to zero goes the way of every last reference: it is set to one and released.
fn set_references(tx: &mut Tx<'_>, what: Counted, counted: u32) -> Result<()> {
    let refs = counted.max(1);
    let body = match what {
        Counted::Inline(id) => {
            if let Some(mut row) = INLINE.get(tx, &id)? {
                row.refs = refs;
                INLINE.put(tx, &id, &row)?;
            }
            Body::Inline(id)
        }
        Counted::Blob(id) => {
            if let Some(mut row) = BLOBS.get(tx, &id)? {
                row.refs = refs;
                BLOBS.put(tx, &id, &row)?;
            }
            Body::Blob(id)
        }
        Counted::Manifest(id) => {
            if let Some(mut row) = MANIFESTS.get(tx, &id)? {
                row.refs = refs;
                MANIFESTS.put(tx, &id, &row)?;
            }
            Body::Manifest(id)
        }
    };
    if counted == 0 { release(tx, body) } else { Ok(()) }
}
