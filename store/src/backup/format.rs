//! The backup file, version 1. Numbers are big-endian.
//!
//!     "windlass-backup\n"  version: u32  created_ms: u64  store id: u32 and bytes
//!     rows, in the order of tables and keys: table name: u8 and bytes  key: u32 and bytes  value: u32 and bytes
//!     0: u8  number of rows: u64  SHA-256 of everything before: 32 bytes

use std::io::{ErrorKind as Io, Read as Source, Write};

use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::meta::table::Table;
use crate::meta::{KeyRange, Read, Step};

const MAGIC: &[u8; 16] = b"windlass-backup\n";
const VERSION: u32 = 1;
/// More than any key has.
const KEY_BYTES_MAX: u32 = 64 << 10;
/// More than any value has.
const VALUE_BYTES_MAX: u32 = 64 << 20;
const STORE_ID_BYTES_MAX: u32 = 256;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) created_ms: Millis,
    pub(super) store_id: String,
}

/// Sees one row.
pub(super) type Visit<'a> = dyn FnMut(Table, Vec<u8>, Vec<u8>) -> Result<()> + 'a;

/// Passes bytes on and takes their digest.
struct Hashed<T> {
    inner: T,
    hash: Sha256,
}

impl<T> Hashed<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new() }
    }
}

impl<T: Write> Hashed<T> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes).map_err(Error::unavailable)
    }

    fn put_sized(&mut self, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| Error::corrupt("a row beyond 4 GiB"))?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }
}

impl<T: Source> Hashed<T> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn take_sized(&mut self, most: u32) -> Result<Vec<u8>> {
        let length = u32::from_be_bytes(self.take()?);
        if length > most {
            return Err(Error::corrupt(format!("backup: a length of {length}")));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.inner.read_exact(bytes).map_err(|error| match error.kind() {
            Io::UnexpectedEof => Error::corrupt("backup: it is cut short"),
            _ => Error::unavailable(error),
        })?;
        self.hash.update(&*bytes);
        Ok(())
    }
}

/// Writes every row of a snapshot; returns their number.
pub(super) fn write(read: &dyn Read, header: &Header, out: impl Write) -> Result<u64> {
    let mut out = Hashed::new(out);
    out.put(MAGIC)?;
    out.put(&VERSION.to_be_bytes())?;
    out.put(&header.created_ms.to_be_bytes())?;
    out.put_sized(header.store_id.as_bytes())?;
    let mut rows = 0_u64;
    for table in Table::ALL {
        let name = table.name().as_bytes();
        let length = u8::try_from(name.len()).map_err(|_| Error::corrupt("a table's name is too long"))?;
        read.scan(*table, &KeyRange::all(), &mut |key, value| {
            out.put(&[length])?;
            out.put(name)?;
            out.put_sized(key)?;
            out.put_sized(value)?;
            rows += 1;
            Ok(Step::Continue)
        })?;
    }
    out.put(&[0])?;
    out.put(&rows.to_be_bytes())?;
    let digest = out.hash.finalize();
    out.inner.write_all(&digest).and_then(|()| out.inner.flush()).map_err(Error::unavailable)?;
    Ok(rows)
}

/// Reads a backup from its beginning to its end; returns its header and the number of rows. What `visit` has seen is only
/// known to be right once this returns `Ok`.
pub(super) fn read(source: impl Source, visit: &mut Visit<'_>) -> Result<(Header, u64)> {
    let mut source = Hashed::new(source);
    if &source.take::<16>()? != MAGIC {
        return Err(Error::new(ErrorKind::InvalidRequest, "The file is not a backup of Windlass."));
    }
    let version = u32::from_be_bytes(source.take()?);
    if version != VERSION {
        let message = format!("The backup has version {version}; this build reads version {VERSION}.");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let created_ms = u64::from_be_bytes(source.take()?);
    let store_id = String::from_utf8(source.take_sized(STORE_ID_BYTES_MAX)?);
    let store_id = store_id.map_err(|_| Error::corrupt("backup: its store's identity is not text"))?;
    let mut rows = 0_u64;
    loop {
        let [length] = source.take()?;
        if length == 0 {
            break;
        }
        let mut name = vec![0; usize::from(length)];
        source.fill(&mut name)?;
        let table = Table::ALL.iter().find(|table| table.name().as_bytes() == name);
        let table = *table.ok_or_else(|| Error::corrupt("backup: a table that this build does not know"))?;
        let (key, value) = (source.take_sized(KEY_BYTES_MAX)?, source.take_sized(VALUE_BYTES_MAX)?);
        visit(table, key, value)?;
        rows += 1;
    }
    let counted = u64::from_be_bytes(source.take()?);
    let digest: [u8; 32] = source.hash.clone().finalize().into();
    let (stored, mut rest) = (source.take::<32>()?, [0]);
    if stored != digest || counted != rows {
        return Err(Error::corrupt("backup: it does not match its digest"));
    }
    match source.inner.read(&mut rest).map_err(Error::unavailable)? {
        0 => Ok((Header { created_ms, store_id }, rows)),
        _ => Err(Error::corrupt("backup: something follows its end")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meta::suite::{Model, model};
    use crate::meta::{Engine, MemoryEngine};

    fn written(model: &Model) -> (Header, Vec<u8>) {
        let engine = MemoryEngine::new();
        engine.commit(&model.iter().map(|(row, value)| (row.clone(), Some(value.clone()))).collect()).unwrap();
        let header = Header { created_ms: 5, store_id: "abc".to_owned() };
        let mut file = Vec::new();
        write(&*engine.snapshot().unwrap(), &header, &mut file).unwrap();
        (header, file)
    }

    fn reading(file: &[u8]) -> Result<(Header, Model)> {
        let mut model = Model::new();
        let (header, _) = read(file, &mut |table, key, value| {
            model.insert((table, key), value.into());
            Ok(())
        })?;
        Ok((header, model))
    }

    proptest! {
        #[test]
        fn any_rows_come_back_and_any_change_or_cut_is_noticed(
            model in model(),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let (header, mut file) = written(&model);
            prop_assert_eq!(reading(&file).unwrap(), (header, model));
            let at = at.index(file.len());
            prop_assert!(reading(&file[..at]).is_err());
            file[at] ^= 1 << bit;
            prop_assert!(reading(&file).is_err());
            file[at] ^= 1 << bit;
            file.push(0);
            prop_assert!(reading(&file).is_err());
        }
    }

    #[test]
    fn the_form_of_version_1_never_changes() {
        let row = ((Table::State, b"k".to_vec()), bytes::Bytes::from("v"));
        let (_, file) = written(&Model::from([row]));
        let expected = b"windlass-backup\n\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0\x03abc\x05state\0\0\0\x01k\0\0\0\x01v\0\0\0\0\0\0\0\0\x01";
        assert_eq!(&file[..file.len() - 32], expected);
    }
}
