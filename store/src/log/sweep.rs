//! Removing what is too old for its organisation's plan, and what is too much for the file: whole blocks, oldest first.

use super::block::{self, PlaceRow, TotalsRow};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{LogId, OrgId};
use crate::limit;
use crate::meta::{Changes, KeyRange, Read, Step, Table, codec};

/// What one step of the sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LogsSwept {
    /// Blocks removed.
    pub blocks: u64,
    /// Their bytes, as they were stored.
    pub bytes: u64,
    /// Whether there may be more to do.
    pub more: bool,
}

/// Removes the oldest blocks of all until no more than `max_bytes` are left, a bounded number at once.
pub(super) fn trim(
    read: &dyn Read,
    totals: &mut TotalsRow,
    max_bytes: u64,
    changes: &mut Changes,
) -> Result<LogsSwept> {
    let mut swept = LogsSwept::default();
    if totals.bytes <= max_bytes {
        return Ok(swept);
    }
    read.scan(Table::LogByTime, &KeyRange::all(), &mut |key, value| {
        if totals.bytes <= max_bytes {
            return Ok(Step::Stop);
        }
        if swept.blocks == limit::LOG_SWEEP_BLOCKS as u64 {
            swept.more = true;
            return Ok(Step::Stop);
        }
        let place: PlaceRow = codec::decode(value)?;
        let oldest = key.try_into().map(LogId).map_err(|_| Error::corrupt("a key of the log by time"))?;
        remove(place.org, oldest, u64::from(place.bytes), totals, changes);
        swept.blocks += 1;
        swept.bytes += u64::from(place.bytes);
        Ok(Step::Continue)
    })?;
    Ok(swept)
}

/// Removes blocks that ended before an organisation's limit, walking from one organisation to the next behind `cursor`: a
/// bounded number of blocks and of organisations at once. `not_before` tells the limit of each, if it has one.
pub(super) fn expire(
    read: &dyn Read,
    totals: &mut TotalsRow,
    cursor: &mut Option<OrgId>,
    not_before: &dyn Fn(OrgId) -> Option<Millis>,
    changes: &mut Changes,
) -> Result<LogsSwept> {
    let mut swept = LogsSwept::default();
    for _ in 0..limit::LOG_SWEEP_BLOCKS {
        let Some(org) = org_behind(read, *cursor)? else {
            *cursor = None;
            return Ok(swept);
        };
        let Some(limit_ms) = not_before(org) else {
            *cursor = Some(org);
            continue;
        };
        let limit_id = block::first_at(limit_ms);
        let mut full = false;
        read.scan(Table::Logs, &KeyRange::prefix_from(&org.0, block::key(org, limit_id)), &mut |key, value| {
            // The first block may reach over the limit; one that cannot be read is as old as its neighbours.
            if block::newest(value).is_ok_and(|newest| newest >= limit_id) {
                return Ok(Step::Continue);
            }
            full = swept.blocks == limit::LOG_SWEEP_BLOCKS as u64;
            if full {
                return Ok(Step::Stop);
            }
            remove(org, block::oldest(key)?, value.len() as u64, totals, changes);
            swept.blocks += 1;
            swept.bytes += value.len() as u64;
            Ok(Step::Continue)
        })?;
        if full {
            break;
        }
        *cursor = Some(org);
    }
    swept.more = true;
    Ok(swept)
}

/// The first organisation in the log behind another one.
fn org_behind(read: &dyn Read, behind: Option<OrgId>) -> Result<Option<OrgId>> {
    let mut range = KeyRange::all();
    if let Some(behind) = behind {
        range.from = std::ops::Bound::Excluded(behind.0.iter().copied().chain([u8::MAX; 17]).collect());
    }
    let mut found = None;
    read.scan(Table::Logs, &range, &mut |key, _| {
        found = key.first_chunk().copied().map(OrgId);
        Ok(Step::Stop)
    })?;
    Ok(found)
}

fn remove(org: OrgId, oldest: LogId, bytes: u64, totals: &mut TotalsRow, changes: &mut Changes) {
    changes.insert((Table::Logs, block::key(org, oldest)), None);
    changes.insert((Table::LogByTime, oldest.0.to_vec()), None);
    totals.bytes = totals.bytes.saturating_sub(bytes);
}
