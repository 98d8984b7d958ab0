//! Listing keys, in their order or backwards, a bounded number of rows at a time. No snapshot outlives a step, so each
//! step sees what is there when it is taken, and memory does not grow with the listing.

use std::ops::Bound;

use bytes::Bytes;

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::entry::is_live;
use crate::kv::{KvEntryRow, KvGrant, KvId, KvRight};
use crate::limit;
use crate::meta::codec::decode;
use crate::meta::engine::after_prefix;
use crate::meta::table::KV_ENTRIES;
use crate::meta::{Key, KeyRange, Record, Step};

/// What to list.
#[derive(Debug, Clone)]
pub struct KvListing {
    /// What keys begin with; `None` is whatever the grant is for.
    pub prefix: Option<Vec<u8>>,
    /// Keys behind this one alone.
    pub after: Option<Vec<u8>>,
    /// Whether the last key comes first.
    pub reverse: bool,
    /// Whether values are wanted too.
    pub values: bool,
    /// Keys to pass over.
    pub skip: u64,
    /// Keys to show, at most.
    pub limit: u64,
}

/// A key, with its value if that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvListed {
    /// The key.
    pub key: Vec<u8>,
    /// The value, and what it is said to be.
    pub value: Option<(Bytes, Option<String>)>,
}

/// A listing on its way.
#[derive(Debug)]
pub struct KvWalk {
    id: KvId,
    prefix: Vec<u8>,
    behind: Option<Vec<u8>>,
    reverse: bool,
    values: bool,
    skip: u64,
    left: u64,
}

/// All that a listing of keys reads of a row.
#[derive(serde::Serialize, serde::Deserialize)]
struct Head {
    expires_ms: Option<u64>,
}

impl Record for Head {
    const VERSION: u8 = KvEntryRow::VERSION;
}

impl KvWalk {
    /// The rows that are left.
    fn range(&self) -> KeyRange {
        let key = |key: &[u8]| [&self.id.0[..], key].concat();
        let all = key(&self.prefix);
        let KeyRange { from, to } = KeyRange::prefix(&all);
        let Some(behind) = self.behind.as_deref().map(key) else { return KeyRange { from, to } };
        let is_within = behind.starts_with(&all);
        match (self.reverse, behind < all) {
            (false, true) => KeyRange { from, to },
            (false, false) => KeyRange { from: Bound::Excluded(behind), to },
            (true, _) if is_within => KeyRange { from, to: Bound::Excluded(behind) },
            // Nothing is before what is before all.
            (true, true) => KeyRange { from, to: Bound::Excluded(all) },
            (true, false) => KeyRange { from, to: after_prefix(&all) },
        }
    }

    /// Takes note of a row; what it adds to the page, if it is to be shown.
    fn see(&mut self, key: &[u8], row: &[u8], now: u64) -> Result<Option<KvListed>> {
        let (_, key) = <(KvId, Vec<u8>)>::read(key).ok_or_else(|| Error::corrupt("a key of table kv_entries"))?;
        self.behind = Some(key.clone());
        if !is_live(decode::<Head>(row)?.expires_ms, now) {
            return Ok(None);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(None);
        }
        self.left -= 1;
        let value = if self.values {
            let row: KvEntryRow = decode(row)?;
            Some((row.value, row.content_type))
        } else {
            None
        };
        Ok(Some(KvListed { key, value }))
    }
}

impl Store {
    /// Begins a listing. `AccessDenied`, also where the prefix is not within the grant's.
    pub fn kv_list(&self, grant: &KvGrant, listing: KvListing) -> Result<KvWalk> {
        let prefix = listing.prefix.unwrap_or_else(|| grant.prefix().to_vec());
        grant.must_allow(KvRight::List, &prefix)?;
        let longest = prefix.len().max(listing.after.as_ref().map_or(0, Vec::len));
        if longest > limit::KV_KEY_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidArgument, "A key is 1 to 128 bytes"));
        }
        Ok(KvWalk {
            id: grant.id(),
            prefix,
            behind: listing.after,
            reverse: listing.reverse,
            values: listing.values,
            skip: listing.skip,
            left: listing.limit,
        })
    }

    /// Goes on with a listing: what comes next, which may be nothing before the end, and whether there may be more.
    pub fn kv_step(&self, walk: &mut KvWalk) -> Result<(Vec<KvListed>, bool)> {
        if walk.left == 0 {
            return Ok((Vec::new(), false));
        }
        let (range, now) = (walk.range(), self.clock.now());
        let (mut page, mut rows, mut bytes, mut more) = (Vec::new(), 0, 0, false);
        let reverse = walk.reverse;
        self.meta.read(|read| {
            let visit = &mut |key: &[u8], row: &[u8]| {
                page.extend(walk.see(key, row, now)?);
                (rows, bytes) = (rows + 1, bytes + row.len());
                more = walk.left > 0;
                let full = rows >= limit::KV_LIST_STEP_ROWS || bytes >= limit::KV_LIST_STEP_BYTES;
                Ok(if more && !full { Step::Continue } else { Step::Stop })
            };
            let table = KV_ENTRIES.table();
            if reverse { read.scan_back(table, &range, visit) } else { read.scan(table, &range, visit) }
        })?;
        let full = rows >= limit::KV_LIST_STEP_ROWS || bytes >= limit::KV_LIST_STEP_BYTES;
        Ok((page, more && full))
    }
}
