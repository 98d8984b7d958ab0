//! Rows that every request reads and hardly any commit changes, kept as they were decoded: who has a key, and what is set on a
//! bucket. To find and decode them costs more than most of what is done with them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::Changes;
use super::table::Table;
use crate::limit;
use crate::spread::Spread;

/// The tables whose rows are kept.
const TABLES: [Table; 5] =
    [Table::Keys, Table::KeyByAccessId, Table::KeyByTokenHash, Table::Buckets, Table::BucketByName];

/// A table and a key of it.
pub type At = (Table, Vec<u8>);
/// A row, whatever its type is.
pub type Row = Arc<dyn Any + Send + Sync>;

/// What was decoded of one state of these tables. Each thread has what it came by itself.
#[derive(Default)]
pub(super) struct Kept(Spread<Mutex<HashMap<At, Row>>>);

impl Kept {
    /// A row, if it is kept.
    pub(super) fn get(&self, at: &At) -> Option<Row> {
        if TABLES.contains(&at.0) { self.mine().get(at).cloned() } else { None }
    }

    /// Keeps a row of these tables. When there are too many, keeping begins anew.
    pub(super) fn keep(&self, at: At, row: Row) {
        if !TABLES.contains(&at.0) {
            return;
        }
        let mut mine = self.mine();
        if mine.len() >= limit::ROWS_KEPT_MAX {
            mine.clear();
        }
        mine.insert(at, row);
    }

    fn mine(&self) -> MutexGuard<'_, HashMap<At, Row>> {
        self.0.mine().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of the latest state, and the number of that state: odd while it is changed, when nobody knows which one a
/// snapshot shows.
#[derive(Default)]
pub(super) struct Latest {
    number: AtomicU64,
    kept: Mutex<(u64, Arc<Kept>)>,
}

impl Latest {
    /// Before a commit.
    pub(super) fn changing(&self, changes: &Changes) {
        let touches = |table: &Table| {
            let from = (*table, Vec::new());
            changes.range(from..).next().is_some_and(|((first, _), _)| first == table)
        };
        if TABLES.iter().any(touches) {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// After a commit, whatever came of it.
    pub(super) fn changed(&self) {
        // Only the writer changes the number.
        if self.number.load(Ordering::SeqCst) % 2 == 1 {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whatever was kept is of another engine.
    pub(super) fn begin_anew(&self) {
        self.number.fetch_add(2, Ordering::SeqCst);
    }

    /// A snapshot, and what is kept of the state that it shows.
    pub(super) fn with<T>(&self, take: impl FnOnce() -> T) -> (T, Arc<Kept>) {
        let before = self.number.load(Ordering::SeqCst);
        let snapshot = take();
        if before % 2 == 1 || self.number.load(Ordering::SeqCst) != before {
            return (snapshot, Arc::default());
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 < before {
            *kept = (before, Arc::default());
        }
        // Who comes late with an older one has none to share.
        let kept = if kept.0 == before { Arc::clone(&kept.1) } else { Arc::default() };
        (snapshot, kept)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use bytes::Bytes;

    use super::*;
    use crate::clock::ManualClock;
    use crate::error::Result;
    use crate::id::OrgId;
    use crate::meta::table::{BUCKET_BY_NAME, BUCKET_BY_ORG, IdRow, KEY_BY_ACCESS_ID};
    use crate::meta::{Engine, KeyRange, MemoryEngine, Meta, Read, Tx, Visitor};

    /// An engine that counts the rows that are asked of it.
    #[derive(Default)]
    struct Asked {
        inner: MemoryEngine,
        count: Arc<AtomicU64>,
    }

    struct AskedSnapshot {
        inner: Box<dyn Read>,
        count: Arc<AtomicU64>,
    }

    impl Engine for Asked {
        fn snapshot(&self) -> Result<Box<dyn Read>> {
            Ok(Box::new(AskedSnapshot { inner: self.inner.snapshot()?, count: Arc::clone(&self.count) }))
        }
        fn commit(&self, changes: &Changes) -> Result<()> {
            self.inner.commit(changes)
        }
        fn size_bytes(&self) -> Result<u64> {
            self.inner.size_bytes()
        }
    }

    impl Read for AskedSnapshot {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
            self.count.fetch_add(1, Ordering::SeqCst);
            self.inner.get(table, key)
        }
        fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
            self.inner.scan(table, range, visit)
        }
        fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
            self.inner.scan_back(table, range, visit)
        }
    }

    /// With it, how many rows were asked of the engine since that was asked last.
    fn open() -> (Meta, impl Fn() -> u64) {
        let engine = Asked::default();
        let count = Arc::clone(&engine.count);
        let meta = Meta::open(Arc::new(engine), Arc::new(ManualClock::at(1_000))).unwrap();
        (meta, move || count.swap(0, Ordering::SeqCst))
    }

    fn row(n: u64) -> IdRow {
        IdRow(u128::from(n).to_be_bytes())
    }

    fn number(row: &IdRow) -> u64 {
        u128::from_be_bytes(row.0) as u64
    }

    /// Gives both rows the same number.
    fn set(meta: &Meta, n: u64) {
        let both = move |tx: &mut Tx<'_>| {
            BUCKET_BY_NAME.put(tx, &"a".to_owned(), &row(n))?;
            KEY_BY_ACCESS_ID.put(tx, &"a".to_owned(), &row(n))
        };
        meta.write_blocking(both).unwrap();
    }

    fn change(meta: &Meta, rule: impl Fn(&mut Tx<'_>) + Send + 'static) {
        let rule = move |tx: &mut Tx<'_>| {
            rule(tx);
            Ok(())
        };
        meta.write_blocking(rule).unwrap();
    }

    fn seen(read: &dyn Read) -> Result<(Option<u64>, Option<u64>)> {
        let numbers = [&BUCKET_BY_NAME, &KEY_BY_ACCESS_ID].map(|table| table.get_kept(read, &"a".to_owned()));
        let [bucket, key] = numbers.map(|row| row.unwrap().as_deref().map(number));
        Ok((bucket, key))
    }

    #[test]
    fn rows_are_read_once_until_a_commit_changes_such_rows() {
        let (meta, asked) = open();
        assert_eq!(meta.read(seen).unwrap(), (None, None), "what is missing is not kept");
        set(&meta, 1);
        asked();
        assert_eq!((meta.read(seen).unwrap(), asked()), ((Some(1), Some(1)), 2));
        let before = meta.counters().rows_read;
        assert_eq!((meta.read(seen).unwrap(), asked()), ((Some(1), Some(1)), 0));
        assert_eq!(meta.counters().rows_read - before, 2, "they count as read");
        change(&meta, |tx| tx.put(Table::Objects, b"a".to_vec(), "1".into()));
        assert_eq!((meta.read(seen).unwrap(), asked()), ((Some(1), Some(1)), 0));
        meta.read(|old| {
            set(&meta, 2);
            assert_eq!(seen(old)?, (Some(1), Some(1)), "a read that has begun sees no later commit");
            assert_eq!(meta.read(seen)?, (Some(2), Some(2)));
            Ok(())
        })
        .unwrap();
        assert_eq!(asked(), 2);
        change(&meta, |tx| BUCKET_BY_NAME.delete(tx, &"a".to_owned()));
        assert_eq!(meta.read(seen).unwrap(), (None, Some(2)));
    }

    #[test]
    fn a_rule_reads_what_it_wrote_and_other_tables_are_not_kept() {
        let (meta, asked) = open();
        let other = (OrgId([1; 16]), "b".to_owned());
        let at = other.clone();
        set(&meta, 1);
        meta.read(seen).unwrap();
        let rule = move |tx: &mut Tx<'_>| {
            BUCKET_BY_NAME.put(tx, &"a".to_owned(), &row(7))?;
            BUCKET_BY_ORG.put(tx, &at, &row(1))?;
            seen(tx)
        };
        assert_eq!(meta.write_blocking(rule).unwrap(), (Some(7), Some(1)));
        asked();
        for _ in 0..2 {
            assert!(meta.read(|read| BUCKET_BY_ORG.get_kept(read, &other)).unwrap().is_some());
        }
        assert_eq!(asked(), 2);
    }

    #[test]
    fn memory_is_bounded() {
        let kept = Kept::default();
        for n in 0..3 * limit::ROWS_KEPT_MAX {
            kept.keep((Table::Keys, n.to_be_bytes().to_vec()), Arc::new(n));
            assert!(kept.mine().len() <= limit::ROWS_KEPT_MAX);
        }
        assert!(kept.get(&(Table::Keys, 5_usize.to_be_bytes().to_vec())).is_none());
    }

    /// Readers and a writer at once: no read sees one row before and another after a commit, nor less than was acknowledged.
    #[test]
    fn kept_rows_are_of_one_state_and_never_behind() {
        let ((meta, _), acknowledged, ends) = (open(), AtomicU64::new(0), AtomicBool::new(false));
        set(&meta, 0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !ends.load(Ordering::SeqCst) {
                        let at_least = acknowledged.load(Ordering::SeqCst);
                        let (bucket, key) = meta.read(seen).unwrap();
                        assert_eq!(bucket, key);
                        assert!(bucket >= Some(at_least), "{bucket:?} after {at_least}");
                    }
                });
            }
            for n in 1..=3_000 {
                set(&meta, n);
                acknowledged.store(n, Ordering::SeqCst);
            }
            ends.store(true, Ordering::SeqCst);
        });
    }
}
