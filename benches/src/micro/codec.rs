//! Rows to bytes and back: what each read and write of metadata pays on one core.

use std::hint::black_box;

use bytes::Bytes;
use windlass_store::blob::Body;
use windlass_store::blob::row::InlineRow;
use windlass_store::id::{BlobId, BucketId};
use windlass_store::meta::Key as _;
use windlass_store::meta::codec::{decode, encode};
use windlass_store::object::{ETag, Extras, Metadata, ObjectHead, ObjectRow, StorageClass, SystemHeaders};

use super::nanos_of;
use crate::Failure;

/// Prints a line for each codec.
pub(crate) fn run() -> Result<(), Failure> {
    let row = row();
    let stored = encode(&row)?;
    let inline = InlineRow { refs: 1, crc32c: 7, bytes: Bytes::from(vec![0x5A; 4096]) };
    let inline_stored = encode(&inline)?;
    let key = (BucketId([7; 16]), "photos/2026/000123/a-picture.jpg".to_owned());
    let key_stored = key.to_key();
    println!("{:>22} {:>8} {:>10}", "", "bytes", "ns");
    line("encode object", stored.len(), || drop(black_box(encode(black_box(&row)))));
    line("decode object", stored.len(), || drop(black_box(decode::<ObjectRow>(black_box(&stored)))));
    line("encode inline 4 KiB", inline_stored.len(), || drop(black_box(encode(black_box(&inline)))));
    line("decode inline 4 KiB", inline_stored.len(), || {
        drop(black_box(decode::<InlineRow>(black_box(&inline_stored))))
    });
    line("write object key", key_stored.len(), || drop(black_box(black_box(&key).to_key())));
    line("read object key", key_stored.len(), || drop(black_box(<(BucketId, String)>::read(black_box(&key_stored)))));
    Ok(())
}

fn line(name: &str, bytes: usize, call: impl FnMut()) {
    println!("{name:>22} {bytes:>8} {:>10.0}", nanos_of(call));
}

fn row() -> ObjectRow {
    let system = SystemHeaders { content_type: Some("image/jpeg".to_owned()), ..SystemHeaders::default() };
    ObjectRow {
        head: ObjectHead {
            size: 4096,
            etag: ETag::Md5([0xAB; 16]),
            modified_ms: 1_700_000_000_000,
            class: StorageClass::Standard,
            checksum: None,
        },
        body: Body::Blob(BlobId([3; 16])),
        sequence: 123_456_789,
        version: None,
        checksum: Vec::new(),
        metadata: Metadata { system, user: vec![("mtime".to_owned(), "1700000000.123".to_owned())] },
        extras: Extras::default(),
    }
}
