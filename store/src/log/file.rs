//! The log's file: opened, read and changed, and given up and begun anew when it fails. No failure of it goes further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::block::TotalsRow;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::{Changes, Engine, Read, RedbEngine, Table, codec};

/// The row of `Table::State` that holds the totals.
const TOTALS: &[u8] = b"log_totals";

/// The file, while it can be used and while it cannot.
pub(super) struct LogFile {
    path: PathBuf,
    engine: RwLock<Option<Arc<dyn Engine>>>,
    /// Held by whoever changes the file, so that the totals hold.
    totals: Mutex<TotalsRow>,
    /// Its contents are not to be trusted: it is set aside before it is opened again.
    condemned: AtomicBool,
    unsynced: AtomicBool,
}

impl LogFile {
    /// The file at `path`, which is not open yet.
    pub(super) fn new(path: PathBuf) -> Self {
        let (engine, totals) = (RwLock::default(), Mutex::new(TotalsRow::EMPTY));
        Self { path, engine, totals, condemned: AtomicBool::new(false), unsynced: AtomicBool::new(false) }
    }

    /// Opens it, or makes it. A damaged one is kept under another name, in place of the one before, and begun anew.
    pub(super) fn open(&self) -> Result<()> {
        if self.condemned.swap(false, Ordering::SeqCst) {
            self.set_aside()?;
        }
        let opened = open(&self.path).or_else(|error| match error.kind() {
            ErrorKind::Corrupt => {
                tracing::error!(%error, "the request log cannot be read");
                self.set_aside()?;
                open(&self.path)
            }
            _ => Err(error),
        });
        let (engine, totals) = opened?;
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner) = totals;
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Some(engine);
        Ok(())
    }

    /// Whether it can be used.
    pub(super) fn is_open(&self) -> bool {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Reads what is committed. An error of the file closes it.
    pub(super) fn read<T>(&self, f: impl FnOnce(&dyn Read) -> Result<T>) -> Result<T> {
        let engine = self.engine()?;
        self.judge(guarded(|| f(&*engine.snapshot()?)))
    }

    /// Changes it, all or nothing, without waiting for the disk. `f` is given what is there, and the totals to keep right.
    /// An error of the file closes it.
    pub(super) fn change<T>(&self, f: impl FnOnce(&dyn Read, &mut TotalsRow, &mut Changes) -> Result<T>) -> Result<T> {
        let engine = self.engine()?;
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut after, mut changes) = (totals.clone(), Changes::new());
        self.judge(guarded(|| {
            let done = f(&*engine.snapshot()?, &mut after, &mut changes)?;
            if !changes.is_empty() {
                changes.insert((Table::State, TOTALS.to_vec()), Some(codec::encode(&after)?));
                engine.commit_relaxed(&changes)?;
                self.unsynced.store(true, Ordering::SeqCst);
                *totals = after;
            }
            Ok(done)
        }))
    }

    /// Puts everything on stable storage.
    pub(super) fn sync(&self) -> Result<()> {
        if !self.unsynced.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let engine = self.engine()?;
        self.judge(guarded(|| engine.commit(&Changes::new())))
    }

    /// Whether there is something that is not on stable storage.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced.load(Ordering::SeqCst)
    }

    /// The totals.
    pub(super) fn totals(&self) -> TotalsRow {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn engine(&self) -> Result<Arc<dyn Engine>> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or_else(|| Error::unavailable("the request log is not open"))
    }

    /// Closes the file if it failed; what it holds is judged with it.
    fn judge<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.inspect_err(|error| {
            if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unavailable) {
                self.condemned.fetch_or(error.kind() == ErrorKind::Corrupt, Ordering::SeqCst);
                self.unsynced.store(false, Ordering::SeqCst);
                *self.engine.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
        })
    }

    fn set_aside(&self) -> Result<()> {
        let aside = self.path.with_extension("redb.damaged");
        match std::fs::rename(&self.path, &aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::unavailable(error)),
            _ => {}
        }
        tracing::error!(
            kept_as = %aside.display(),
            "the request log is damaged: it is set aside and begun anew, and what it held is not shown any more"
        );
        Ok(())
    }
}

fn open(path: &Path) -> Result<(Arc<dyn Engine>, TotalsRow)> {
    guarded(|| {
        let engine: Arc<dyn Engine> = Arc::new(RedbEngine::open_with(path, limit::LOG_CACHE_BYTES, Table::LOG)?);
        let totals = engine.snapshot()?.get(Table::State, TOTALS)?;
        let totals = totals.map(|row| codec::decode(&row)).transpose()?;
        Ok((engine, totals.unwrap_or(TotalsRow::EMPTY)))
    })
}

/// Runs what touches the file. A file that is damaged in an unforeseen way may make the engine panic.
fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    let told = |panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        Err(Error::corrupt(format!("the engine of the request log panicked: {said}")))
    };
    // What a panic may leave half-done is closed, and never used again.
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(told)
}
