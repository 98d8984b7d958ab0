//! What a backup holds back.

use bytes::Bytes;

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::BackupId;
use crate::meta::table::{Table, state_delete, state_put};
use crate::meta::{KeyRange, Read, Step, Tx};

const PREFIX: &str = "backup_hold/";
const VERSION: u8 = 1;

/// A backup that may yet be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupHold {
    /// The backup.
    pub id: BackupId,
    /// Its place in the sequence of writes: what became garbage from there on is kept.
    pub sequence: u64,
    /// When it was taken.
    pub created_ms: Millis,
    /// Until when it is kept.
    pub expires_ms: Millis,
}

impl BackupHold {
    fn to_bytes(self) -> Bytes {
        let numbers = [self.sequence, self.created_ms, self.expires_ms].map(u64::to_be_bytes).concat();
        [&[VERSION], numbers.as_slice()].concat().into()
    }

    fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let id = BackupId::parse(std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?)?;
        let (&VERSION, rest) = value.split_first()? else { return None };
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (created, expires) = rest.split_first_chunk::<8>()?;
        let expires = expires.try_into().ok()?;
        let [sequence, created_ms, expires_ms] = [*sequence, *created, expires].map(u64::from_be_bytes);
        Some(Self { id, sequence, created_ms, expires_ms })
    }

    pub(super) fn put(self, tx: &mut Tx<'_>) {
        state_put(tx, &format!("{PREFIX}{}", self.id), self.to_bytes());
    }

    pub(super) fn delete(id: BackupId, tx: &mut Tx<'_>) {
        state_delete(tx, &format!("{PREFIX}{id}"));
    }
}

fn holds(read: &dyn Read) -> Result<Vec<BackupHold>> {
    let mut holds = Vec::new();
    read.scan(Table::State, &KeyRange::prefix(PREFIX.as_bytes()), &mut |key, value| {
        holds.push(BackupHold::read(key, value).ok_or_else(|| Error::corrupt("the hold of a backup"))?);
        Ok(Step::Continue)
    })?;
    Ok(holds)
}

/// The sequence from which on garbage must be kept, if any; and whether there are holds that have expired.
pub(crate) fn held_from(read: &dyn Read, now: Millis) -> Result<(Option<u64>, bool)> {
    let holds = holds(read)?;
    let from = holds.iter().filter(|hold| hold.expires_ms > now).map(|hold| hold.sequence).min();
    Ok((from, holds.iter().any(|hold| hold.expires_ms <= now)))
}

/// Forgets the holds that have expired.
pub(crate) fn drop_expired(tx: &mut Tx<'_>, now: Millis) -> Result<()> {
    let expired = holds(tx)?.into_iter().filter(|hold| hold.expires_ms <= now);
    expired.for_each(|hold| BackupHold::delete(hold.id, tx));
    Ok(())
}

impl Store {
    /// The backups that garbage is kept for, and those whose hold has just expired.
    pub fn backup_holds(&self) -> Result<Vec<BackupHold>> {
        self.meta.read(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_comes_back_from_its_row() {
        let hold = BackupHold { id: BackupId([7; 16]), sequence: 1, created_ms: 2, expires_ms: 1 << 60 };
        let key = format!("{PREFIX}{}", hold.id);
        assert_eq!(BackupHold::read(key.as_bytes(), &hold.to_bytes()), Some(hold));
        assert_eq!(BackupHold::read(key.as_bytes(), &hold.to_bytes()[..24]), None);
        let numbers = [&[1][..], &[0; 7], &[1], &[0; 7], &[2], &[0x10], &[0; 7]].concat();
        assert_eq!(hold.to_bytes(), numbers, "the form of version 1 never changes");
        assert_eq!(BackupHold::read(b"backup_hold/x", &hold.to_bytes()), None);
    }
}
