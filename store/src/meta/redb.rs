//! The embedded engine: one `redb` file. Only this file names redb.
//!
//! A commit is durable when it returns (`Durability::Immediate`) unless it is asked to be relaxed, and saves the
//! allocator's state ("quick repair"), so that opening after a crash takes milliseconds whatever the size; that costs a
//! second fdatasync, which group commit shares out. After a failed write redb refuses everything until it is opened
//! anew, reads of pages it has not cached included.
//!
//! After a sync that failed, Linux takes the pages for written and shows them to whoever reads the file, though the disk may not
//! have them. To open the file anew on the same machine is safe all the same. A header that names pages is written only
//! after a sync of those pages that did not fail (that is the first fdatasync; the second is the header's), so pages of an
//! unfinished commit are free space to whoever opens the file, and written before they are used. The header itself is
//! written and synced by every open. `syncs_that_fail_are_survived_in_place` holds that against a disk that forgets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use redb::{Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableDefinition, TableHandle};

use super::engine::{Changes, Engine, KeyRange, Read, Step, Visitor};
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};

/// Every table maps bytes to bytes.
type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

const fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// The length of redb's magic number.
const MAGIC_BYTES: u64 = 9;

/// A metadata file.
pub struct RedbEngine {
    database: Database,
    path: PathBuf,
}

impl RedbEngine {
    /// Opens the file at `path`, or creates it; its folder must exist. `cache_bytes` bounds the pages kept in memory.
    ///
    /// `Unavailable` if another process has it open or the disk fails; `Corrupt` if the file is not a sound one.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self> {
        Self::open_with(path, cache_bytes, Table::ALL)
    }

    /// The same for a file that holds other tables than the metadata's.
    pub fn open_with(path: &Path, cache_bytes: usize, tables: &[Table]) -> Result<Self> {
        let database = redb::Builder::new().set_cache_size(cache_bytes).create(path).map_err(fault)?;
        // A file is only as durable as its name: without this a power cut after the first commits could lose them all.
        sync_parent(path).map_err(Error::unavailable)?;
        Self::prepare(database, path, tables)
    }

    /// Whether nothing was ever written to the file at `path`: it is missing, or empty, or sized and still zero where redb
    /// writes its magic number last of all.
    pub fn is_unwritten(path: &Path) -> Result<bool> {
        use std::io::Read as _;
        let mut start = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MAGIC_BYTES).read_to_end(&mut start).map_err(Error::unavailable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(Error::unavailable(error)),
        };
        Ok(start.iter().all(|byte| *byte == 0))
    }

    /// Whether every page of the file at `path` matches its checksum: reads all of it. No process may have it open.
    pub fn is_sound(path: &Path, cache_bytes: usize) -> Result<bool> {
        let mut database = redb::Builder::new().set_cache_size(cache_bytes).open(path).map_err(fault)?;
        match database.check_integrity() {
            Ok(sound) => Ok(sound),
            Err(redb::DatabaseError::Storage(redb::StorageError::Corrupted(_))) => Ok(false),
            Err(error) => Err(fault(error)),
        }
    }

    /// Creates the tables that are missing, so that a snapshot finds every table. A file that has them all is not
    /// written to: a full disk can still be opened for reading.
    fn prepare(database: Database, path: &Path, tables: &[Table]) -> Result<Self> {
        let read = database.begin_read().map_err(fault)?;
        let present: Vec<String> = read.list_tables().map_err(fault)?.map(|table| table.name().to_owned()).collect();
        drop(read);
        let engine = Self { database, path: path.to_owned() };
        if tables.iter().any(|table| !present.iter().any(|name| name == table.name())) {
            engine.create_tables(tables).map_err(fault)?;
        }
        Ok(engine)
    }

    fn create_tables(&self, tables: &[Table]) -> Result<(), redb::Error> {
        let transaction = self.begin_write(Durability::Immediate)?;
        for table in tables {
            transaction.open_table(definition(*table))?;
        }
        Ok(transaction.commit()?)
    }

    /// A transaction; one that is durable once committed is quick to recover from too.
    fn begin_write(&self, durability: Durability) -> Result<redb::WriteTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        Ok(transaction)
    }

    fn apply(&self, changes: &Changes, durability: Durability) -> Result<(), redb::Error> {
        let transaction = self.begin_write(durability)?;
        let mut changes = changes.iter().peekable();
        // The changes are in the order of tables, so each table is opened once.
        while let Some(((table, _), _)) = changes.peek() {
            let table = *table;
            let mut rows = transaction.open_table(definition(table))?;
            while let Some(((_, key), value)) = changes.next_if(|((of, _), _)| *of == table) {
                match value {
                    Some(value) => rows.insert(key.as_slice(), value.as_ref())?,
                    None => rows.remove(key.as_slice())?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Engine for RedbEngine {
    fn snapshot(&self) -> Result<Box<dyn Read>> {
        let transaction = self.database.begin_read().map_err(fault)?;
        Ok(Box::new(Snapshot { transaction, tables: [const { OnceLock::new() }; Table::COUNT] }))
    }

    fn commit(&self, changes: &Changes) -> Result<()> {
        self.apply(changes, Durability::Immediate).map_err(fault)
    }

    fn commit_relaxed(&self, changes: &Changes) -> Result<()> {
        self.apply(changes, Durability::None).map_err(fault)
    }

    fn size_bytes(&self) -> Result<u64> {
        let metadata = std::fs::metadata(&self.path).map_err(Error::unavailable)?;
        Ok(metadata.len())
    }
}

/// A read transaction, and the tables it has opened so far: opening one is a lookup of its own.
struct Snapshot {
    transaction: ReadTransaction,
    tables: [OnceLock<Rows>; Table::COUNT],
}

impl Snapshot {
    fn rows(&self, table: Table) -> Result<&Rows> {
        let cell = self.tables.get(table as usize).ok_or_else(|| Error::corrupt("a table outside the list"))?;
        if let Some(rows) = cell.get() {
            return Ok(rows);
        }
        let rows = self.transaction.open_table(definition(table)).map_err(fault)?;
        Ok(cell.get_or_init(|| rows))
    }

    /// The rows of a range; nothing if it is empty.
    fn range(&self, table: Table, range: &KeyRange) -> Result<Option<redb::Range<'_, &'static [u8], &'static [u8]>>> {
        if range.is_empty() {
            return Ok(None);
        }
        let (from, to) = (range.from.as_ref().map(Vec::as_slice), range.to.as_ref().map(Vec::as_slice));
        self.rows(table)?.range::<&[u8]>((from, to)).map(Some).map_err(fault)
    }
}

impl Read for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        let row = self.rows(table)?.get(key).map_err(fault)?;
        Ok(row.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.range(table, range)?.map_or(Ok(()), |rows| show(rows, visit))
    }

    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.range(table, range)?.map_or(Ok(()), |rows| show(rows.rev(), visit))
    }
}

type Field<'a> = redb::AccessGuard<'a, &'static [u8]>;
type Row<'a> = Result<(Field<'a>, Field<'a>), redb::StorageError>;

fn show<'a>(rows: impl Iterator<Item = Row<'a>>, visit: &mut Visitor<'_>) -> Result<()> {
    for row in rows {
        let (key, value) = row.map_err(fault)?;
        if visit(key.value(), value.value())? == Step::Stop {
            break;
        }
    }
    Ok(())
}

/// What redb's errors mean to the store: the file is wrong, or the storage under it is.
fn fault(error: impl Into<redb::Error>) -> Error {
    use redb::Error as E;
    match error.into() {
        E::DatabaseAlreadyOpen => Error::new(ErrorKind::Unavailable, "The metadata file is in use by another process."),
        // What begins with other bytes than a file of redb's, or is shorter than it says.
        E::Io(error) if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) => {
            Error::corrupt(format!("metadata file: {error}"))
        }
        error @ (E::Corrupted(_)
        | E::UpgradeRequired(_)
        | E::RepairAborted
        | E::TableTypeMismatch { .. }
        | E::TableIsMultimap(_)
        | E::TableDoesNotExist(_)
        | E::TypeDefinitionChanged { .. }) => Error::corrupt(format!("metadata file: {error}")),
        error => Error::unavailable(format!("metadata file: {error}")),
    }
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard};

    use redb::StorageBackend;
    use tempfile::TempDir;

    use super::*;

    const CACHE_BYTES: usize = 1 << 20;

    fn fresh() -> (RedbEngine, TempDir) {
        let folder = TempDir::new().unwrap();
        (RedbEngine::open(&folder.path().join("meta.redb"), CACHE_BYTES).unwrap(), folder)
    }

    crate::meta::suite::engine_suite!(fresh);

    fn put(key: &str, value: &'static str) -> Changes {
        Changes::from([((Table::Objects, key.into()), Some(value.into()))])
    }

    fn get(engine: &RedbEngine, key: &str) -> Option<Bytes> {
        engine.snapshot().unwrap().get(Table::Objects, key.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_committed_is_there_after_opening_again() {
        let (engine, folder) = fresh();
        engine.commit(&put("a", "1")).unwrap();
        drop(engine);
        let engine = RedbEngine::open(&folder.path().join("meta.redb"), CACHE_BYTES).unwrap();
        assert_eq!(get(&engine, "a"), Some("1".into()));
        assert!(engine.size_bytes().unwrap() > 0);
    }

    #[test]
    fn relaxed_commits_are_seen_at_once_and_kept_by_the_next_durable_one() {
        let (engine, folder) = fresh();
        let path = folder.path().join("meta.redb");
        engine.commit(&put("a", "1")).unwrap();
        // What a crash leaves is the file as it is now, without the engine's orderly close.
        let crashed = |name: &str| {
            let copy = folder.path().join(name);
            std::fs::copy(&path, &copy).unwrap();
            RedbEngine::open(&copy, CACHE_BYTES).unwrap()
        };
        engine.commit_relaxed(&put("b", "2")).unwrap();
        engine.commit_relaxed(&put("a", "3")).unwrap();
        assert_eq!((get(&engine, "a"), get(&engine, "b")), (Some("3".into()), Some("2".into())));
        let before = crashed("before.redb");
        assert_eq!((get(&before, "a"), get(&before, "b")), (Some("1".into()), None));
        engine.commit(&Changes::new()).unwrap();
        let after = crashed("after.redb");
        assert_eq!((get(&after, "a"), get(&after, "b")), (Some("3".into()), Some("2".into())));
    }

    #[test]
    fn a_crash_between_relaxed_commits_needs_no_slow_repair() {
        let (engine, folder) = fresh();
        for round in 0..5_usize {
            let value = Bytes::from(vec![1; 10_000]);
            for n in 0..20 {
                let row = ((Table::Inline, format!("{round}-{n}").into_bytes()), Some(value.clone()));
                engine.commit_relaxed(&Changes::from([row, ((Table::Inline, format!("{n}").into()), None)])).unwrap();
            }
            if round < 4 {
                engine.commit(&Changes::new()).unwrap();
            }
        }
        let copy = folder.path().join("copy.redb");
        std::fs::copy(folder.path().join("meta.redb"), &copy).unwrap();
        let repaired = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&repaired);
        let mut builder = redb::Builder::new();
        builder.set_repair_callback(move |_| seen.store(true, Ordering::SeqCst));
        drop(builder.open(&copy).unwrap());
        assert!(!repaired.load(Ordering::SeqCst));
        let after = RedbEngine::open(&copy, CACHE_BYTES).unwrap();
        let there = |round: usize, n: usize| {
            let key = format!("{round}-{n}").into_bytes();
            after.snapshot().unwrap().get(Table::Inline, &key).unwrap().is_some()
        };
        assert!((0..20).all(|n| there(3, n) && !there(4, n)));
    }

    #[test]
    fn a_copy_taken_while_open_holds_every_commit() {
        // What a crash leaves is the file as it is now, without the engine's orderly close.
        let (engine, folder) = fresh();
        engine.commit(&put("a", "1")).unwrap();
        let copy = folder.path().join("copy.redb");
        std::fs::copy(folder.path().join("meta.redb"), &copy).unwrap();
        assert_eq!(get(&RedbEngine::open(&copy, CACHE_BYTES).unwrap(), "a"), Some("1".into()));
    }

    #[test]
    fn a_file_in_use_or_of_another_kind_is_refused_by_kind() {
        let (_engine, folder) = fresh();
        let error = RedbEngine::open(&folder.path().join("meta.redb"), CACHE_BYTES).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let other = folder.path().join("other");
        std::fs::write(&other, "not a metadata file, but long enough to have a header ".repeat(200)).unwrap();
        assert!(RedbEngine::open(&other, CACHE_BYTES).is_err());
        assert!(RedbEngine::open(&folder.path().join("missing/meta.redb"), CACHE_BYTES).is_err());
    }

    /// A disk, and what the machine remembers of it.
    #[derive(Debug, Default)]
    struct Machine {
        disk: Vec<u8>,
        memory: Vec<u8>,
        /// Pages of the memory that are to be written.
        unwritten: BTreeSet<usize>,
        /// Calls that change something, or only the syncs among them, and the one that fails.
        calls: usize,
        only_syncs: bool,
        fails_at: Option<usize>,
        /// Of the pages whose sync fails, every so manyth is written nevertheless; 0 is none.
        writes_every: usize,
    }

    impl Machine {
        fn check(&mut self, is_sync: bool) -> io::Result<()> {
            let counts = is_sync || !self.only_syncs;
            self.calls += usize::from(counts);
            if counts && self.fails_at == Some(self.calls) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            let checked = self.check(true);
            self.disk.resize(self.memory.len(), 0);
            // Failed or not, no page counts as unwritten after this.
            for (n, page) in std::mem::take(&mut self.unwritten).into_iter().enumerate() {
                let bytes = page * PAGE..self.memory.len().min((page + 1) * PAGE);
                if !bytes.is_empty() && (checked.is_ok() || n.checked_rem(self.writes_every) == Some(0)) {
                    self.disk[bytes.clone()].copy_from_slice(&self.memory[bytes]);
                }
            }
            checked
        }
    }

    const PAGE: usize = 4096;

    #[derive(Debug, Clone, Default)]
    struct FailingDisk(Arc<Mutex<Machine>>);

    impl FailingDisk {
        fn now(&self) -> MutexGuard<'_, Machine> {
            self.0.lock().unwrap()
        }

        fn open(&self) -> RedbEngine {
            let database = redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(self.clone()).unwrap();
            RedbEngine::prepare(database, Path::new("in memory"), Table::ALL).unwrap()
        }
    }

    impl StorageBackend for FailingDisk {
        fn len(&self) -> io::Result<u64> {
            Ok(self.now().memory.len() as u64)
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let from = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.now().memory[from..from + out.len()]);
            Ok(())
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            let mut now = self.now();
            now.check(false)?;
            now.memory.resize(usize::try_from(len).unwrap(), 0);
            Ok(())
        }
        fn sync_data(&self) -> io::Result<()> {
            self.now().sync()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let mut now = self.now();
            now.check(false)?;
            let from = usize::try_from(offset).unwrap();
            now.memory[from..from + data.len()].copy_from_slice(data);
            now.unwritten.extend(from / PAGE..(from + data.len()).div_ceil(PAGE));
            Ok(())
        }
    }

    #[test]
    fn a_failing_disk_is_unavailable_and_never_acknowledged() {
        let disk = FailingDisk::default();
        let engine = disk.open();
        engine.commit(&put("a", "1")).unwrap();
        let next = disk.now().calls + 1;
        disk.now().fails_at = Some(next);
        assert_eq!(engine.commit(&put("b", "2")).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(engine.commit(&put("b", "2")).unwrap_err().kind(), ErrorKind::Unavailable, "latched");
    }

    /// Rows enough for several pages; those of later commits make the file grow.
    fn rows(commit: usize) -> Changes {
        let (count, len) = if commit < 4 { (40, 600) } else { (10, 60_000) };
        let row = |n: usize| ((Table::Inline, format!("{n:03}").into_bytes()), Some(vec![commit as u8; len].into()));
        (0..count).map(|n| row((commit * 17 + n) % 97)).chain([marker(commit)]).collect()
    }

    type Row = ((Table, Vec<u8>), Option<Bytes>);

    fn marker(commit: usize) -> Row {
        ((Table::Objects, format!("commit {commit}").into_bytes()), Some("".into()))
    }

    /// What all tables hold once these commits are done.
    fn sum(commits: &[usize]) -> Vec<Row> {
        let mut all = Changes::new();
        commits.iter().for_each(|commit| all.extend(rows(*commit)));
        all.into_iter().collect()
    }

    fn contents(engine: &RedbEngine) -> Vec<Row> {
        let (read, mut all) = (engine.snapshot().unwrap(), Vec::new());
        for table in [Table::Objects, Table::Inline] {
            let mut visit = |key: &[u8], value: &[u8]| {
                all.push(((table, key.to_vec()), Some(Bytes::copy_from_slice(value))));
                Ok(Step::Continue)
            };
            read.scan(table, &KeyRange::all(), &mut visit).unwrap();
        }
        all.sort();
        all
    }

    /// Commits until one fails at the call, opens the file anew in place, commits on, and cuts the power. Says whether the
    /// commit in doubt turned out to be there; `None` if none failed.
    fn fail_at(call: usize, only_syncs: bool, writes_every: usize) -> Option<bool> {
        let disk = FailingDisk::default();
        (disk.now().only_syncs, disk.now().writes_every) = (only_syncs, writes_every);
        let engine = disk.open();
        (0..4).for_each(|commit| engine.commit(&rows(commit)).unwrap());
        let from = disk.now().calls;
        disk.now().fails_at = Some(from + call);
        engine.commit(&rows(4)).err()?;
        drop(engine);
        let engine = disk.open();
        let (without, with): (Vec<_>, Vec<_>) = ((0..4).collect(), (0..=4).collect());
        let found = contents(&engine);
        let landed = found == sum(&with);
        assert!(landed || found == sum(&without), "call {call}: neither with nor without the commit in doubt");
        let mut done = if landed { with } else { without };
        for commit in 5..7 {
            engine.commit(&rows(commit)).unwrap();
            done.push(commit);
        }
        // The power is cut: the machine forgets, and the engine does not come to its orderly end.
        std::mem::forget(engine);
        let now = disk.now().disk.clone();
        let after = FailingDisk(Arc::new(Mutex::new(Machine { memory: now.clone(), disk: now, ..Machine::default() })));
        assert!(contents(&after.open()) == sum(&done), "call {call}: not what was acknowledged");
        Some(landed)
    }

    #[test]
    fn syncs_that_fail_are_survived_in_place() {
        let mut seen = BTreeSet::new();
        for (only_syncs, writes_every) in [(false, 0), (true, 1), (true, 2)] {
            seen.extend((1..).map_while(|call| fail_at(call, only_syncs, writes_every)));
        }
        assert_eq!(seen, BTreeSet::from([false, true]), "a commit in doubt turns out both ways");
    }
}
