//! Reads every stored byte and holds it against its checksums; looks for files that no row names.

use super::{Finding, Report};
use crate::blob::row::BlobRow;
use crate::blob::{Blobs, Fault, blocks_in, sums_of, verify_blob, verify_inline};
use crate::error::Result;
use crate::id::BlobId;
use crate::meta::table::{BLOBS, INLINE};
use crate::meta::{KeyRange, Read, Step};
use crate::sweep::orphans_among;

/// Reads all bytes, but for blobs that wait for the sweep: those may be unlinked already.
pub(super) fn verify_all(
    read: &dyn Read,
    blobs: &Blobs,
    is_garbage: impl Fn(BlobId, &BlobRow) -> bool,
    report: &mut Report,
) -> Result<()> {
    INLINE.scan(read, &KeyRange::all(), |id, row| {
        report.saw(id, row.bytes.len() as u64, verify_inline(&row));
        Ok(Step::Continue)
    })?;
    BLOBS.scan(read, &KeyRange::all(), |id, row| {
        if !is_garbage(id, &row) {
            let sums = |group| sums_of(read, id, group);
            let fault = verify_blob(blobs, (id, &row), 0..blocks_in(row.size), sums)?;
            report.saw(id, row.size, fault);
        }
        Ok(Step::Continue)
    })
}

/// Looks for files that no row names.
pub(super) async fn find_orphans(read: &dyn Read, blobs: &Blobs, report: &mut Report) -> Result<()> {
    for epoch in blobs.epochs().await? {
        let mut walk = blobs.walk(epoch)?;
        while let Some(found) = blobs.next(&mut walk).await? {
            report.findings.extend(orphans_among(read, found)?.into_iter().map(Finding::Orphan));
        }
    }
    Ok(())
}

impl Report {
    fn saw(&mut self, id: BlobId, size: u64, fault: Option<Fault>) {
        self.blobs += 1;
        self.bytes += size;
        self.findings.extend(fault.map(|fault| match fault {
            Fault::Missing => Finding::MissingBlob(id),
            Fault::Damaged(how) => Finding::Damaged(id, how),
        }));
    }
}
