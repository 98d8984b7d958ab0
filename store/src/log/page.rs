//! Reading the log, newest first.

use super::block;
use super::query::{LogPage, LogQuery, is_seen};
use super::record::LogRecord;
use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, LogId, OrgId};
use crate::limit;
use crate::meta::{KeyRange, Read, Step, Table};

/// A page of an organisation's requests. It looks at a bounded number of them, and comes short where that was not enough.
pub(super) fn page(read: &dyn Read, org: OrgId, buckets: Option<&[BucketId]>, query: &LogQuery) -> Result<LogPage> {
    let mut page = LogPage::default();
    let Some(newest) = newest(query) else { return Ok(page) };
    let oldest = block::first_at(query.from_ms.unwrap_or(0));
    let limit = query.limit.clamp(1, limit::LOG_PAGE_MAX);
    let (mut seen, mut bytes) = (0, 0);
    read.scan(Table::Logs, &range(org, newest), &mut |key, value| {
        let unpacked = readable(block::unpacked(value));
        // One that cannot be unpacked was read all the same.
        bytes += unpacked.len().max(value.len());
        let entries = readable(block::entries(&unpacked));
        for entry in entries.iter().rev().filter(|entry| entry.id <= newest) {
            if entry.id < oldest {
                return Ok(Step::Stop);
            }
            seen += 1;
            if !query.shows(buckets, &entry.entry) {
                continue;
            }
            if page.records.len() == limit {
                page.next = page.records.last().map(|record| record.id);
                return Ok(Step::Stop);
            }
            page.records.push(entry.to_record(org));
        }
        if seen < limit::LOG_SCAN_MAX && bytes < limit::LOG_SCAN_BYTES_MAX {
            return Ok(Step::Continue);
        }
        page.next = Some(block::oldest(key)?);
        Ok(Step::Stop)
    })?;
    Ok(page)
}

/// One request, if it is there, not older than that, and about one of the buckets.
pub(super) fn one(
    read: &dyn Read,
    org: OrgId,
    buckets: Option<&[BucketId]>,
    id: LogId,
    not_before: Millis,
) -> Result<Option<LogRecord>> {
    let mut found = None;
    if id < block::first_at(not_before) {
        return Ok(None);
    }
    read.scan(Table::Logs, &range(org, id), &mut |_, value| {
        let unpacked = readable(block::unpacked(value));
        let entries = readable(block::entries(&unpacked));
        let entry = entries.iter().find(|entry| entry.id == id && is_seen(buckets, &entry.entry));
        found = entry.map(|entry| entry.to_record(org));
        Ok(Step::Stop)
    })?;
    Ok(found)
}

/// The newest identifier that a page may show, if there can be one.
fn newest(query: &LogQuery) -> Option<LogId> {
    let before_cursor = query.after.map_or(Some(LogId([u8::MAX; 16])), block::before)?;
    let until = query.to_ms.and_then(|to| block::before(block::first_at(to.saturating_add(1))));
    Some(until.map_or(before_cursor, |until| until.min(before_cursor)))
}

/// The blocks of an organisation from the one that holds `newest` on.
fn range(org: OrgId, newest: LogId) -> KeyRange {
    KeyRange::prefix_from(&org.0, block::key(org, newest))
}

/// What was read of a block. One that cannot be read is left out: the others are still worth showing.
fn readable<T: Default>(read: Result<T>) -> T {
    read.inspect_err(|error| tracing::error!(%error, "a block of the request log is damaged")).unwrap_or_default()
}
