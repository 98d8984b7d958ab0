//! How rows become bytes.
//!
//! **Keys** keep their order: identifiers are their 16 raw bytes, numbers are big-endian, and a variable-length
//! component that is not the last is escaped (`00` → `00 FF`) and ended by `00 00`, so that no key is another's
//! prefix and byte order is the order of the components.
//!
//! **Values** begin with one version byte, then postcard. A later version of a record adds a branch to `migrate`;
//! a byte that no branch knows is `Corrupt`, never a guess.

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::id::{
    AccountId, BlobId, BucketId, DeliveryId, EventId, FileId, KeyId, OrgId, ProjectId, ProjectKeyId, RouteId, ShareId,
    UploadId,
};
use crate::kv::KvId;

/// A value that is stored under a version tag.
pub trait Record: Serialize + DeserializeOwned {
    /// The version this build writes.
    const VERSION: u8;

    /// Reads what an earlier version wrote.
    fn migrate(version: u8, _bytes: &[u8]) -> Result<Self> {
        Err(Error::corrupt(format!("record version {version} is unknown to this build")))
    }
}

/// The stored form of a record.
pub fn encode<R: Record>(record: &R) -> Result<Bytes> {
    let bytes = postcard::to_extend(record, vec![R::VERSION]).map_err(|e| Error::corrupt(format!("encode: {e}")))?;
    Ok(bytes.into())
}

/// A record from its stored form.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R> {
    match bytes.split_first() {
        Some((&version, rest)) if version == R::VERSION => {
            postcard::from_bytes(rest).map_err(|e| Error::corrupt(format!("decode: {e}")))
        }
        Some((&version, rest)) => R::migrate(version, rest),
        None => Err(Error::corrupt("an empty row")),
    }
}

/// What version `expected` of a record wrote; any other version is unknown.
pub fn decode_old<T: DeserializeOwned>(version: u8, expected: u8, bytes: &[u8]) -> Result<T> {
    if version != expected {
        return Err(Error::corrupt(format!("record version {version} is unknown to this build")));
    }
    postcard::from_bytes(bytes).map_err(|e| Error::corrupt(format!("decode version {version}: {e}")))
}

/// A record within another, under a version tag of its own: when it changes, the record around it need not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<R>(pub R);

impl<R: Record> Serialize for Tagged<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&encode(&self.0).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de, R: Record> Deserialize<'de> for Tagged<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
        decode(bytes).map(Self).map_err(D::Error::custom)
    }
}

/// A key of some table.
pub trait Key: Sized {
    /// Appends the key's bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads the key back; `None` if the bytes are not such a key.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// The key's bytes.
    fn to_key(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.write(&mut out);
        out
    }
}

/// Appends a variable-length component that is not the last of its key.
pub fn write_escaped(component: &[u8], out: &mut Vec<u8>) {
    for &byte in component {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// Splits an escaped component off the front: the component and what follows it.
pub fn read_escaped(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut component = Vec::new();
    let mut rest = bytes;
    loop {
        match rest {
            [0, 0xFF, tail @ ..] => {
                component.push(0);
                rest = tail;
            }
            [0, 0, tail @ ..] => return Some((component, tail)),
            [0, ..] | [] => return None,
            [byte, tail @ ..] => {
                component.push(*byte);
                rest = tail;
            }
        }
    }
}

macro_rules! id_keys {
    ($($name:ident)*) => {$(
        impl Key for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }
    )*};
}
id_keys! {
    OrgId KeyId BucketId BlobId UploadId ShareId EventId AccountId KvId ProjectId RouteId ProjectKeyId FileId DeliveryId
}

/// A text that is the whole of its key, or the last component of one.
impl Key for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

/// Any bytes that are the whole of their key, or the last component of one.
impl Key for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

/// A SHA-256.
impl Key for [u8; 32] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

impl Key for u16 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Key for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Key for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

macro_rules! fixed_pair_keys {
    ($(($a:ty, $b:ty, $a_len:literal))*) => {$(
        impl Key for ($a, $b) {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
                self.1.write(out);
            }
            fn read(bytes: &[u8]) -> Option<Self> {
                let (a, b) = bytes.split_at_checked($a_len)?;
                Some((<$a as Key>::read(a)?, <$b as Key>::read(b)?))
            }
        }
    )*};
}
// The first component has a fixed length, so the pair needs no terminator.
fixed_pair_keys! {
    (OrgId, String, 16) (OrgId, KeyId, 16) (OrgId, BucketId, 16) (OrgId, u32, 16) (OrgId, AccountId, 16)
    (BucketId, String, 16) (BucketId, ShareId, 16) (BucketId, u32, 16)
    (BlobId, u32, 16) (UploadId, u16, 16) (u64, [u8; 17], 8) (u64, ShareId, 8) (u64, EventId, 8)
    (OrgId, KvId, 16) (KvId, Vec<u8>, 16) (KvId, String, 16) (u64, KvId, 8)
    (OrgId, ProjectId, 16) (ProjectId, String, 16) (ProjectId, ProjectKeyId, 16) (BucketId, Newest, 16) (BucketId, EventId, 16)
    (u64, FileId, 8) (u64, DeliveryId, 8)
}

/// The last component of a garbage key: a kind byte and an identifier.
impl Key for [u8; 17] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// A place in the sequence of commits as the last component of a key: the newest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest(pub u64);

impl Key for Newest {
    fn write(&self, out: &mut Vec<u8>) {
        (!self.0).write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        u64::read(bytes).map(|inverted| Self(!inverted))
    }
}

/// What the keys of all rows begin with whose first two components are these, and no others'.
pub fn key_prefix(first: &[u8; 16], second: &str) -> Vec<u8> {
    let mut out = first.to_vec();
    write_escaped(second.as_bytes(), &mut out);
    out
}

/// bucket ‖ key ‖ end ‖ sequence: a key's versions lie together, newest first, in the order of keys.
impl Key for (BucketId, String, Newest) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        write_escaped(self.1.as_bytes(), out);
        self.2.write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        let (bucket, rest) = bytes.split_at_checked(16)?;
        let (key, sequence) = read_escaped(rest)?;
        Some((Key::read(bucket)?, String::from_utf8(key).ok()?, Key::read(sequence)?))
    }
}

/// time ‖ key-value bucket ‖ key: what ends first comes first.
impl Key for (u64, KvId, Vec<u8>) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        let (time, rest) = bytes.split_at_checked(8)?;
        let (bucket, key) = <(KvId, Vec<u8>)>::read(rest)?;
        Some((Key::read(time)?, bucket, key))
    }
}

/// bucket ‖ key ‖ end ‖ upload: a key's uploads lie together, in the order of keys.
impl Key for (BucketId, String, UploadId) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        write_escaped(self.1.as_bytes(), out);
        self.2.write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        let (bucket, rest) = bytes.split_at_checked(16)?;
        let (key, upload) = read_escaped(rest)?;
        Some((Key::read(bucket)?, String::from_utf8(key).ok()?, Key::read(upload)?))
    }
}
