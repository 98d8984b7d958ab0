//! Organisations: the owners of buckets and keys, and the canonical users of the S3 door.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::meta::table::{IdRow, ORG_BY_NAME, ORGS};
use crate::meta::{Record, Tx};

/// A stored organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgRow {
    /// Its unique name.
    pub name: String,
    /// When it was made.
    pub created_ms: Millis,
}

impl Record for OrgRow {
    const VERSION: u8 = 1;
}

/// Finds the organisation of that name or makes it. Names are 1–64 of `a-z 0-9 -`.
pub fn ensure(tx: &mut Tx<'_>, name: &str) -> Result<OrgId> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let message = format!("organisation name {name:?}: 1 to 64 of a-z, 0-9 and -");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    if let Some(IdRow(id)) = ORG_BY_NAME.get(tx, &name.to_owned())? {
        return Ok(OrgId(id));
    }
    let id = OrgId::generate(tx.now())?;
    ORGS.put(tx, &id, &OrgRow { name: name.to_owned(), created_ms: tx.now() })?;
    ORG_BY_NAME.put(tx, &name.to_owned(), &IdRow(id.0))?;
    Ok(id)
}
