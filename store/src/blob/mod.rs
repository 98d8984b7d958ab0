//! Bytes: immutable blobs, the digests taken while they stream in, and the checks made while they stream out.

mod check;
mod digest;
mod ingest;
mod local;
pub mod md5;
mod pin;
mod read;
pub mod row;
mod share;
mod unsynced;
mod verify;

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;

use crate::error::Result;

pub(crate) use check::crc32c;
pub use digest::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub(crate) use digest::{Hasher, combine_crc};
pub use ingest::{Expect, ExpectedChecksum};
pub(crate) use ingest::{Ingested, Place, discard, ingest};
pub(crate) use local::{LocalBlobs, blocking, sync_folder};
pub(crate) use pin::{Pin as BlobPin, Pins};
pub(crate) use read::{Segment, inline_bytes, stream_segments};
pub use row::Body;
pub(crate) use unsynced::Unsynced;
pub(crate) use verify::{Fault, blocks_in, sums_of, verify_file, verify_inline};

/// Bytes on their way in or out.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + Sync>>;
