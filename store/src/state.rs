//! Facts about the store itself, in the `state` table: who it is, how often it was started, how far sweeps came.

use bytes::Bytes;

use crate::clock::{self, Millis};
use crate::error::{Error, Result};
use crate::lifecycle::LifecycleCursor;
use crate::meta::codec;
use crate::meta::table::{state_delete, state_get, state_put};
use crate::meta::{Read, Tx};
use crate::scrub::ScrubCursor;

const STORE_ID: &str = "store_id";
const EPOCH: &str = "epoch";
const SWEPT_EPOCH: &str = "swept_epoch";
const MASTER: &str = "master_fingerprint";
const MARKED: &str = "marked";
/// The kind of place that blobs are in.
pub(crate) const BLOBS: &str = "blobs";
const FORMAT: &str = "format";
const SCRUB_CURSOR: &str = "scrub_cursor";
const SCRUBBED_MS: &str = "scrubbed_ms";
const LIFECYCLE_CURSOR: &str = "lifecycle_cursor";
const OUTBOX_COUNT: &str = "outbox_count";

/// The format this build writes. A later format raises it and migrates (see `migrate`); a later build reads all earlier
/// ones.
const FORMAT_VERSION: u32 = 2;

/// Begins a new epoch: what a start does first. Returns the store's identity and the epoch.
pub(crate) fn begin_epoch(tx: &mut Tx<'_>) -> Result<(String, u32)> {
    if format(tx)?.is_none() {
        put_format(tx, FORMAT_VERSION);
    }
    let id = match store_id(tx)? {
        Some(id) => id,
        None => {
            let id = crate::object::hex(&clock::random::<16>()?);
            state_put(tx, STORE_ID, Bytes::from(id.clone()));
            id
        }
    };
    let epoch = number(tx, EPOCH)?.unwrap_or_default().checked_add(1).ok_or_else(|| Error::corrupt("2^32 epochs"))?;
    put_number(tx, EPOCH, epoch);
    Ok((id, epoch))
}

/// The format of the data; `None` before the first start. `Corrupt` for one of a later build.
pub(crate) fn format(read: &dyn Read) -> Result<Option<u32>> {
    match number(read, FORMAT)? {
        Some(format) if format > FORMAT_VERSION => {
            Err(Error::corrupt(format!("the data has format {format}, this build reads up to {FORMAT_VERSION}")))
        }
        format => Ok(format),
    }
}

/// Whether the data has the format that this build writes.
pub(crate) fn is_current(read: &dyn Read) -> Result<bool> {
    Ok(format(read)? == Some(FORMAT_VERSION))
}

/// Notes that the data has come to that format.
pub(crate) fn put_format(tx: &mut Tx<'_>, format: u32) {
    put_number(tx, FORMAT, format);
}

/// The store's identity, which its marker files repeat.
pub(crate) fn store_id(read: &dyn Read) -> Result<Option<String>> {
    text(read, STORE_ID)
}

/// The latest epoch that was begun; 0 before the first start.
pub(crate) fn epoch(read: &dyn Read) -> Result<u32> {
    Ok(number(read, EPOCH)?.unwrap_or_default())
}

/// All epochs up to this one are free of orphans.
pub(crate) fn swept_epoch(read: &dyn Read) -> Result<u32> {
    Ok(number(read, SWEPT_EPOCH)?.unwrap_or_default())
}

/// Notes that all epochs up to this one are free of orphans.
pub(crate) fn put_swept_epoch(tx: &mut Tx<'_>, epoch: u32) {
    put_number(tx, SWEPT_EPOCH, epoch);
}

/// After a restore: the next start's epoch is past `last`, the latest that has a folder, so that no new blob falls among
/// old ones; and what lies in the folders is left alone, since the metadata may know too little of it. Only
/// `windlass check --repair` removes files there that no row names.
pub(crate) fn put_restored(tx: &mut Tx<'_>, last: u32) -> Result<()> {
    let epoch = epoch(tx)?.max(last);
    put_number(tx, EPOCH, epoch);
    put_number(tx, SWEPT_EPOCH, epoch);
    Ok(())
}

/// The fingerprint of the master key that seals the secrets.
pub(crate) fn master_fingerprint(read: &dyn Read) -> Result<Option<String>> {
    text(read, MASTER)
}

/// Notes the fingerprint of the master key.
pub(crate) fn put_master_fingerprint(tx: &mut Tx<'_>, fingerprint: &str) {
    state_put(tx, MASTER, Bytes::from(fingerprint.to_owned()));
}

/// Whether the marker files have been written: from then on their absence means a missing mount.
pub(crate) fn is_marked(read: &dyn Read) -> Result<bool> {
    Ok(state_get(read, MARKED)?.is_some())
}

/// Notes that the marker files have been written.
pub(crate) fn put_marked(tx: &mut Tx<'_>) {
    state_put(tx, MARKED, Bytes::from_static(b"1"));
}

/// The kind of place that blobs are in, by its name in the settings; a store from before there were others has a folder.
pub(crate) fn blobs(read: &dyn Read) -> Result<String> {
    Ok(text(read, BLOBS)?.unwrap_or_else(|| "local".to_owned()))
}

/// Notes the kind of place that blobs are in.
pub(crate) fn put_blobs(tx: &mut Tx<'_>, kind: &'static str) {
    state_put(tx, BLOBS, Bytes::from_static(kind.as_bytes()));
}

/// Where the scrub that is under way goes on.
pub(crate) fn scrub_cursor(read: &dyn Read) -> Result<Option<ScrubCursor>> {
    let Some(bytes) = state_get(read, SCRUB_CURSOR)? else { return Ok(None) };
    ScrubCursor::from_bytes(&bytes).map(Some).ok_or_else(|| Error::corrupt(format!("state {SCRUB_CURSOR}")))
}

/// When the last whole scrub ended.
pub(crate) fn scrubbed_ms(read: &dyn Read) -> Result<Option<Millis>> {
    let Some(bytes) = state_get(read, SCRUBBED_MS)? else { return Ok(None) };
    let bytes = bytes.as_ref().try_into().map_err(|_| Error::corrupt(format!("state {SCRUBBED_MS}")))?;
    Ok(Some(u64::from_be_bytes(bytes)))
}

/// Notes how far the scrub came; without a cursor, that it ended `now`.
pub(crate) fn put_scrub(tx: &mut Tx<'_>, cursor: Option<ScrubCursor>, now: Millis) {
    match cursor {
        Some(cursor) => state_put(tx, SCRUB_CURSOR, Bytes::from(cursor.to_bytes())),
        None => {
            state_delete(tx, SCRUB_CURSOR);
            state_put(tx, SCRUBBED_MS, Bytes::copy_from_slice(&now.to_be_bytes()));
        }
    }
}

/// How many events wait to be told, and how many were forgotten because too many did.
pub(crate) fn outbox(read: &dyn Read) -> Result<(u64, u64)> {
    let Some(bytes) = state_get(read, OUTBOX_COUNT)? else { return Ok((0, 0)) };
    let wrong = || Error::corrupt(format!("state {OUTBOX_COUNT}"));
    let (waiting, forgotten) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
    let forgotten = forgotten.try_into().map_err(|_| wrong())?;
    Ok((u64::from_be_bytes(*waiting), u64::from_be_bytes(forgotten)))
}

/// Notes these numbers.
pub(crate) fn put_outbox(tx: &mut Tx<'_>, waiting: u64, forgotten: u64) {
    state_put(tx, OUTBOX_COUNT, Bytes::from([waiting.to_be_bytes(), forgotten.to_be_bytes()].concat()));
}

/// Where the pass of the lifecycle that is under way goes on.
pub(crate) fn lifecycle_cursor(read: &dyn Read) -> Result<Option<LifecycleCursor>> {
    state_get(read, LIFECYCLE_CURSOR)?.map(|bytes| codec::decode(&bytes)).transpose()
}

/// Notes how far the pass came; without a cursor, that it ended.
pub(crate) fn put_lifecycle_cursor(tx: &mut Tx<'_>, cursor: Option<&LifecycleCursor>) -> Result<()> {
    match cursor {
        Some(cursor) => state_put(tx, LIFECYCLE_CURSOR, codec::encode(cursor)?),
        None => state_delete(tx, LIFECYCLE_CURSOR),
    }
    Ok(())
}

fn text(read: &dyn Read, name: &str) -> Result<Option<String>> {
    let Some(bytes) = state_get(read, name)? else { return Ok(None) };
    String::from_utf8(bytes.into()).map(Some).map_err(|_| Error::corrupt(format!("state {name}")))
}

fn number(read: &dyn Read, name: &str) -> Result<Option<u32>> {
    let Some(bytes) = state_get(read, name)? else { return Ok(None) };
    let bytes = bytes.as_ref().try_into().map_err(|_| Error::corrupt(format!("state {name}")))?;
    Ok(Some(u32::from_be_bytes(bytes)))
}

fn put_number(tx: &mut Tx<'_>, name: &str, number: u32) {
    state_put(tx, name, Bytes::copy_from_slice(&number.to_be_bytes()));
}
