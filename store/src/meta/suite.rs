//! The contract: what every engine does, as tests. An engine's own tests call `engine_suite!` with how to make a fresh
//! one and what must outlive it.

use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::engine::{Changes, Engine, KeyRange, Read, Step};
use super::table::Table;
use crate::error::{Error, ErrorKind};

/// What an engine must equal.
pub(crate) type Model = BTreeMap<(Table, Vec<u8>), Bytes>;

/// The contract's tests for the engine that `$fresh` makes: a function to `(engine, what keeps it alive)`.
macro_rules! engine_suite {
    ($fresh:expr) => {
        crate::meta::suite::engine_suite! { $fresh;
            a_row_is_what_was_put_last
            rows_come_in_the_order_of_their_bytes
            a_scan_keeps_to_its_range
            a_scan_stops_when_told_and_passes_errors_on
            a_snapshot_does_not_change
            a_commit_changes_many_tables_at_once
            values_may_be_empty_or_large
            any_commits_equal_the_same_on_a_map
        }
    };
    ($fresh:expr; $($claim:ident)*) => {$(
        #[test]
        fn $claim() {
            let (engine, _alive) = ($fresh)();
            crate::meta::suite::$claim(&engine);
        }
    )*};
}
pub(crate) use engine_suite;

/// One of three tables, neighbours in the list and not.
pub(crate) fn table() -> impl Strategy<Value = Table> {
    prop_oneof![Just(Table::State), Just(Table::Orgs), Just(Table::Objects)]
}

/// A short key over few letters, the lowest and the highest byte among them; may be empty.
pub(crate) fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0_u8), Just(b'a'), Just(b'b'), Just(0xFF)], 0..4)
}

/// A short value; may be empty.
pub(crate) fn value() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..5).prop_map(Bytes::from)
}

/// Any range, inverted ones too.
pub(crate) fn range() -> impl Strategy<Value = KeyRange> {
    let bound = || prop_oneof![Just(Unbounded), key().prop_map(Included), key().prop_map(Excluded)];
    prop_oneof![
        (bound(), bound()).prop_map(|(from, to)| KeyRange { from, to }),
        key().prop_map(|prefix| KeyRange::prefix(&prefix)),
    ]
}

/// Some rows.
pub(crate) fn model() -> impl Strategy<Value = Model> {
    prop::collection::btree_map((table(), key()), value(), 0..20)
}

/// The first `limit` rows of a range.
pub(crate) fn rows(read: &dyn Read, table: Table, range: &KeyRange, limit: usize) -> Vec<(Vec<u8>, Bytes)> {
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        if rows.len() < limit {
            rows.push((key.to_vec(), Bytes::copy_from_slice(value)));
        }
        Ok(if rows.len() < limit { Step::Continue } else { Step::Stop })
    };
    read.scan(table, range, visit).unwrap();
    rows
}

/// The last `limit` rows of a range, the last one first.
pub(crate) fn rows_back(read: &dyn Read, table: Table, range: &KeyRange, limit: usize) -> Vec<(Vec<u8>, Bytes)> {
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        if rows.len() < limit {
            rows.push((key.to_vec(), Bytes::copy_from_slice(value)));
        }
        Ok(if rows.len() < limit { Step::Continue } else { Step::Stop })
    };
    read.scan_back(table, range, visit).unwrap();
    rows
}

/// What `rows` should show.
pub(crate) fn model_rows(model: &Model, table: Table, range: &KeyRange, limit: usize) -> Vec<(Vec<u8>, Bytes)> {
    let after = |key: &Vec<u8>| match &range.from {
        Unbounded => true,
        Included(from) => key >= from,
        Excluded(from) => key > from,
    };
    let before = |key: &Vec<u8>| match &range.to {
        Unbounded => true,
        Included(to) => key <= to,
        Excluded(to) => key < to,
    };
    let of_table = model.iter().filter(|((of, key), _)| *of == table && after(key) && before(key));
    of_table.map(|((_, key), value)| (key.clone(), value.clone())).take(limit).collect()
}

/// Asserts that every table holds the model's rows and no others.
pub(crate) fn assert_equals_model(read: &dyn Read, model: &Model) {
    for table in Table::ALL {
        let all = KeyRange::all();
        assert_eq!(rows(read, *table, &all, usize::MAX), model_rows(model, *table, &all, usize::MAX), "{table:?}");
    }
}

fn commit(engine: &dyn Engine, rows: &[(&[u8], Option<&'static str>)]) {
    let changes = rows.iter().map(|(key, value)| ((Table::Objects, key.to_vec()), value.map(Bytes::from)));
    engine.commit(&changes.collect()).unwrap();
}

fn clear(engine: &dyn Engine) {
    let snapshot = engine.snapshot().unwrap();
    let of_table = |table: &Table| (*table, rows(&*snapshot, *table, &KeyRange::all(), usize::MAX));
    let all = Table::ALL.iter().map(of_table);
    let deletions = all.flat_map(|(table, rows)| rows.into_iter().map(move |(key, _)| ((table, key), None)));
    engine.commit(&deletions.collect()).unwrap();
}

fn keys_in(engine: &dyn Engine, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Vec<Vec<u8>> {
    let range = KeyRange { from: from.map(<[u8]>::to_vec), to: to.map(<[u8]>::to_vec) };
    let rows = rows(&*engine.snapshot().unwrap(), Table::Objects, &range, usize::MAX);
    rows.into_iter().map(|(key, _)| key).collect()
}

pub(crate) fn a_row_is_what_was_put_last(engine: &dyn Engine) {
    let get = |table, key: &[u8]| engine.snapshot().unwrap().get(table, key).unwrap();
    assert_eq!(get(Table::Objects, b"a"), None);
    commit(engine, &[(b"a", Some("1")), (b"b", Some("2"))]);
    commit(engine, &[(b"a", Some("3")), (b"b", None), (b"never there", None)]);
    assert_eq!(get(Table::Objects, b"a"), Some("3".into()));
    assert_eq!(get(Table::Objects, b"b"), None);
    assert_eq!(get(Table::Orgs, b"a"), None, "a key belongs to its table");
}

pub(crate) fn rows_come_in_the_order_of_their_bytes(engine: &dyn Engine) {
    let mut keys: Vec<&[u8]> = vec![b"b", b"", b"\xff\xff", b"\x00", b"a\x00", b"\xff", b"a", b"a\xff", b"\x00\x00"];
    for key in &keys {
        commit(engine, &[(key, Some("v"))]);
    }
    keys.sort();
    assert_eq!(keys_in(engine, Unbounded, Unbounded), keys);
}

pub(crate) fn a_scan_keeps_to_its_range(engine: &dyn Engine) {
    commit(engine, &[(b"a", Some("")), (b"b", Some("")), (b"b\xff", Some("")), (b"c", Some("")), (b"\xff", Some(""))]);
    let keys = |from, to| keys_in(engine, from, to).concat();
    assert_eq!(keys(Included(b"b"), Unbounded), b"bb\xffc\xff");
    assert_eq!(keys(Excluded(b"b"), Included(b"c")), b"b\xffc");
    assert_eq!(keys(Included(b"b"), Excluded(b"c")), b"bb\xff");
    assert_eq!(keys(Unbounded, Excluded(b"b")), b"a");
    assert_eq!(keys(Included(b"b"), Included(b"b")), b"b");
    // Between two keys, beyond the last, empty and inverted.
    assert_eq!(keys(Included(b"b\x00"), Included(b"b\x01")), b"");
    assert_eq!(keys(Excluded(b"\xff"), Unbounded), b"");
    assert_eq!(keys(Excluded(b"b"), Excluded(b"b")), b"");
    assert_eq!(keys(Included(b"c"), Excluded(b"a")), b"");
    assert_eq!(keys(Excluded(b"c"), Included(b"a")), b"");

    let snapshot = engine.snapshot().unwrap();
    let with_prefix = |prefix: &[u8]| rows(&*snapshot, Table::Objects, &KeyRange::prefix(prefix), usize::MAX).len();
    assert_eq!([with_prefix(b"b"), with_prefix(b"\xff"), with_prefix(b"d"), with_prefix(b"")], [2, 1, 0, 5]);
}

pub(crate) fn a_scan_stops_when_told_and_passes_errors_on(engine: &dyn Engine) {
    commit(engine, &[(b"a", Some("1")), (b"b", Some("2")), (b"c", Some("3"))]);
    let snapshot = engine.snapshot().unwrap();
    assert_eq!(rows(&*snapshot, Table::Objects, &KeyRange::all(), 2).len(), 2);

    let mut visited = 0;
    let result = snapshot.scan(Table::Objects, &KeyRange::all(), &mut |_, _| {
        visited += 1;
        Err(Error::new(ErrorKind::InvalidRequest, "enough"))
    });
    assert_eq!((result.unwrap_err().kind(), visited), (ErrorKind::InvalidRequest, 1));

    let nested = snapshot.scan(Table::Objects, &KeyRange::all(), &mut |key, value| {
        assert_eq!(snapshot.get(Table::Objects, key)?.as_deref(), Some(value), "a visitor may read");
        assert_eq!(snapshot.get(Table::Usage, key)?, None, "of a table not yet looked at, too");
        Ok(Step::Continue)
    });
    nested.unwrap();
}

pub(crate) fn a_snapshot_does_not_change(engine: &dyn Engine) {
    let empty = engine.snapshot().unwrap();
    commit(engine, &[(b"a", Some("1")), (b"b", Some("2"))]);
    let before = engine.snapshot().unwrap();
    commit(engine, &[(b"a", None), (b"b", Some("3")), (b"c", Some("4"))]);

    assert_eq!(rows(&*empty, Table::Objects, &KeyRange::all(), usize::MAX), []);
    assert_eq!(before.get(Table::Objects, b"a").unwrap(), Some("1".into()));
    let expected = [(b"a".to_vec(), "1".into()), (b"b".to_vec(), "2".into())];
    assert_eq!(rows(&*before, Table::Objects, &KeyRange::all(), usize::MAX), expected);
    assert_eq!(keys_in(engine, Unbounded, Unbounded), [b"b", b"c"]);
}

pub(crate) fn a_commit_changes_many_tables_at_once(engine: &dyn Engine) {
    engine.commit(&Changes::new()).unwrap();
    let model: Model = Table::ALL.iter().map(|table| ((*table, b"k".to_vec()), table.name().into())).collect();
    engine.commit(&model.iter().map(|(row, value)| (row.clone(), Some(value.clone()))).collect()).unwrap();
    assert_equals_model(&*engine.snapshot().unwrap(), &model);

    // Whoever looks while commits go on sees each of them wholly or not at all.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20_u8 {
                let value = Some(Bytes::from(vec![round]));
                engine.commit(&Table::ALL.iter().map(|t| ((*t, b"k".to_vec()), value.clone())).collect()).unwrap();
            }
        });
        for _ in 0..20 {
            let snapshot = engine.snapshot().unwrap();
            let first = snapshot.get(Table::State, b"k").unwrap();
            if first != Some("state".into()) {
                assert!(Table::ALL.iter().all(|table| snapshot.get(*table, b"k").unwrap() == first));
            }
        }
    });
}

pub(crate) fn values_may_be_empty_or_large(engine: &dyn Engine) {
    let large = Bytes::from(vec![0xA5; 3 << 20]);
    let long_key = vec![0xFF; 4 << 10];
    let changes = Changes::from([
        ((Table::Inline, b"empty".to_vec()), Some(Bytes::new())),
        ((Table::Inline, b"large".to_vec()), Some(large.clone())),
        ((Table::Inline, long_key.clone()), Some("long key".into())),
    ]);
    engine.commit(&changes).unwrap();
    let snapshot = engine.snapshot().unwrap();
    assert_eq!(snapshot.get(Table::Inline, b"empty").unwrap(), Some(Bytes::new()));
    assert!(snapshot.get(Table::Inline, b"large").unwrap() == Some(large));
    assert_eq!(snapshot.get(Table::Inline, &long_key).unwrap(), Some("long key".into()));
}

pub(crate) fn any_commits_equal_the_same_on_a_map(engine: &dyn Engine) {
    let change = ((table(), key()), prop::option::of(value()));
    let commits = prop::collection::vec((prop::collection::vec(change, 0..12), table(), range(), 0..6_usize), 1..6);
    // Few cases, since each commits durably several times.
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let property = |commits| {
        clear(engine);
        let mut model = Model::new();
        for (changes, table, range, limit) in commits {
            let (snapshot, before) = (engine.snapshot().unwrap(), model.clone());
            let changes: Changes = Vec::into_iter(changes).collect();
            engine.commit(&changes).unwrap();
            for (row, value) in changes {
                match value {
                    Some(value) => model.insert(row, value),
                    None => model.remove(&row),
                };
            }
            assert_equals_model(&*snapshot, &before);
            let after = engine.snapshot().unwrap();
            assert_equals_model(&*after, &model);
            assert_eq!(rows(&*after, table, &range, limit), model_rows(&model, table, &range, limit));
            let mut back = model_rows(&model, table, &range, usize::MAX);
            back.reverse();
            back.truncate(limit);
            assert_eq!(rows_back(&*after, table, &range, limit), back);
        }
        Ok(())
    };
    runner.run(&commits, property).unwrap();
}
