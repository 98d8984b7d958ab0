//! The overlay that lets many operations share one commit.
//!
//! A batch is one snapshot and the changes that are pending on top of it. An operation reads through both, so it sees
//! its own writes and those of the operations before it. Every write notes in the operation's undo log what the
//! overlay held before; when the operation fails, the log is replayed backwards, and the pending changes are exactly
//! what they were before it began. The snapshot is never touched, so this needs nothing of the engine.

use std::any::Any;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::engine::{Changes, KeyRange, Read, Step, Visitor};
use super::table::Table;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};

/// The row of `Table::State` that holds the last sequence number given out, big-endian.
const SEQUENCE: &[u8] = b"sequence";

/// A row's address.
type Row = (Table, Vec<u8>);
/// What is pending for a row: its new value, or `None` to delete it.
type Pending = Option<Bytes>;

/// One snapshot and what the next commit changes on top of it.
pub(super) struct Batch {
    snapshot: Box<dyn Read>,
    now: Millis,
    changes: Changes,
    bytes: usize,
}

impl Batch {
    /// A batch that changes nothing yet. All its operations share `now`.
    pub(super) fn new(snapshot: Box<dyn Read>, now: Millis) -> Self {
        Self { snapshot, now, changes: Changes::new(), bytes: 0 }
    }

    /// Runs one operation. If it fails, none of its writes remain; a panic is a failure of kind `Internal`.
    pub(super) fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut tx = Tx { batch: self, undo: Vec::new() };
        // A panic cannot leave the overlay half-written: it only ever changes through `set`, and is rolled back below.
        let outcome = catch_unwind(AssertUnwindSafe(|| rule(&mut tx)));
        let undo = tx.undo;
        let result = outcome.unwrap_or_else(|panic| Err(panicked(&*panic)));
        if result.is_err() {
            self.roll_back(undo);
        }
        result
    }

    /// Bytes of the pending changes: keys and new values.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What to commit. Drops the snapshot, so that the commit can reuse the space only the snapshot still needed.
    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Sets what is pending for a row (`None`: nothing) and returns what was.
    fn set(&mut self, row: Row, pending: Option<Pending>) -> Option<Pending> {
        let key_bytes = row.1.len();
        let weight = |p: &Pending| key_bytes + p.as_ref().map_or(0, Bytes::len);
        let added = pending.as_ref().map_or(0, weight);
        let before = match pending {
            Some(pending) => self.changes.insert(row, pending),
            None => self.changes.remove(&row),
        };
        self.bytes = (self.bytes + added).saturating_sub(before.as_ref().map_or(0, weight));
        before
    }

    fn roll_back(&mut self, undo: Vec<(Row, Option<Pending>)>) {
        for (row, before) in undo.into_iter().rev() {
            self.set(row, before);
        }
    }

    /// The pending changes to one table's rows in a range that is not empty, in order.
    fn pending(&self, table: Table, range: &KeyRange) -> impl Iterator<Item = (&[u8], Option<&Bytes>)> {
        let from = match &range.from {
            Bound::Unbounded => Bound::Included((table, Vec::new())),
            bound => bound.clone().map(|key| (table, key)),
        };
        let to = range.to.clone().map(|key| (table, key));
        let rows = self.changes.range((from, to)).take_while(move |((of, _), _)| *of == table);
        rows.map(|((_, key), pending)| (key.as_slice(), pending.as_ref()))
    }
}

/// The error that answers an operation that panicked; what it said goes to the log.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let said = said.unwrap_or("no message");
    tracing::error!(panic = said, "an operation on the metadata panicked and was rolled back");
    Error::new(ErrorKind::Internal, "We encountered an internal error. Please try again.").because(said)
}

/// One operation's view of what its batch would commit, and its pen. Reads see the operation's own writes, those of
/// earlier operations of the batch, and everything committed before.
pub struct Tx<'a> {
    batch: &'a mut Batch,
    undo: Vec<(Row, Option<Pending>)>,
}

impl Tx<'_> {
    /// Writes one row.
    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Bytes) {
        self.write((table, key), Some(value));
    }

    /// Removes one row, if it is there.
    pub fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.write((table, key), None);
    }

    /// The time of this commit: the same for the whole batch, and never less than that of an earlier commit of this
    /// process.
    pub fn now(&self) -> Millis {
        self.batch.now
    }

    /// The next number of the one sequence that orders all writes, from 1, across restarts. An operation that fails
    /// gives its numbers back. `Corrupt` if the stored number is not one.
    pub fn next_sequence(&mut self) -> Result<u64> {
        let next = self.last_sequence()?.checked_add(1).ok_or_else(|| Error::corrupt("the sequence has run out"))?;
        self.put(Table::State, SEQUENCE.to_vec(), Bytes::copy_from_slice(&next.to_be_bytes()));
        Ok(next)
    }

    /// The last number of the sequence that was given out; 0 before the first. `Corrupt` if the stored number is not one.
    pub fn last_sequence(&self) -> Result<u64> {
        let Some(row) = self.get(Table::State, SEQUENCE)? else { return Ok(0) };
        let row = row.as_ref().try_into().map_err(|_| Error::corrupt("the sequence row is not 8 bytes"))?;
        Ok(u64::from_be_bytes(row))
    }

    fn write(&mut self, row: Row, pending: Pending) {
        let before = self.batch.set(row.clone(), Some(pending));
        self.undo.push((row, before));
    }
}

impl Read for Tx<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        // The first operation of a batch mostly reads before anything is pending: spare it the copy of the key.
        if !self.batch.changes.is_empty()
            && let Some(pending) = self.batch.changes.get(&(table, key.to_vec()))
        {
            return Ok(pending.clone());
        }
        self.batch.snapshot.get(table, key)
    }

    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let snapshot = &self.batch.snapshot;
        let pending = self.batch.pending(table, range);
        merge(pending, |a, b| a <= b, |visit| snapshot.scan(table, range, visit), visit)
    }

    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let snapshot = &self.batch.snapshot;
        // A batch is small enough to be turned round.
        let pending: Vec<_> = self.batch.pending(table, range).collect();
        merge(pending.into_iter().rev(), |a, b| a >= b, |visit| snapshot.scan_back(table, range, visit), visit)
    }
}

/// Visits the rows of a snapshot, as `scan` does, with what is pending in their place and between them. `is_due` says
/// whether a pending row's key comes before another one or is the same.
fn merge<'a>(
    pending: impl Iterator<Item = (&'a [u8], Option<&'a Bytes>)>,
    is_due: impl Fn(&[u8], &[u8]) -> bool,
    scan: impl FnOnce(&mut Visitor<'_>) -> Result<()>,
    visit: &mut Visitor<'_>,
) -> Result<()> {
    let mut pending = pending.peekable();
    if pending.peek().is_none() {
        return scan(visit);
    }
    let mut stopped = false;
    scan(&mut |key, value| {
        let mut hidden = false;
        while let Some((pending_key, pending)) = pending.next_if(|(pending_key, _)| is_due(pending_key, key)) {
            hidden = pending_key == key;
            if let Some(pending) = pending
                && visit(pending_key, pending)? == Step::Stop
            {
                stopped = true;
                return Ok(Step::Stop);
            }
        }
        if hidden {
            return Ok(Step::Continue);
        }
        let step = visit(key, value)?;
        stopped = step == Step::Stop;
        Ok(step)
    })?;
    if stopped {
        return Ok(());
    }
    for (key, pending) in pending {
        if let Some(pending) = pending
            && visit(key, pending)? == Step::Stop
        {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::meta::engine::Engine;
    use crate::meta::memory::MemoryEngine;
    use crate::meta::suite;

    type Model = BTreeMap<Row, Bytes>;

    fn batch_over(engine: &MemoryEngine) -> Batch {
        Batch::new(engine.snapshot().unwrap(), 7)
    }

    /// An operation that writes one row.
    fn put(key: &'static [u8], value: &'static str) -> impl FnOnce(&mut Tx<'_>) -> Result<()> {
        move |tx| {
            tx.put(Table::State, key.to_vec(), value.into());
            Ok(())
        }
    }

    fn refused<T>() -> Result<T> {
        Err(Error::new(ErrorKind::InvalidRequest, "refused"))
    }

    #[test]
    fn an_operation_sees_its_own_writes_and_those_before_it() {
        let mut batch = batch_over(&MemoryEngine::new());
        batch.run(put(b"a", "1")).unwrap();
        let seen = batch.run(|tx| {
            tx.put(Table::State, b"b".to_vec(), "2".into());
            Ok((tx.get(Table::State, b"a")?, tx.get(Table::State, b"b")?, tx.now()))
        });
        assert_eq!(seen.unwrap(), (Some("1".into()), Some("2".into()), 7));
    }

    #[test]
    fn a_failed_or_panicking_operation_leaves_no_trace() {
        let mut batch = batch_over(&MemoryEngine::new());
        batch.run(put(b"a", "1")).unwrap();
        let scribble = |tx: &mut Tx<'_>| {
            tx.put(Table::State, b"a".to_vec(), "changed".into());
            tx.delete(Table::State, b"a".to_vec());
            tx.put(Table::Objects, b"b".to_vec(), "new".into());
        };
        let before = (batch.changes.clone(), batch.bytes);

        let error = batch.run(|tx| {
            scribble(tx);
            refused::<()>()
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!((batch.changes.clone(), batch.bytes), before);

        let error = batch.run::<()>(|tx| {
            scribble(tx);
            panic!("a rule's bug");
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!((batch.changes.clone(), batch.bytes), before);
    }

    #[test]
    fn the_sequence_starts_at_one_and_survives_commits_but_not_failures() {
        let engine = MemoryEngine::new();
        let mut batch = batch_over(&engine);
        assert_eq!(batch.run(|tx| Ok((tx.next_sequence()?, tx.next_sequence()?))).unwrap(), (1, 2));
        batch.run(|tx| tx.next_sequence().and_then(|_| refused::<()>())).unwrap_err();
        assert_eq!(batch.run(|tx| tx.next_sequence()).unwrap(), 3);
        engine.commit(&batch.into_changes()).unwrap();
        assert_eq!(batch_over(&engine).run(|tx| tx.next_sequence()).unwrap(), 4);
    }

    #[test]
    fn a_sequence_row_of_the_wrong_size_is_corrupt() {
        let mut batch = batch_over(&MemoryEngine::new());
        batch.run(put(SEQUENCE, "x")).unwrap();
        assert_eq!(batch.run(|tx| tx.next_sequence()).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Put(Table, Vec<u8>, Bytes),
        Delete(Table, Vec<u8>),
        Get(Table, Vec<u8>),
        Scan(Table, KeyRange, usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (suite::table(), suite::key(), suite::value()).prop_map(|(t, k, v)| Act::Put(t, k, v)),
            (suite::table(), suite::key()).prop_map(|(t, k)| Act::Delete(t, k)),
            (suite::table(), suite::key()).prop_map(|(t, k)| Act::Get(t, k)),
            (suite::table(), suite::range(), 0..6_usize).prop_map(|(t, r, n)| Act::Scan(t, r, n)),
        ]
    }

    /// Does to both what the act says, and compares what they show.
    fn perform(act: Act, tx: &mut Tx<'_>, model: &mut Model) {
        match act {
            Act::Put(table, key, value) => {
                tx.put(table, key.clone(), value.clone());
                model.insert((table, key), value);
            }
            Act::Delete(table, key) => {
                tx.delete(table, key.clone());
                model.remove(&(table, key));
            }
            Act::Get(table, key) => assert_eq!(tx.get(table, &key).unwrap(), model.get(&(table, key)).cloned()),
            Act::Scan(table, range, limit) => {
                assert_eq!(suite::rows(tx, table, &range, limit), suite::model_rows(model, table, &range, limit));
                let mut back = suite::model_rows(model, table, &range, usize::MAX);
                back.reverse();
                back.truncate(limit);
                assert_eq!(suite::rows_back(tx, table, &range, limit), back);
            }
        }
    }

    proptest! {
        #[test]
        fn any_operations_equal_the_same_on_a_map(
            base in suite::model(),
            operations in prop::collection::vec((prop::collection::vec(act(), 0..12), any::<bool>()), 0..8),
        ) {
            let engine = MemoryEngine::new();
            engine.commit(&base.iter().map(|(row, value)| (row.clone(), Some(value.clone()))).collect()).unwrap();
            let (mut batch, mut model) = (batch_over(&engine), base);
            for (acts, fails) in operations {
                let mut after = model.clone();
                let result = batch.run(|tx| {
                    acts.into_iter().for_each(|act| perform(act, tx, &mut after));
                    if fails { refused() } else { Ok(()) }
                });
                prop_assert_eq!(result.is_err(), fails);
                if !fails {
                    model = after;
                }
            }
            let weights = batch.changes.iter().map(|((_, key), value)| key.len() + value.as_ref().map_or(0, Bytes::len));
            prop_assert_eq!(batch.bytes(), weights.sum::<usize>());
            engine.commit(&batch.into_changes()).unwrap();
            suite::assert_equals_model(&*engine.snapshot().unwrap(), &model);
        }
    }
}
