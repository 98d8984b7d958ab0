//! Blocks: how logged requests lie in the file.
//!
//! A row for each request would cost more than most requests do, so a row holds a block of them: all that one organisation
//! did while one batch gathered. Its key is the organisation and the inverted identifier of its *oldest* request. So blocks
//! come newest first, and the first block at or behind the key of an identifier is the one that holds it, if any does.
//! Identifiers grow within an organisation and blocks do not overlap.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::record::LogEntry;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{LogId, OrgId};
use crate::limit;
use crate::meta::Record;

/// The version of the stored form: this byte, the identifier of the newest entry, then the entries, oldest first.
const VERSION: u8 = 1;
/// Bytes before the entries.
const HEAD_BYTES: usize = 17;
/// Bits of an identifier behind its time.
const RANDOM_BITS: u32 = 80;

/// A block that is being filled.
#[derive(Debug)]
pub(super) struct Block {
    oldest: LogId,
    newest: LogId,
    bytes: Vec<u8>,
    entries: u64,
}

impl Block {
    /// A block without entries; the first will be `oldest`.
    pub(super) fn begin(oldest: LogId) -> Self {
        let mut bytes = Vec::with_capacity(limit::LOG_BLOCK_BYTES.min(4 << 10));
        bytes.resize(HEAD_BYTES, 0);
        Self { oldest, newest: oldest, bytes, entries: 0 }
    }

    /// Adds an entry, newer than all before; false if it is too large for any block.
    pub(super) fn push(&mut self, entry: &LogEntry<'_>) -> Result<bool> {
        let before = self.bytes.len();
        let bytes = postcard::to_extend(entry, std::mem::take(&mut self.bytes));
        self.bytes = bytes.map_err(|error| Error::corrupt(format!("encode a logged request: {error}")))?;
        if self.bytes.len() - before > limit::LOG_ENTRY_BYTES_MAX {
            self.bytes.truncate(before);
            return Ok(false);
        }
        self.newest = entry.id;
        self.entries += 1;
        Ok(true)
    }

    /// Whether it is large enough.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= limit::LOG_BLOCK_BYTES
    }

    /// How many entries it has.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Its oldest identifier and its stored form; `None` without entries.
    pub(super) fn finish(mut self) -> Option<(LogId, Bytes)> {
        let head = std::iter::once(VERSION).chain(self.newest.0);
        self.bytes.iter_mut().zip(head).for_each(|(byte, value)| *byte = value);
        (self.entries > 0).then(|| (self.oldest, self.bytes.into()))
    }
}

/// The identifier of a stored block's newest entry.
pub(super) fn newest(block: &[u8]) -> Result<LogId> {
    split(block).map(|(newest, _)| newest)
}

/// The entries of a stored block, oldest first.
pub(super) fn entries(block: &[u8]) -> Result<Vec<LogEntry<'_>>> {
    let (_, mut rest) = split(block)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, behind) = postcard::take_from_bytes(rest)
            .map_err(|error| Error::corrupt(format!("decode a logged request: {error}")))?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

fn split(block: &[u8]) -> Result<(LogId, &[u8])> {
    let head = block.split_at_checked(HEAD_BYTES).and_then(|(head, entries)| Some((head.split_first()?, entries)));
    let Some(((&version, newest), entries)) = head else {
        return Err(Error::corrupt("a block of the log is too short"));
    };
    match <[u8; 16]>::try_from(newest) {
        Ok(newest) if version == VERSION => Ok((LogId(newest), entries)),
        _ => Err(Error::corrupt(format!("block version {version} of the log is unknown to this build"))),
    }
}

/// The key of a block by its oldest identifier.
pub(super) fn key(org: OrgId, oldest: LogId) -> Vec<u8> {
    org.0.into_iter().chain(oldest.0.map(|byte| !byte)).collect()
}

/// The oldest identifier in a block's key.
pub(super) fn oldest(key: &[u8]) -> Result<LogId> {
    let inverted: Option<[u8; 16]> = key.get(16..).and_then(|inverted| inverted.try_into().ok());
    let inverted = inverted.ok_or_else(|| Error::corrupt("a key of the log"))?;
    Ok(LogId(inverted.map(|byte| !byte)))
}

/// The first identifier that a time can have.
pub(super) fn first_at(ms: Millis) -> LogId {
    LogId((u128::from(ms.min((1 << 48) - 1)) << RANDOM_BITS).to_be_bytes())
}

/// The identifier before that one, if there is one.
pub(super) fn before(id: LogId) -> Option<LogId> {
    u128::from_be_bytes(id.0).checked_sub(1).map(|id| LogId(id.to_be_bytes()))
}

/// Makes identifiers, each greater than all before: they carry the time, but never go back with it.
#[derive(Debug)]
pub(super) struct Ids {
    last: u128,
    random: u128,
}

impl Ids {
    /// Identifiers greater than `newest`.
    pub(super) fn after(newest: LogId) -> Self {
        Self { last: u128::from_be_bytes(newest.0), random: 0 }
    }

    /// Takes other random bits for the identifiers to come.
    pub(super) fn shuffle(&mut self, random: [u8; 16]) {
        self.random = u128::from_be_bytes(random) >> (u128::BITS - RANDOM_BITS);
    }

    /// The next one.
    pub(super) fn next(&mut self, now: Millis) -> LogId {
        let timely = u128::from_be_bytes(first_at(now).0) | self.random;
        self.last = timely.max(self.last.saturating_add(1));
        LogId(self.last.to_be_bytes())
    }
}

/// A row of the order of time: by its oldest identifier, where a block is and how large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlaceRow {
    /// The organisation, which is the rest of the block's key.
    pub(super) org: OrgId,
    /// Bytes of the block.
    pub(super) bytes: u32,
}

impl Record for PlaceRow {
    const VERSION: u8 = 1;
}

/// What is kept of the log as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TotalsRow {
    /// Bytes of all blocks.
    pub(super) bytes: u64,
    /// The newest identifier ever given out.
    pub(super) newest: LogId,
}

impl TotalsRow {
    /// Those of an empty log.
    pub(super) const EMPTY: TotalsRow = TotalsRow { bytes: 0, newest: LogId([0; 16]) };
}

impl Record for TotalsRow {
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{BucketId, KeyId};
    use crate::log::LogBodyRef;
    use crate::meta::codec;
    use crate::object::hex;

    fn entry(id: LogId) -> LogEntry<'static> {
        LogEntry {
            id,
            status: 404,
            duration_ms: 300,
            key: Some(KeyId([2; 16])),
            bucket: Some(BucketId([3; 16])),
            method: "PUT",
            path: "/b/k",
            error_message: Some("no"),
            request_id: "R1",
            ip: Some([127, 0, 0, 1].into()),
            query: vec![("x", "y")],
            request_headers: vec![("accept", "*/*")],
            response_headers: vec![],
            request_body: Some(LogBodyRef::Json("{}")),
            response_body: Some(LogBodyRef::Binary { bytes: 300 }),
        }
    }

    #[test]
    fn a_block_is_stored_as_version_1_writes_it() {
        let mut block = Block::begin(LogId([1; 16]));
        assert!(block.push(&entry(LogId([1; 16]))).unwrap());
        let (oldest, bytes) = block.finish().unwrap();
        assert_eq!(oldest, LogId([1; 16]));
        let fixture = "0101010101010101010101010101010101010101010101010101010101010101019403ac020102020202020202020202020202020202010303030303030303030303030303030303505554042f622f6b01026e6f02523101007f00000101017801790106616363657074032a2f2a000100027b7d0102ac02";
        assert_eq!(hex(&bytes), fixture);
        assert_eq!(entries(&bytes).unwrap(), [entry(LogId([1; 16]))]);
        let row = PlaceRow { org: OrgId([4; 16]), bytes: 300 };
        assert_eq!(hex(&codec::encode(&row).unwrap()), "0104040404040404040404040404040404ac02");
        assert_eq!(codec::decode::<PlaceRow>(&codec::encode(&row).unwrap()).unwrap(), row);
        let row = TotalsRow { bytes: 300, newest: LogId([5; 16]) };
        assert_eq!(hex(&codec::encode(&row).unwrap()), "01ac0205050505050505050505050505050505");
        assert_eq!(codec::decode::<TotalsRow>(&codec::encode(&row).unwrap()).unwrap(), row);
    }

    #[test]
    fn a_block_of_another_version_or_cut_short_is_corrupt() {
        let mut block = Block::begin(LogId([1; 16]));
        block.push(&entry(LogId([1; 16]))).unwrap();
        let (_, bytes) = block.finish().unwrap();
        for cut in [0, 5, 16, bytes.len() - 1] {
            assert!(entries(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut other = bytes.to_vec();
        other[0] = 2;
        assert!(entries(&other).is_err());
        assert!(newest(&other).is_err());
    }

    #[test]
    fn a_block_without_entries_is_none_and_an_entry_too_large_is_refused() {
        assert!(Block::begin(LogId([1; 16])).finish().is_none());
        let large = "x".repeat(limit::LOG_ENTRY_BYTES_MAX);
        let mut block = Block::begin(LogId([1; 16]));
        assert!(!block.push(&LogEntry { path: &large, ..entry(LogId([1; 16])) }).unwrap());
        assert!(block.push(&entry(LogId([2; 16]))).unwrap());
        let (_, bytes) = block.finish().unwrap();
        assert_eq!(entries(&bytes).unwrap().len(), 1);
    }

    #[test]
    fn identifiers_grow_even_if_the_clock_goes_back() {
        let mut ids = Ids::after(first_at(1_000));
        ids.shuffle([7; 16]);
        let made = [ids.next(500), ids.next(2_000), ids.next(2_000), ids.next(1_000), ids.next(3_000)];
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
        assert_eq!(made.map(|id| id.created_ms()), [1_000, 2_000, 2_000, 2_000, 3_000]);
    }

    #[test]
    fn keys_of_blocks_are_in_the_inverted_order_of_identifiers() {
        let (org, other) = (OrgId([1; 16]), OrgId([2; 16]));
        assert!(key(org, first_at(2)) < key(org, first_at(1)));
        assert!(key(org, first_at(1)) < key(other, first_at(2)));
        assert_eq!(oldest(&key(org, first_at(9))).unwrap(), first_at(9));
    }
}
