//! Key-value buckets: their counters, when their values expire, and which of them are deleted.

use std::collections::{HashMap, HashSet};

use super::count::walk;
use super::index::{exists, leads};
use super::{Finding, Report};
use crate::error::Result;
use crate::id::OrgId;
use crate::kv::{KvExpiryRow, KvId, KvUsageRow};
use crate::meta::Read;
use crate::meta::table::{
    IdRow, KV_BUCKET_BY_ORG, KV_BUCKETS, KV_DELETIONS, KV_ENTRIES, KV_EXPIRY, KV_SCRIPTS, KV_USAGE,
};

/// Checks them all; returns the bytes that each organisation has in them.
pub(super) fn check_kv(read: &dyn Read, report: &mut Report) -> Result<HashMap<OrgId, u64>> {
    let (mut broken, mut stray) = (Vec::new(), Vec::new());
    let mut counted: HashMap<KvId, KvUsageRow> = HashMap::new();
    walk(read, &KV_ENTRIES, report, |_, (id, key), row| {
        counted.entry(id).or_default().add(row.size(&key));
        let expires = row.expires_ms.map(|expires_ms| (expires_ms, id, key));
        if expires.is_some_and(|at| !leads(read, &KV_EXPIRY, &at, &KvExpiryRow)) {
            broken.push(format!("when a value of key-value bucket {id} expires"));
        }
    })?;
    walk(read, &KV_SCRIPTS, report, |_, (id, name), row| {
        counted.entry(id).or_default().bytes += row.size(&name);
    })?;
    walk(read, &KV_EXPIRY, report, |_, (_, id, key), _| {
        if !exists(read, &KV_ENTRIES, &(id, key)) {
            broken.push(format!("a value of key-value bucket {id} that is to expire"));
        }
    })?;
    let mut by_org: HashMap<OrgId, u64> = HashMap::new();
    walk(read, &KV_BUCKETS, report, |_, id, row| {
        if !leads(read, &KV_BUCKET_BY_ORG, &(row.org, id), &IdRow(id.0)) {
            broken.push(format!("key-value bucket {id} by its organisation"));
        }
        match row.deleted_ms {
            None => *by_org.entry(row.org).or_default() += counted.get(&id).map_or(0, |usage| usage.bytes),
            Some(at) if !exists(read, &KV_DELETIONS, &(at, id)) => {
                broken.push(format!("key-value bucket {id} and the list of those that are deleted"));
            }
            Some(_) => {}
        }
    })?;
    let mut stored = HashMap::new();
    walk(read, &KV_USAGE, report, |_, id, row| {
        stored.insert(id, row);
    })?;
    let ids: HashSet<_> = stored.keys().chain(counted.keys()).copied().collect();
    for id in ids {
        let stored = stored.get(&id).copied().unwrap_or_default();
        let counted = counted.get(&id).copied().unwrap_or_default();
        if stored != counted {
            report.findings.push(Finding::KvUsage { bucket: id, stored, counted });
        }
        if !exists(read, &KV_BUCKETS, &id) {
            stray.push(format!("what key-value bucket {id} holds"));
        }
    }
    report.findings.extend(broken.into_iter().map(Finding::Index));
    report.findings.extend(stray.into_iter().map(Finding::Unreachable));
    Ok(by_org)
}
