//! What a start would find, for somebody who looks before it. Nothing is made or changed.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;

use crate::StoreOptions;
use crate::error::{Error, Result};
use crate::store::{LOCK, may_be_opened};

/// What a data directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataState {
    /// There is no store yet; a start would make one.
    New,
    /// A store that no process uses.
    Free,
    /// A store that a process uses.
    InUse,
}

/// Looks at the data directory. An error says, in a sentence for people, why a start would refuse it.
pub fn inspect(options: &StoreOptions) -> Result<DataState> {
    let known = may_be_opened(options)?;
    let lock = match File::open(options.data_dir.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(free(known)),
        Err(error) => return Err(Error::unavailable(error)),
    };
    // Shared, and let go at once: two who look do not see each other.
    match lock.try_lock_shared() {
        Ok(()) => Ok(free(known)),
        Err(TryLockError::WouldBlock) => Ok(DataState::InUse),
        Err(TryLockError::Error(error)) => Err(Error::unavailable(error)),
    }
}

fn free(known: bool) -> DataState {
    if known { DataState::Free } else { DataState::New }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::prepare;

    #[test]
    fn a_data_directory_is_looked_at_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let options = StoreOptions::new(&data);
        assert_eq!(inspect(&options).unwrap(), DataState::New);
        assert!(!data.exists());
        let held = prepare(&options).unwrap();
        assert_eq!(inspect(&options).unwrap(), DataState::InUse);
        drop(held);
        assert_eq!(inspect(&options).unwrap(), DataState::New);
        std::fs::write(data.join("foreign"), "").unwrap();
        assert!(inspect(&options).unwrap_err().message().contains("is not a Windlass data directory"));
    }
}
