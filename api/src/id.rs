//! Identifiers as clients see them: the kind as a prefix, then the ULID.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use windlass_store::id::{
    AccountId, BucketId, DeliveryId, EventId, FileId, KeyId, LogId, ProjectId, ProjectKeyId, RouteId, ShareId,
};
use windlass_store::kv::KvId;
use windlass_store::name::BucketName;

use crate::field::Parsed;

/// 26 characters of Crockford's alphabet, in capitals; 128 bits leave the first at most 7.
const ULID: &str = "[0-7][0-9A-HJKMNP-TV-Z]{25}";

/// An identifier that clients see.
pub(crate) trait Id: Copy + Send + Sized + std::fmt::Display + 'static {
    /// What stands before it.
    const PREFIX: &'static str;
    /// The pattern of what stands behind that.
    const PATTERN: &'static str = ULID;

    /// From what stands behind the prefix alone.
    fn of(ulid: &str) -> Option<Self>;

    /// From the text that clients see, in exactly the form that they are told.
    fn read(text: &str) -> Option<Self> {
        let ulid = text.strip_prefix(Self::PREFIX)?;
        Self::of(ulid).filter(|id| id.to_string() == ulid)
    }
}

macro_rules! ids {
    ($($Id:ident $prefix:literal)*) => {$(
        impl Id for $Id {
            const PREFIX: &'static str = $prefix;

            fn of(ulid: &str) -> Option<Self> {
                Self::parse(ulid)
            }
        }
    )*};
}

ids! {
    AccountId "acc_"
    BucketId "bkt_"
    KeyId "key_"
    LogId "log_"
    ShareId "shr_"
    ProjectId "proj_"
    RouteId "route_"
    ProjectKeyId "key_"
    FileId "file_"
    DeliveryId "dlv_"
    EventId "evt_"
}

/// A key-value bucket is named on its own door as it is here.
impl Id for KvId {
    const PREFIX: &'static str = "";
    const PATTERN: &'static str = "[0-7][0-9A-Za-z]{21}";

    fn of(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// The pattern of an identifier.
pub(crate) fn pattern<T: Id>() -> String {
    format!("^{}{}$", T::PREFIX, T::PATTERN)
}

/// The schema of an identifier.
pub(crate) fn schema<T: Id>() -> Value {
    json!({ "type": "string", "pattern": pattern::<T>() })
}

/// An identifier as a value of a field.
pub(crate) const fn field<T: Id>(message: &'static str) -> Parsed<T> {
    Parsed { parse: T::read, message, schema: schema::<T> }
}

/// An identifier in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Id> std::fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", T::PREFIX, self.0)
    }
}

impl<T: Id> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<T: Id> JsonSchema for Shown<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::PREFIX.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": pattern::<T>() })
    }
}

/// The pattern of a file's identifier.
pub(crate) const FILE_PATTERN: &str = "^file_[A-Za-z0-9_-]{1,2048}$";
/// The pattern of a folder's identifier.
pub(crate) const FOLDER_PATTERN: &str = "^folder_[A-Za-z0-9_-]{1,2048}$";

/// The pattern of a share link's identifier.
pub(crate) const SHARE_PATTERN: &str = "^share_[A-Za-z0-9_-]{1,2048}$";

/// What a file's or a folder's identifier stands for: an S3 bucket and a key in it. Keys of folders end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: BucketName,
    pub(crate) key: String,
}

/// The identifier of a file: base64url of the S3 bucket's name, a NUL and the key.
pub(crate) fn file(bucket: &BucketName, key: &str) -> String {
    format!("file_{}", encode(bucket, key))
}

/// The identifier of a folder; the empty prefix is `folder_root`.
pub(crate) fn folder(bucket: &BucketName, key: &str) -> String {
    if key.is_empty() { "folder_root".to_owned() } else { format!("folder_{}", encode(bucket, key)) }
}

/// Whether a text has the form of an identifier with that prefix, and may stand for something.
fn is_formed(id: &str, prefix: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    id.strip_prefix(prefix).is_some_and(|rest| (1..=2_048).contains(&rest.len()) && rest.bytes().all(plain))
}

/// A file's identifier as a value of a field; inside, `None` stands for no file that there could be.
pub(crate) const FILE: Parsed<Option<Place>> = Parsed {
    parse: |id| is_formed(id, "file_").then(|| read_file(id)),
    message: "Invalid file id",
    schema: || json!({ "pattern": FILE_PATTERN }),
};

/// A folder's identifier as a value of a field.
pub(crate) const FOLDER: Parsed<Folder> = Parsed {
    parse: |id| is_formed(id, "folder_").then(|| read_folder(id)),
    message: "Invalid folder id",
    schema: || json!({ "pattern": FOLDER_PATTERN }),
};

/// What a file's identifier stands for.
pub(crate) fn read_file(id: &str) -> Option<Place> {
    decode(id.strip_prefix("file_")?)
}

/// What a folder's identifier stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Folder {
    /// The empty prefix of whichever bucket is meant.
    Root,
    /// A prefix.
    In(Place),
    /// No folder that there could be.
    Nowhere,
}

fn read_folder(id: &str) -> Folder {
    match id.strip_prefix("folder_") {
        Some("root") => Folder::Root,
        place => place.and_then(decode).filter(|place| place.key.ends_with('/')).map_or(Folder::Nowhere, Folder::In),
    }
}

/// The identifier of a share link: base64url of the S3 bucket's name, a NUL and the ULID, so that it is enough to find it.
pub(crate) fn share(bucket: &BucketName, id: ShareId) -> String {
    format!("share_{}", encode(bucket, &id.to_string()))
}

/// What a share link's identifier stands for.
pub(crate) fn read_share(id: &str) -> Option<(BucketName, ShareId)> {
    let place = decode(id.strip_prefix("share_")?)?;
    Some((place.bucket, ShareId::parse(&place.key)?))
}

fn encode(bucket: &BucketName, key: &str) -> String {
    URL_SAFE_NO_PAD.encode([bucket.as_str().as_bytes(), b"\0", key.as_bytes()].concat())
}

fn decode(text: &str) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (bucket, key) = std::str::from_utf8(&bytes).ok()?.split_once('\0')?;
    let place = Place { bucket: BucketName::parse(bucket).ok()?, key: key.to_owned() };
    (!key.is_empty()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_one_form_only() {
        let id = BucketId([7; 16]);
        let text = Shown(id).to_string();
        assert_eq!(text, "bkt_070W3GE1R70W3GE1R70W3GE1R7");
        assert_eq!(BucketId::read(&text), Some(id));
        let (lower, other) = (text.to_lowercase(), text.replace("bkt_", "key_"));
        for bad in
            ["", "bkt_", &text[4..], &lower, &other, &format!("{text}0"), &text[..29], "bkt_8ZZZZZZZZZZZZZZZZZZZZZZZZZ"]
        {
            assert_eq!(BucketId::read(bad), None, "{bad}");
        }
        assert_eq!(serde_json::to_value(Shown(KeyId([7; 16]))).unwrap(), "key_070W3GE1R70W3GE1R70W3GE1R7");
    }

    #[test]
    fn files_and_folders_name_their_place() {
        let bucket = BucketName::parse("photos").unwrap();
        for key in ["a", "a//b", "é ✓", "a\0b", "x/"] {
            let place = Place { bucket: bucket.clone(), key: key.to_owned() };
            assert_eq!(read_file(&file(&bucket, key)), Some(place.clone()));
            let expected = if key.ends_with('/') { Folder::In(place) } else { Folder::Nowhere };
            assert_eq!(read_folder(&folder(&bucket, key)), expected, "{key:?}");
        }
        assert_eq!(file(&bucket, "a"), "file_cGhvdG9zAGE");
        assert_eq!(folder(&bucket, ""), "folder_root");
        assert_eq!(read_folder("folder_root"), Folder::Root);
        for bad in
            ["", "file_", "file_cGhvdG9z", "file_cGhvdG9zAA", "file_cGhvdG9zAGE=", "file_QQBh", "folder_cGhvdG9zAGE"]
        {
            assert_eq!(read_file(bad), None, "{bad}");
            assert_eq!(read_folder(bad), Folder::Nowhere, "{bad}");
        }
    }
}
