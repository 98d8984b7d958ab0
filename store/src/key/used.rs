//! When keys were last used: noted in memory on every request, written in batches by a job.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::Result;
use crate::id::KeyId;
use crate::limit;
use crate::meta::Record;
use crate::meta::table::{KEY_USED, KEYS};

/// Parts that are locked each for itself, so that requests seldom wait for each other.
const PARTS: usize = 16;

/// A row of `key_used`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUsedRow {
    /// When the key was last used.
    pub last_used_ms: Millis,
}

impl Record for KeyUsedRow {
    const VERSION: u8 = 1;
}

/// Uses of keys that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct UsedKeys([Mutex<HashMap<KeyId, Millis>>; PARTS]);

impl UsedKeys {
    fn part(&self, key: KeyId) -> Option<MutexGuard<'_, HashMap<KeyId, Millis>>> {
        let [.., last] = key.0;
        let part = self.0.get(usize::from(last) % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a key is used. Beyond the bound it is forgotten: better than to remember without end.
    pub(crate) fn note(&self, key: KeyId, now: Millis) {
        let Some(mut part) = self.part(key) else { return };
        if part.len() < limit::KEYS_USED_MAX / PARTS || part.contains_key(&key) {
            let last = part.entry(key).or_default();
            *last = now.max(*last);
        }
    }

    /// When a key was last used, if that is not written yet.
    pub(crate) fn get(&self, key: KeyId) -> Option<Millis> {
        self.part(key)?.get(&key).copied()
    }

    fn all(&self) -> Vec<(KeyId, Millis)> {
        let part = |part: &Mutex<HashMap<KeyId, Millis>>| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.iter().map(|(key, last)| (*key, *last)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(part).collect()
    }

    /// Forgets what has been written, unless the key was used again.
    fn written(&self, uses: &[(KeyId, Millis)]) {
        for (key, last) in uses {
            if let Some(mut part) = self.part(*key)
                && part.get(key) == Some(last)
            {
                part.remove(key);
            }
        }
    }
}

impl Store {
    /// Writes what was noted since the last time, a bounded number of rows in each commit. Keys that are gone are passed
    /// over, so that none comes back as a row of this table.
    pub(crate) async fn flush_used_keys(&self) -> Result<()> {
        for uses in self.used_keys.all().chunks(limit::FLUSH_ROWS) {
            let rows = uses.to_vec();
            self.meta
                .write(move |tx| {
                    for (key, last_used_ms) in &rows {
                        if KEYS.contains(tx, key)? {
                            KEY_USED.put(tx, key, &KeyUsedRow { last_used_ms: *last_used_ms })?;
                        }
                    }
                    Ok(())
                })
                .await?;
            self.used_keys.written(uses);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_remembered_until_it_is_written_and_not_used_again() {
        let used = UsedKeys::default();
        let (a, b) = (KeyId([1; 16]), KeyId([2; 16]));
        used.note(a, 5);
        used.note(a, 3);
        used.note(b, 7);
        let mut all = used.all();
        all.sort_unstable();
        assert_eq!(all, [(a, 5), (b, 7)]);
        used.note(b, 8);
        used.written(&all);
        assert_eq!((used.get(a), used.get(b)), (None, Some(8)));
    }

    #[test]
    fn memory_is_bounded() {
        let used = UsedKeys::default();
        // All in one part: the last byte is the same.
        let key = |n: u32| KeyId(std::array::from_fn(|at| n.to_be_bytes().get(at).copied().unwrap_or_default()));
        let most = limit::KEYS_USED_MAX / PARTS;
        (0..most as u32 + 10).for_each(|n| used.note(key(n), 1));
        used.note(key(0), 2);
        assert_eq!(used.all().len(), most);
        assert_eq!(used.get(key(0)), Some(2));
    }
}
