//! Blocks: how logged requests lie in the file.
//!
//! A row for each request would cost more than most requests do, so a row holds a block of them: all that one organisation
//! did while one batch gathered. Its key is the organisation and the inverted identifier of its *oldest* request. So blocks
//! come newest first, and the first block at or behind the key of an identifier is the one that holds it, if any does.
//! Identifiers grow within an organisation and blocks do not overlap.
//!
//! Requests of one organisation are much alike, so a block is compressed (LZ4), all but its head. Blocks that an earlier
//! version has written are not, and stay as they are until they go.

use std::borrow::Cow;

use bytes::Bytes;
use lz4_flex::block::{compress, decompress};
use serde::{Deserialize, Serialize};

use super::record::{LogEntry, Stored};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{LogId, OrgId};
use crate::limit;
use crate::meta::Record;

/// The first stored form: this byte, the identifier of the newest entry, then the entries, oldest first.
const PLAIN: u8 = 1;
/// The present one: the same, but the entries are compressed, behind their length before (four bytes, little-endian).
const PACKED: u8 = 2;
/// What most entries take.
const ENTRY_BYTES: usize = 1 << 10;
/// Bits of an identifier behind its time.
const RANDOM_BITS: u32 = 80;

/// An entry in its stored form, but for the identifier before it; `None` if it is too large for any block.
pub(super) fn encoded(entry: &LogEntry<'_>) -> Result<Option<Vec<u8>>> {
    let bytes = postcard::to_extend(entry, Vec::with_capacity(ENTRY_BYTES));
    let bytes = bytes.map_err(|error| Error::corrupt(format!("encode a logged request: {error}")))?;
    Ok((bytes.len() + size_of::<LogId>() <= limit::LOG_ENTRY_BYTES_MAX).then_some(bytes))
}

/// A block that is being filled.
#[derive(Debug)]
pub(super) struct Block {
    oldest: LogId,
    newest: LogId,
    /// The entries so far.
    bytes: Vec<u8>,
}

impl Block {
    /// A block without entries; the first will be `oldest`.
    pub(super) fn begin(oldest: LogId) -> Self {
        Self { oldest, newest: oldest, bytes: Vec::with_capacity(4 << 10) }
    }

    /// Adds an encoded entry, newer than all before.
    pub(super) fn push(&mut self, id: LogId, entry: &[u8]) {
        self.bytes.extend_from_slice(&id.0);
        self.bytes.extend_from_slice(entry);
        self.newest = id;
    }

    /// Whether it is large enough.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= limit::LOG_BLOCK_BYTES
    }

    /// Its oldest identifier and its stored form.
    pub(super) fn finish(self) -> Result<(LogId, Bytes)> {
        let length = u32::try_from(self.bytes.len()).map_err(|error| Error::corrupt(error.to_string()))?.to_le_bytes();
        let stored = [&[PACKED][..], &self.newest.0, &length, &compress(&self.bytes)].concat();
        Ok((self.oldest, stored.into()))
    }
}

/// The identifier of a stored block's newest entry.
pub(super) fn newest(block: &[u8]) -> Result<LogId> {
    split(block).map(|(_, newest, _)| newest)
}

/// The entries of a stored block as bytes, not compressed any more: at most `limit::LOG_BLOCK_BYTES_MAX`.
pub(super) fn unpacked(block: &[u8]) -> Result<Cow<'_, [u8]>> {
    let (version, _, rest) = split(block)?;
    if version == PLAIN {
        return Ok(Cow::Borrowed(rest));
    }
    let split = rest.split_first_chunk().map(|(length, packed)| (u32::from_le_bytes(*length) as usize, packed));
    // What a damaged length says is not to be allocated.
    let Some((length, packed)) = split.filter(|(length, _)| *length <= limit::LOG_BLOCK_BYTES_MAX) else {
        return Err(Error::corrupt("the length of a block of the log"));
    };
    match decompress(packed, length) {
        Ok(entries) if entries.len() == length => Ok(Cow::Owned(entries)),
        Ok(_) => Err(Error::corrupt("a block of the log is shorter than it says")),
        Err(error) => Err(Error::corrupt(format!("unpack a block of the log: {error}"))),
    }
}

/// The entries of an unpacked block, oldest first.
pub(super) fn entries(unpacked: &[u8]) -> Result<Vec<Stored<'_>>> {
    let mut rest = unpacked;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, behind) = postcard::take_from_bytes(rest)
            .map_err(|error| Error::corrupt(format!("decode a logged request: {error}")))?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

/// The version of a stored block, the identifier of its newest entry, and what is behind them.
fn split(block: &[u8]) -> Result<(u8, LogId, &[u8])> {
    let parts = block.split_first().and_then(|(version, rest)| Some((*version, rest.split_first_chunk()?)));
    match parts {
        Some((version @ (PLAIN | PACKED), (newest, rest))) => Ok((version, LogId(*newest), rest)),
        Some((version, _)) => {
            Err(Error::corrupt(format!("block version {version} of the log is unknown to this build")))
        }
        None => Err(Error::corrupt("a block of the log is too short")),
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
    /// Bytes of the block as it is stored.
    pub(super) bytes: u32,
}

impl Record for PlaceRow {
    const VERSION: u8 = 1;
}

/// What is kept of the log as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TotalsRow {
    /// Bytes of all blocks as they are stored.
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
    use proptest::prelude::*;

    use super::*;
    use crate::id::{BucketId, KeyId};
    use crate::log::LogBodyRef;
    use crate::meta::codec;
    use crate::object::hex;

    fn entry(id: LogId) -> Stored<'static> {
        Stored { id, entry: said() }
    }

    fn said() -> LogEntry<'static> {
        LogEntry {
            status: 404,
            duration_ms: 300,
            key: Some(KeyId([2; 16])),
            bucket: Some(BucketId([3; 16])),
            method: "PUT",
            path: "/b/k",
            error_message: Some("no".into()),
            request_id: "R1",
            ip: Some([127, 0, 0, 1].into()),
            query: vec![("x".into(), "y".into())],
            request_headers: vec![("accept", "*/*")],
            response_headers: vec![],
            request_body: Some(LogBodyRef::Json("{}".into())),
            response_body: Some(LogBodyRef::Binary { bytes: 300 }),
        }
    }

    /// The entry with that identifier of ones, alone in a block of each version.
    const PLAIN_FIXTURE: &str = "0101010101010101010101010101010101010101010101010101010101010101019403ac020102020202020202020202020202020202010303030303030303030303030303030303505554042f622f6b01026e6f02523101007f00000101017801790106616363657074032a2f2a000100027b7d0102ac02";
    const PACKED_FIXTURE: &str = "0201010101010101010101010101010101670000001b0101006b9403ac02010201002c01030100f021505554042f622f6b01026e6f02523101007f00000101017801790106616363657074032a2f2a000100027b7d0102ac02";

    fn push(block: &mut Block, stored: &Stored<'_>) {
        block.push(stored.id, &encoded(&stored.entry).unwrap().unwrap());
    }

    fn stored(entries: &[Stored<'_>]) -> (LogId, Bytes) {
        let mut block = Block::begin(entries[0].id);
        entries.iter().for_each(|entry| push(&mut block, entry));
        block.finish().unwrap()
    }

    fn unhex(text: &str) -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn blocks_of_each_version_are_read() {
        // The library may come to print other bytes, which earlier builds read as well: so only reading is held to these.
        for fixture in [PLAIN_FIXTURE, PACKED_FIXTURE] {
            let block = unhex(fixture);
            assert_eq!(newest(&block).unwrap(), LogId([1; 16]));
            assert_eq!(entries(&unpacked(&block).unwrap()).unwrap(), [entry(LogId([1; 16]))]);
        }
    }

    #[test]
    fn rows_are_stored_as_version_1_writes_them() {
        let row = PlaceRow { org: OrgId([4; 16]), bytes: 300 };
        assert_eq!(hex(&codec::encode(&row).unwrap()), "0104040404040404040404040404040404ac02");
        assert_eq!(codec::decode::<PlaceRow>(&codec::encode(&row).unwrap()).unwrap(), row);
        let row = TotalsRow { bytes: 300, newest: LogId([5; 16]) };
        assert_eq!(hex(&codec::encode(&row).unwrap()), "01ac0205050505050505050505050505050505");
        assert_eq!(codec::decode::<TotalsRow>(&codec::encode(&row).unwrap()).unwrap(), row);
    }

    #[test]
    fn a_block_is_read_as_it_was_filled_and_takes_less() {
        let filled: Vec<_> = (1..=100).map(|n| entry(LogId([n; 16]))).collect();
        let (oldest, bytes) = stored(&filled);
        assert_eq!((oldest, newest(&bytes).unwrap()), (LogId([1; 16]), LogId([100; 16])));
        let unpacked = unpacked(&bytes).unwrap();
        assert_eq!(entries(&unpacked).unwrap(), filled);
        assert!(bytes.len() * 3 < unpacked.len(), "{} of {}", bytes.len(), unpacked.len());
    }

    #[test]
    fn the_largest_block_that_is_written_can_be_read() {
        const { assert!(limit::LOG_BLOCK_BYTES + limit::LOG_ENTRY_BYTES_MAX <= limit::LOG_BLOCK_BYTES_MAX) };
        let text: String = std::iter::repeat_with(|| fastrand::char('0'..='z')).take(60_000).collect();
        let mut block = Block::begin(LogId([1; 16]));
        let mut count = 0;
        while !block.is_full() {
            push(&mut block, &Stored { id: LogId([1; 16]), entry: LogEntry { path: &text, ..said() } });
            count += 1;
        }
        let (_, bytes) = block.finish().unwrap();
        assert_eq!(entries(&unpacked(&bytes).unwrap()).unwrap().len(), count);
    }

    #[test]
    fn a_block_of_another_version_cut_short_or_of_another_length_is_corrupt() {
        let corrupt = |block: &[u8]| unpacked(block).and_then(|bytes| entries(&bytes).map(drop)).is_err();
        for block in [unhex(PLAIN_FIXTURE), stored(&[entry(LogId([1; 16]))]).1.to_vec()] {
            assert!(!corrupt(&block));
            for cut in [0, 5, 16, 18, 20, block.len() - 1] {
                assert!(corrupt(&block[..cut]), "{cut}");
            }
            let other = [&[3], &block[1..]].concat();
            assert!(corrupt(&other) && newest(&other).is_err());
        }
        let (_, block) = stored(&[entry(LogId([1; 16]))]);
        let length = u32::from_le_bytes(block[17..21].try_into().unwrap());
        for other in [0, length - 1, length + 1, limit::LOG_BLOCK_BYTES_MAX as u32, u32::MAX] {
            assert!(corrupt(&[&block[..17], &other.to_le_bytes(), &block[21..]].concat()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_block_is_an_error_or_other_bytes_and_nothing_worse(
            length in prop_oneof![0..2_000_u32, any::<u32>()],
            packed in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let head = [&[PACKED][..], &[1; 16]].concat();
            let _ = unpacked(&[&head[..], &length.to_le_bytes(), &packed].concat()).map(|bytes| entries(&bytes).is_ok());
            let filled: Vec<_> = (1..=20).map(|n| entry(LogId([n; 16]))).collect();
            let mut block = stored(&filled).1.to_vec();
            let at = at.index(block.len());
            block[at] = byte;
            if let Ok(bytes) = unpacked(&block) {
                prop_assert!(bytes.len() <= limit::LOG_BLOCK_BYTES_MAX);
                let _ = entries(&bytes);
            }
        }
    }

    #[test]
    fn an_entry_too_large_is_refused() {
        let room = limit::LOG_ENTRY_BYTES_MAX - size_of::<LogId>();
        let long = |bytes| "x".repeat(bytes);
        let around =
            encoded(&LogEntry { path: &long(room - 1_000), ..said() }).unwrap().unwrap().len() - (room - 1_000);
        assert_eq!(encoded(&LogEntry { path: &long(room - around), ..said() }).unwrap().unwrap().len(), room);
        assert!(encoded(&LogEntry { path: &long(room - around + 1), ..said() }).unwrap().is_none());
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
