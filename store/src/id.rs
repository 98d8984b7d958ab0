//! Identifiers: raw 16-byte ULIDs with a type each.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::{self, Millis};
use crate::error::Result;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A new identifier: its time part is `now`, the rest is random.
            pub fn generate(now: Millis) -> Result<Self> {
                let random = u128::from_be_bytes(clock::random::<16>()?);
                Ok(Self(Ulid::from_parts(now, random).to_bytes()))
            }

            /// Parses the 26 characters that `Display` prints; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                Ulid::from_string(text).ok().map(|u| Self(u.to_bytes()))
            }

            /// The time part, in milliseconds since the Unix epoch.
            pub fn created_ms(&self) -> Millis {
                Ulid::from_bytes(self.0).timestamp_ms()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Ulid::from_bytes(self.0).array_to_str(&mut [0; ulid::ULID_LEN]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

ids! {
    /// An organisation: the owner of buckets and keys.
    OrgId
    /// An access key.
    KeyId
    /// A bucket; survives its name.
    BucketId
    /// An immutable sequence of stored bytes.
    BlobId
    /// A backup of the metadata.
    BackupId
    /// A multipart upload, and the manifest of the object it became.
    UploadId
    /// A share link; not its code.
    ShareId
    /// A logged request.
    LogId
    /// An event that somebody is to be told of.
    EventId
    /// A connected account of another provider.
    AccountId
    /// A project that takes uploads.
    ProjectId
    /// A route of a project.
    RouteId
    /// A key of a project.
    ProjectKeyId
    /// A file of a project.
    FileId
    /// A delivery of a webhook.
    DeliveryId
}
