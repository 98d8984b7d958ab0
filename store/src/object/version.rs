//! Versions: which of a key's there are, which of them is current, and what becomes of the others.
//!
//! The current object of a key lies in `objects`, where listings walk; everything older, and every delete marker, lies in
//! `versions`, newest first. So of a key whose newest version is a marker nothing lies in `objects`. All rows of a key have
//! different places in the one sequence of commits, and that order is the order of its versions: clocks may go back.
//!
//! A null version is one that was written while versions were not kept. A key has at most one, and where it lies, if it is
//! not current, `null_versions` says, so that the next null version finds what it replaces without a search.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, Versioning};
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::intent;
use crate::meta::codec::{self, Tagged};
use crate::meta::table::{NULL_VERSIONS, OBJECTS, VERSIONS};
use crate::meta::{KeyRange, Newest, Read, Record, Step, Tx};
use crate::object::replace::{one_object, release};
use crate::object::{ObjectRow, hex};
use crate::usage::{self, Change, UsageRow};

/// A version's public name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionId {
    /// The null version.
    Null,
    /// Any other: its place in the sequence, so that it is found without a search, and eight bytes of chance.
    Id([u8; 16]),
}

impl VersionId {
    /// The version that a text names: `null`, or what `Display` prints.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let id = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32 && digits)?;
        Some(Self::Id(id.to_be_bytes()))
    }

    /// The name of a stored version.
    pub(crate) fn of(stored: Option<[u8; 16]>) -> Self {
        stored.map_or(Self::Null, Self::Id)
    }

    /// A name for the version at that place.
    fn at(sequence: u64) -> Result<[u8; 16]> {
        let chance = u64::from_be_bytes(clock::random::<8>()?);
        Ok((u128::from(sequence) << 64 | u128::from(chance)).to_be_bytes())
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => f.write_str(&hex(id)),
        }
    }
}

/// A version that is not current, or a delete marker.
#[allow(clippy::large_enum_variant, reason = "rows are short-lived, and nearly all of them are objects")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionRow {
    /// An object that was current.
    Object(Tagged<ObjectRow>),
    /// A delete marker.
    Marker(MarkerRow),
}

impl Record for VersionRow {
    const VERSION: u8 = 1;
}

/// A delete marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkerRow {
    /// Its place in the order of all commits.
    pub sequence: u64,
    /// Its public version id; `None` is the null version.
    pub version: Option<[u8; 16]>,
    /// When it was made.
    pub modified_ms: Millis,
}

/// Where the null version of a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NullRow {
    /// Its place in the sequence.
    pub sequence: u64,
}

impl Record for NullRow {
    const VERSION: u8 = 1;
}

impl VersionRow {
    /// Its place in the order of all commits.
    pub(crate) fn sequence(&self) -> u64 {
        match self {
            Self::Object(row) => row.0.sequence,
            Self::Marker(marker) => marker.sequence,
        }
    }

    /// Its public version id as it is stored.
    pub(crate) fn version(&self) -> Option<[u8; 16]> {
        match self {
            Self::Object(row) => row.0.version,
            Self::Marker(marker) => marker.version,
        }
    }

    /// What it counts for where it is not current.
    pub(crate) fn counts(&self) -> UsageRow {
        match self {
            Self::Object(row) => UsageRow { versions: 1, version_bytes: row.0.head.size, ..UsageRow::default() },
            Self::Marker(_) => UsageRow { markers: 1, ..UsageRow::default() },
        }
    }
}

/// A version as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) row: VersionRow,
    /// Whether it lies in `objects`.
    pub(crate) current: bool,
}

impl Seen {
    fn current(row: ObjectRow) -> Self {
        Self { row: VersionRow::Object(Tagged(row)), current: true }
    }
}

/// The version that a request means: that of the id, or else the newest. `None` if there is none.
pub(crate) fn find(read: &dyn Read, bucket: &Bucket, key: &str, id: Option<VersionId>) -> Result<Option<Seen>> {
    let current = OBJECTS.get(read, &(bucket.id, key.to_owned()))?;
    let Some(id) = id else {
        return match current {
            Some(row) => Ok(Some(Seen::current(row))),
            None if bucket.row.versioning == Versioning::Off => Ok(None),
            None => Ok(newest(read, bucket.id, key)?.map(|row| Seen { row, current: false })),
        };
    };
    if let Some(row) = current.filter(|row| VersionId::of(row.version) == id) {
        return Ok(Some(Seen::current(row)));
    }
    let sequence = match id {
        VersionId::Null => match NULL_VERSIONS.get(read, &(bucket.id, key.to_owned()))? {
            Some(row) => row.sequence,
            None => return Ok(None),
        },
        VersionId::Id([a, b, c, d, e, f, g, h, ..]) => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
    };
    let row = VERSIONS.get(read, &(bucket.id, key.to_owned(), Newest(sequence)))?;
    Ok(row.filter(|row| VersionId::of(row.version()) == id).map(|row| Seen { row, current: false }))
}

/// The object that a request means. A key that has none is `NoSuchKey`, with what is known of its marker; an id that names
/// none is `NoSuchVersion`, and one that names a marker `IsDeleteMarker`.
pub(crate) fn find_object(
    read: &dyn Read,
    bucket: &Bucket,
    key: &str,
    id: Option<VersionId>,
) -> Result<(ObjectRow, Option<VersionId>)> {
    let missing = || match id {
        None => Error::new(ErrorKind::NoSuchKey, "The specified key does not exist."),
        Some(_) => Error::new(ErrorKind::NoSuchVersion, "The specified version does not exist."),
    };
    match find(read, bucket, key, id)?.ok_or_else(missing)?.row {
        VersionRow::Object(Tagged(row)) => {
            let shown = shown(bucket, row.version);
            Ok((row, shown))
        }
        VersionRow::Marker(marker) => {
            let error = match id {
                None => missing(),
                Some(_) => {
                    Error::new(ErrorKind::IsDeleteMarker, "The specified method is not allowed against this resource.")
                }
            };
            Err(error.about_marker(VersionId::of(marker.version), marker.modified_ms))
        }
    }
}

/// The version id that answers show: none in a bucket that never kept versions.
pub(crate) fn shown(bucket: &Bucket, version: Option<[u8; 16]>) -> Option<VersionId> {
    (bucket.row.versioning != Versioning::Off).then(|| VersionId::of(version))
}

fn newest(read: &dyn Read, bucket: BucketId, key: &str) -> Result<Option<VersionRow>> {
    let mut newest = None;
    VERSIONS.scan(read, &KeyRange::prefix(&codec::key_prefix(&bucket.0, key)), |_, row| {
        newest = Some(row);
        Ok(Step::Stop)
    })?;
    Ok(newest)
}

/// Makes room for a new version at `sequence`: what is current is kept as a version or replaced, as the bucket says. Its row in
/// `objects` is left to the caller, who puts another in its place or removes it.
/// Returns the new version's id, and how the counters change by it.
pub(crate) fn make_room(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &str,
    sequence: u64,
) -> Result<(Option<[u8; 16]>, Change)> {
    let row_key = (bucket.id, key.to_owned());
    let old = OBJECTS.get(tx, &row_key)?;
    let mut change = Change::default();
    let replaces_null = bucket.row.versioning != Versioning::Enabled;
    let mut null_replaced = false;
    if let Some(old) = old {
        change.sub = one_object(old.head.size);
        if replaces_null && old.version.is_none() {
            old.extras.check_deletion(tx.now(), false)?;
            release(tx, old.body)?;
            null_replaced = true;
        } else {
            change.add = demote(tx, bucket, key, old)?;
        }
    }
    if bucket.row.versioning == Versioning::Suspended
        && !null_replaced
        && let Some(NullRow { sequence }) = NULL_VERSIONS.get(tx, &row_key)?
    {
        let row = VERSIONS.get(tx, &(bucket.id, key.to_owned(), Newest(sequence)))?;
        let row = row.ok_or_else(|| Error::corrupt(format!("null version {sequence} of bucket {}", bucket.id)))?;
        change.sub = change.sub.plus(forget(tx, bucket, key, &row, false)?);
    }
    let version = match bucket.row.versioning {
        Versioning::Enabled => Some(VersionId::at(sequence)?),
        Versioning::Off | Versioning::Suspended => None,
    };
    Ok((version, change))
}

/// Keeps an object that is current no more as a version; returns what it counts for now.
fn demote(tx: &mut Tx<'_>, bucket: &Bucket, key: &str, row: ObjectRow) -> Result<UsageRow> {
    if row.version.is_none() {
        NULL_VERSIONS.put(tx, &(bucket.id, key.to_owned()), &NullRow { sequence: row.sequence })?;
    }
    let row = VersionRow::Object(Tagged(row));
    VERSIONS.put(tx, &(bucket.id, key.to_owned(), Newest(row.sequence())), &row)?;
    Ok(row.counts())
}

/// Puts a delete marker in the place of what is current. Returns its version id.
pub(crate) fn mark_deleted(tx: &mut Tx<'_>, bucket: &Bucket, key: &str) -> Result<Option<[u8; 16]>> {
    let sequence = tx.next_sequence()?;
    let (version, mut change) = make_room(tx, bucket, key, sequence)?;
    OBJECTS.delete(tx, &(bucket.id, key.to_owned()));
    if version.is_none() {
        NULL_VERSIONS.put(tx, &(bucket.id, key.to_owned()), &NullRow { sequence })?;
    }
    let row = VersionRow::Marker(MarkerRow { sequence, version, modified_ms: tx.now() });
    VERSIONS.put(tx, &(bucket.id, key.to_owned(), Newest(sequence)), &row)?;
    change.add = change.add.plus(row.counts());
    usage::apply(tx, bucket, &change)?;
    intent::follow(tx, bucket, key)?;
    Ok(version)
}

/// Removes one version for good, unless it is locked (`AccessDenied`); what is newest then is current. Returns what it was.
pub(crate) fn remove_version(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &str,
    id: VersionId,
    bypass: bool,
) -> Result<Option<VersionRow>> {
    let Some(seen) = find(tx, bucket, key, Some(id))? else { return Ok(None) };
    let mut change = Change::default();
    match &seen.row {
        VersionRow::Object(Tagged(row)) if seen.current => {
            row.extras.check_deletion(tx.now(), bypass)?;
            release(tx, row.body)?;
            OBJECTS.delete(tx, &(bucket.id, key.to_owned()));
            change.sub = one_object(row.head.size);
        }
        row => change.sub = forget(tx, bucket, key, row, bypass)?,
    }
    if bucket.row.versioning != Versioning::Off && !OBJECTS.contains(tx, &(bucket.id, key.to_owned()))? {
        let promoted = promote(tx, bucket, key)?;
        change.add = promoted.add;
        change.sub = change.sub.plus(promoted.sub);
    }
    usage::apply(tx, bucket, &change)?;
    intent::follow(tx, bucket, key)?;
    Ok(Some(seen.row))
}

/// Removes a row of `versions` for good, unless it is locked; returns what it counted for.
fn forget(tx: &mut Tx<'_>, bucket: &Bucket, key: &str, row: &VersionRow, bypass: bool) -> Result<UsageRow> {
    if let VersionRow::Object(Tagged(row)) = row {
        row.extras.check_deletion(tx.now(), bypass)?;
        release(tx, row.body)?;
    }
    VERSIONS.delete(tx, &(bucket.id, key.to_owned(), Newest(row.sequence())));
    if row.version().is_none() {
        NULL_VERSIONS.delete(tx, &(bucket.id, key.to_owned()));
    }
    Ok(row.counts())
}

/// Makes the newest version of a key without a current object current, if it is an object.
fn promote(tx: &mut Tx<'_>, bucket: &Bucket, key: &str) -> Result<Change> {
    let Some(VersionRow::Object(Tagged(row))) = newest(tx, bucket.id, key)? else { return Ok(Change::default()) };
    let row_key = (bucket.id, key.to_owned());
    VERSIONS.delete(tx, &(bucket.id, key.to_owned(), Newest(row.sequence)));
    if row.version.is_none() {
        NULL_VERSIONS.delete(tx, &row_key);
    }
    OBJECTS.put(tx, &row_key, &row)?;
    let size = row.head.size;
    let sub = UsageRow { versions: 1, version_bytes: size, ..UsageRow::default() };
    Ok(Change { add: one_object(size), sub })
}

/// Changes what is said about a version beside its bytes, where it lies. Errors as `find_object`.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &str,
    id: Option<VersionId>,
    change: impl FnOnce(&mut ObjectRow) -> Result<()>,
) -> Result<Option<VersionId>> {
    let (mut row, shown) = find_object(tx, bucket, key, id)?;
    let current = OBJECTS.get(tx, &(bucket.id, key.to_owned()))?.is_some_and(|now| now.sequence == row.sequence);
    change(&mut row)?;
    if current {
        OBJECTS.put(tx, &(bucket.id, key.to_owned()), &row)?;
    } else {
        let sequence = row.sequence;
        VERSIONS.put(tx, &(bucket.id, key.to_owned(), Newest(sequence)), &VersionRow::Object(Tagged(row)))?;
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_again_and_nothing_else_is_one() {
        let id = VersionId::Id(VersionId::at(77).unwrap());
        assert_eq!(VersionId::parse(&id.to_string()), Some(id));
        assert_eq!(VersionId::parse("null"), Some(VersionId::Null));
        let VersionId::Id(bytes) = id else { unreachable!() };
        assert_eq!(bytes[..8], 77_u64.to_be_bytes());
        for bad in ["", "Null", "0", &"0".repeat(31), &"A".repeat(32), &format!("+{}", "0".repeat(31)), &"g".repeat(32)]
        {
            assert_eq!(VersionId::parse(bad), None, "{bad}");
        }
    }
}
