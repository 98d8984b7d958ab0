//! The reference model: an engine that is plainly right. Tests compare other engines with it, and `--ephemeral` runs
//! on it.
//!
//! A table is a map behind an `Arc`, and a snapshot is a clone of the `Arc`s. A commit copies a table only when a
//! snapshot still looks at it, so its cost grows with the table while readers are about: fine for tests, not for bulk.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::engine::{Changes, Engine, KeyRange, Read, Step, Visitor};
use super::table::Table;
use crate::error::Result;

/// One table's rows in order.
type Rows = BTreeMap<Vec<u8>, Bytes>;
/// All tables that ever held a row.
type Tables = BTreeMap<Table, Arc<Rows>>;

/// An engine in memory; what it holds ends with it.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    tables: RwLock<Tables>,
}

impl MemoryEngine {
    /// An empty engine.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Result<Box<dyn Read>> {
        // Nothing panics while the lock is held, so a poisoned lock still guards whole tables; likewise below.
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(Snapshot(tables.clone())))
    }

    fn commit(&self, changes: &Changes) -> Result<()> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for ((table, key), value) in changes {
            let rows = Arc::make_mut(tables.entry(*table).or_default());
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(())
    }

    fn size_bytes(&self) -> Result<u64> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner).clone();
        let rows = tables.values().flat_map(|rows| rows.iter());
        Ok(rows.map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
}

struct Snapshot(Tables);

impl Read for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.0.get(&table).and_then(|rows| rows.get(key)).cloned())
    }

    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        let Some(rows) = self.0.get(&table).filter(|_| !range.is_empty()) else {
            return Ok(());
        };
        for (key, value) in rows.range((range.from.clone(), range.to.clone())) {
            if visit(key, value)? == Step::Stop {
                break;
            }
        }
        Ok(())
    }

    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        let Some(rows) = self.0.get(&table).filter(|_| !range.is_empty()) else {
            return Ok(());
        };
        for (key, value) in rows.range((range.from.clone(), range.to.clone())).rev() {
            if visit(key, value)? == Step::Stop {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::meta::suite::engine_suite!(|| (MemoryEngine::new(), ()));

    #[test]
    fn the_size_is_that_of_the_rows() {
        let engine = MemoryEngine::new();
        assert_eq!(engine.size_bytes().unwrap(), 0);
        engine.commit(&Changes::from([((Table::State, b"abc".to_vec()), Some("de".into()))])).unwrap();
        assert_eq!(engine.size_bytes().unwrap(), 5);
    }
}
