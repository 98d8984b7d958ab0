//! The recount: one walk over each table, comparing what is counted with what is stored.

use std::collections::{HashMap, HashSet};

use super::{Counted, Finding, Report, index, kv, projects};
use crate::blob::Body;
use crate::error::Result;
use crate::id::{BucketId, OrgId, UploadId};
use crate::meta::codec::{self, Key, Record};
use crate::meta::table::{
    BLOBS, BUCKETS, GARBAGE, INLINE, MANIFESTS, OBJECTS, ORG_USAGE, PARTS, Typed, UPLOADS, USAGE, VERSIONS,
};
use crate::meta::{KeyRange, Read, Step};
use crate::object::VersionRow;
use crate::state;
use crate::sweep::Garbage;
use crate::usage::{OrgUsageRow, UsageRow};

/// What the rows come to.
#[derive(Default)]
pub(super) struct Recount {
    /// References to each body, by the rows that hold them.
    pub(super) references: HashMap<Counted, u32>,
    usage: HashMap<BucketId, UsageRow>,
    /// Uploads whose part rows belong to an open upload, with its bucket.
    open: HashMap<UploadId, BucketId>,
    /// Uploads whose part rows wait for the sweep.
    garbage: HashSet<UploadId>,
    /// Garbage blobs: their rows say zero references.
    pub(super) garbage_blobs: HashSet<crate::id::BlobId>,
}

pub(super) fn recount(read: &dyn Read, report: &mut Report) -> Result<Recount> {
    let mut count = Recount::default();
    count_garbage(read, &mut count, report)?;
    count_objects(read, &mut count, report)?;
    count_parts(read, &mut count, report)?;
    compare_references(read, &count, report)?;
    compare_usage(read, &count, report)?;
    // An earlier format has no such rows yet: the next start makes them.
    if state::is_current(read)? {
        let in_kv = kv::check_kv(read, report)?;
        compare_org_usage(read, &count, &in_kv, report)?;
        index::check_by_org(read, report)?;
        index::check_shares(read, report)?;
        projects::check(read, report)?;
    }
    index::check_names(read, report)?;
    index::check_versions(read, report)?;
    index::check_adoptions(read, report)?;
    Ok(count)
}

/// Walks a table; rows that cannot be read are findings, not the end.
pub(super) fn walk<K: Key, V: Record>(
    read: &dyn Read,
    table: &Typed<K, V>,
    report: &mut Report,
    mut see: impl FnMut(&mut Report, K, V),
) -> Result<()> {
    read.scan(table.table(), &KeyRange::all(), &mut |key, value| {
        match (K::read(key), codec::decode(value)) {
            (Some(key), Ok(value)) => see(report, key, value),
            (_, value) => {
                let why = value.err().map_or_else(|| "its key is malformed".to_owned(), |error| error.to_string());
                let what = format!("table {}, key {}: {why}", table.table().name(), crate::object::hex(key));
                report.findings.push(Finding::BadRow(what));
            }
        }
        Ok(Step::Continue)
    })
}

impl Recount {
    fn refer(&mut self, body: Body) {
        let what = match body {
            Body::Empty => return,
            Body::Inline(id) => Counted::Inline(id),
            Body::Blob(id) => Counted::Blob(id),
            Body::Manifest(id) => Counted::Manifest(id),
        };
        *self.references.entry(what).or_default() += 1;
    }
}

fn count_garbage(read: &dyn Read, count: &mut Recount, report: &mut Report) -> Result<()> {
    walk(read, &GARBAGE, report, |report, (_, key), _| match Garbage::from_key(key) {
        Ok(Garbage::Blob(id)) => {
            count.garbage_blobs.insert(id);
        }
        Ok(Garbage::Parts(id)) => {
            count.garbage.insert(id);
        }
        Err(error) => report.findings.push(Finding::BadRow(error.to_string())),
    })
}

fn count_objects(read: &dyn Read, count: &mut Recount, report: &mut Report) -> Result<()> {
    walk(read, &OBJECTS, report, |report, (bucket, _), row| {
        report.objects += 1;
        let usage = count.usage.entry(bucket).or_default();
        usage.objects += 1;
        usage.object_bytes += row.head.size;
        count.refer(row.body);
    })?;
    walk(read, &VERSIONS, report, |_, (bucket, _, _), row| {
        let usage = count.usage.entry(bucket).or_default();
        *usage = usage.plus(row.counts());
        if let VersionRow::Object(row) = row {
            count.refer(row.0.body);
        }
    })?;
    walk(read, &UPLOADS, report, |_, (bucket, _, upload), _| {
        count.usage.entry(bucket).or_default().uploads += 1;
        count.open.insert(upload, bucket);
    })
}

fn count_parts(read: &dyn Read, count: &mut Recount, report: &mut Report) -> Result<()> {
    let mut stray = Vec::new();
    let mut sizes: HashMap<UploadId, u64> = HashMap::new();
    walk(read, &PARTS, report, |_, (upload, number), row| {
        if let Some(bucket) = count.open.get(&upload) {
            let usage = count.usage.entry(*bucket).or_default();
            usage.parts += 1;
            usage.part_bytes += row.size;
        } else if !count.garbage.contains(&upload) {
            *sizes.entry(upload).or_default() += row.size;
            if !count.references.contains_key(&Counted::Manifest(upload)) {
                stray.push(format!("part {number} of upload {upload}"));
            }
        }
        count.refer(row.body);
    })?;
    report.findings.extend(stray.into_iter().map(Finding::Unreachable));
    walk(read, &MANIFESTS, report, |report, id, row| {
        let parts = sizes.get(&id).copied().unwrap_or_default();
        if parts != row.size {
            report.findings.push(Finding::MissingRow(format!("parts of manifest {id}: {parts} of {} bytes", row.size)));
        }
    })
}

fn compare_references(read: &dyn Read, count: &Recount, report: &mut Report) -> Result<()> {
    let mut seen = HashSet::new();
    let mut compare = |report: &mut Report, what: Counted, stored: u32| {
        seen.insert(what);
        let counted = count.references.get(&what).copied().unwrap_or_default();
        if stored != counted {
            report.findings.push(Finding::References { what, stored, counted });
        }
    };
    walk(read, &INLINE, report, |report, id, row| compare(report, Counted::Inline(id), row.refs))?;
    walk(read, &BLOBS, report, |report, id, row| {
        compare(report, Counted::Blob(id), row.refs);
        if row.refs == 0 && !count.garbage_blobs.contains(&id) {
            report.findings.push(Finding::Unreachable(format!("blob {id} has no references and is not garbage")));
        }
    })?;
    walk(read, &MANIFESTS, report, |report, id, row| compare(report, Counted::Manifest(id), row.refs))?;
    let missing = count.references.keys().filter(|what| !seen.contains(what));
    report.findings.extend(missing.map(|what| Finding::MissingRow(format!("{what:?}"))));
    Ok(())
}

fn compare_usage(read: &dyn Read, count: &Recount, report: &mut Report) -> Result<()> {
    let mut stored = HashMap::new();
    walk(read, &USAGE, report, |_, bucket, row| {
        stored.insert(bucket, row);
    })?;
    let buckets: HashSet<_> = stored.keys().chain(count.usage.keys()).copied().collect();
    for bucket in buckets {
        let stored = stored.get(&bucket).copied().unwrap_or_default();
        let counted = count.usage.get(&bucket).copied().unwrap_or_default();
        if stored != counted {
            report.findings.push(Finding::Usage { bucket, stored, counted });
        }
    }
    Ok(())
}

/// Every bucket counts for its organisation unless it is being deleted; every organisation is as large as its buckets,
/// those of key-value among them.
fn compare_org_usage(read: &dyn Read, count: &Recount, in_kv: &HashMap<OrgId, u64>, report: &mut Report) -> Result<()> {
    let mut counted: HashMap<OrgId, OrgUsageRow> = HashMap::new();
    walk(read, &BUCKETS, report, |_, id, row| {
        if !row.is_deleting() {
            let org = counted.entry(row.org).or_default();
            org.buckets += u64::from(!row.is_of_project());
            org.storage_bytes += count.usage.get(&id).filter(|_| !row.is_sandbox()).map_or(0, UsageRow::stored_bytes);
        }
    })?;
    for (org, bytes) in in_kv {
        counted.entry(*org).or_default().storage_bytes += bytes;
    }
    let mut stored = HashMap::new();
    walk(read, &ORG_USAGE, report, |_, org, row| {
        stored.insert(org, row);
    })?;
    let orgs: HashSet<_> = stored.keys().chain(counted.keys()).copied().collect();
    for org in orgs {
        let stored = stored.get(&org).copied().unwrap_or_default();
        let counted = counted.get(&org).copied().unwrap_or_default();
        if stored != counted {
            report.findings.push(Finding::OrgUsage { org, stored, counted });
        }
    }
    Ok(())
}
