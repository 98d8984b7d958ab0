//! Bytes: immutable blobs, the digests taken while they stream in, and the checks made while they stream out.

mod check;
mod digest;
mod home;
mod ingest;
mod local;
pub mod md5;
mod pin;
mod read;
mod remote;
pub mod row;
mod share;
mod through;
mod unsynced;
mod verify;

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;

use crate::error::Result;

pub(crate) use check::crc32c;
pub use digest::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub(crate) use digest::{Hasher, combine_crc};
pub(crate) use home::{Blobs, Found, Home, Walk};
pub use ingest::{Expect, ExpectedChecksum};
pub(crate) use ingest::{Ingested, Place, discard, ingest};
pub(crate) use local::{blocking, offline, sync_folder, wait};
pub(crate) use pin::{Pin as BlobPin, Pins};
pub(crate) use read::{Segment, inline_bytes, stream_segments};
pub use remote::{CredentialSource, RemoteOptions};
pub use row::Body;
pub use through::{Passed, must_be_empty, verified};
pub(crate) use unsynced::Unsynced;
pub(crate) use verify::{Fault, blocks_in, sums_of, verify_blob, verify_inline};

/// Bytes on their way in or out.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + Sync>>;
