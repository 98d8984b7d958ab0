//! Bytes off a disk. As keys they are refused or written back byte by byte; keys made of them come back and keep their
//! order. As rows of any table they are refused, or read as something that the same row stands for.

use std::cmp::Reverse;

use super::{Target, fuzz};
use crate::account::AccountRow;
use crate::acl::BucketAcl;
use crate::adopt::{AdoptionRow, TombstoneRow};
use crate::bandwidth::BandwidthRow;
use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::bucket::{BucketRow, DeletionRow};
use crate::cors::Cors;
use crate::id::{AccountId, BlobId, BucketId, EventId, KeyId, OrgId, ShareId, UploadId};
use crate::key::{KeyRow, KeyUsedRow};
use crate::kv::{KvBucketRow, KvDeletionRow, KvEntryRow, KvExpiryRow, KvId, KvScriptRow, KvToken, KvUsageRow};
use crate::lifecycle::{Lifecycle, LifecycleCursor};
use crate::link::Link;
use crate::meta::codec::{decode, encode, key_prefix};
use crate::meta::table::IdRow;
use crate::meta::{Key, Newest, Record};
use crate::notification::{EventRow, Notification};
use crate::object::{NullRow, ObjectHead, ObjectRow, VersionRow};
use crate::org::OrgRow;
use crate::policy::{BucketPolicy, Ownership, PublicAccessBlock};
use crate::share::{ShareRef, ShareRow};
use crate::sweep::GarbageRow;
use crate::tag::BucketTags;
use crate::upload::row::{ManifestRow, PartRow, UploadRow};
use crate::usage::{OrgUsageRow, UsageRow};
use crate::website::Website;

/// Whether the bytes are such a key; if they are, it is written as them.
fn is_key<K: Key>(bytes: &[u8]) -> bool {
    let Some(key) = K::read(bytes) else { return false };
    assert_eq!(key.to_key(), bytes, "a key is written as it was read");
    true
}

macro_rules! each {
    ($check:ident($bytes:expr): $($type:ty),* $(,)?) => { [$($check::<$type>($bytes)),*] };
}

#[test]
fn fuzz_keys() {
    let target = Target { package: env!("CARGO_MANIFEST_DIR"), name: "keys", words: &["\0\0", "\0\u{ff}", "/", "é"] };
    fuzz(&target, |bytes| {
        let half = bytes.len() / 2;
        let (first, second) = bytes.split_at(half);
        let made = order(first, second);
        let read = each!(is_key(bytes):
            OrgId, String, [u8; 17], [u8; 32], u16, u32, u64, Newest, (OrgId, String), (OrgId, KeyId), (OrgId, BucketId),
            (OrgId, u32), (BucketId, String), (BucketId, ShareId), (BucketId, u32), (BlobId, u32), (UploadId, u16),
            (u64, [u8; 17]), (u64, ShareId), (u64, EventId), (BucketId, String, Newest), (BucketId, String, UploadId),
            KvId, Vec<u8>, (OrgId, KvId), (KvId, Vec<u8>), (KvId, String), (u64, KvId), (u64, KvId, Vec<u8>),
            (OrgId, AccountId),
        );
        (read, made)
    });
}

/// Bytes as the components of a key: an identifier, a text and a number.
fn components(bytes: &[u8]) -> ([u8; 16], String, u64) {
    let (id, rest) = bytes.split_at(bytes.len().min(1));
    let (number, text) = rest.split_at(rest.len().min(2));
    let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    // Few identifiers and numbers, so that two are often the same.
    let id = id.first().map_or(0, |byte| byte & 1);
    (([id; 16]), String::from_utf8_lossy(text).into_owned(), number & 3)
}

/// Two keys of each kind come back, and stand in the order of their components.
fn order(first: &[u8], second: &[u8]) -> [std::cmp::Ordering; 2] {
    let ((id, text, number), (other_id, other_text, other_number)) = (components(first), components(second));
    let names = (BucketId(id), text.clone());
    let other_names = (BucketId(other_id), other_text.clone());
    let by_name = names.to_key().cmp(&other_names.to_key());
    assert_eq!(by_name, (id, text.as_bytes()).cmp(&(other_id, other_text.as_bytes())));
    assert_eq!(<(BucketId, String)>::read(&names.to_key()), Some(names));

    let version = (BucketId(id), text.clone(), Newest(number));
    let other = (BucketId(other_id), other_text.clone(), Newest(other_number));
    let by_version = version.to_key().cmp(&other.to_key());
    let components = (id, text.as_bytes(), Reverse(number));
    assert_eq!(by_version, components.cmp(&(other_id, other_text.as_bytes(), Reverse(other_number))));
    let of_other = version.to_key().starts_with(&key_prefix(&other_id, &other_text));
    assert_eq!(of_other, (id, &text) == (other_id, &other_text), "a prefix is that of one key alone");
    assert_eq!(<(BucketId, String, Newest)>::read(&version.to_key()), Some(version));

    let upload = (BucketId(id), text.clone(), UploadId(other_id));
    assert_eq!(<(BucketId, String, UploadId)>::read(&upload.to_key()), Some(upload));
    let due = (number, ShareId(id));
    assert_eq!(
        due.to_key().cmp(&(other_number, ShareId(other_id)).to_key()),
        (number, id).cmp(&(other_number, other_id))
    );
    [by_name, by_version]
}

/// Whether the bytes are such a row; if they are, what it is written as is read as the same.
fn is_row<R: Record>(bytes: &[u8]) -> bool {
    let Ok(row) = decode::<R>(bytes) else { return false };
    let written = encode(&row).expect("what was read can be written");
    let again = decode::<R>(&written).expect("what was written can be read");
    assert_eq!(encode(&again).expect("what was read can be written"), written, "a row is read as it was written");
    true
}

#[test]
fn fuzz_rows() {
    let target =
        Target { package: env!("CARGO_MANIFEST_DIR"), name: "rows", words: &["\u{1}", "\u{2}", "\u{3}", "key"] };
    fuzz(&target, |bytes| {
        let tables = each!(is_row(bytes):
            OrgRow, IdRow, KeyRow, KeyUsedRow, BucketRow, DeletionRow, ObjectRow, ObjectHead, InlineRow, BlobRow, SumsRow,
            UploadRow, PartRow, ManifestRow, GarbageRow, UsageRow, OrgUsageRow, BandwidthRow, ShareRow, ShareRef,
            VersionRow, NullRow, EventRow, LifecycleCursor, AccountRow, AdoptionRow, TombstoneRow, KvBucketRow, KvEntryRow,
            KvExpiryRow, KvUsageRow, KvDeletionRow, KvScriptRow, KvToken,
        );
        let documents = each!(is_row(bytes):
            BucketPolicy, PublicAccessBlock, Ownership, BucketAcl, Cors, Lifecycle, BucketTags, Website, Notification,
            Link,
        );
        (tables, documents, bytes.first().copied())
    });
}
