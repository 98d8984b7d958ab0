//! Marker files: each says that a folder belongs to a store. The absence of one that was there means a missing mount.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::blob::sync_folder;
use crate::error::{Error, ErrorKind, Result};

/// The file.
pub(crate) const FILE: &str = "windlass-store";

/// What the marker of that store says.
pub(crate) fn text(id: &str) -> String {
    format!("windlass-store {id}")
}

/// Whether there is one, whosever it is.
pub(crate) fn is_in(dir: &Path) -> bool {
    dir.join(FILE).exists()
}

/// Makes a folder, if it is not there, with its marker.
pub(crate) fn make(dir: &Path, id: &str) -> Result<()> {
    make_private(dir)?;
    let mut file = File::create(dir.join(FILE)).map_err(Error::unavailable)?;
    writeln!(file, "{}", text(id)).and_then(|()| file.sync_all()).map_err(Error::unavailable)?;
    sync_folder(dir)
}

/// Makes sure that a folder is that store's; one that has no marker yet gets one if it may be new.
pub(crate) fn claim(dir: &Path, id: &str, may_be_new: bool) -> Result<()> {
    if may_be_new && !is_in(dir) { make(dir, id) } else { check(dir, id) }
}

/// Refuses a folder whose marker is missing or another store's.
pub(crate) fn check(dir: &Path, id: &str) -> Result<()> {
    match std::fs::read_to_string(dir.join(FILE)) {
        Ok(found) if found.trim_end() == text(id) => Ok(()),
        Ok(_) => Err(refuse(dir, "belongs to another Windlass store: its marker file names another identity.")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(refuse(dir, "lacks the marker file windlass-store. Is its mount missing?"))
        }
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// Makes a folder that only its owner can read, with its parents, and makes its entry durable.
pub(crate) fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::unavailable)?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_folder(parent),
        None => sync_folder(Path::new(".")),
    }
}

/// Why a folder is not taken.
pub(crate) fn refuse(dir: &Path, why: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{} {why}", dir.display()))
}
