//! The operator's door: a socket in the data folder, for commands that only the process which serves can carry out.
//!
//! Whoever may open the socket, which only the owner of the process may, says `backup FORCE HOLD_MS PATH`, ends its side,
//! and is answered with a line that begins with `ok` or `error`. One command runs at a time.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Asker;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use windlass_store::Store;
use windlass_store::backup::{BackedUp, BackupOptions};

use crate::serve::Failure;

const SOCKET: &str = "windlass.sock";
/// The name under which the socket is made, until it is for its owner alone.
const SOCKET_NEW: &str = "windlass.sock.new";
/// More than a command with the longest path has.
const COMMAND_BYTES_MAX: u64 = 8 << 10;
/// How long a command may take to arrive, and its answer to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the door; without it everything works but `windlass backup` while serving.
pub(crate) fn open(data: &Path) -> Option<UnixListener> {
    let bound = bind(data);
    bound.inspect_err(|error| tracing::warn!(%error, "no socket for the operator's commands in the data folder")).ok()
}

fn bind(data: &Path) -> io::Result<UnixListener> {
    let (new, path) = (data.join(SOCKET_NEW), data.join(SOCKET));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    // In place of what a process that was killed has left.
    std::fs::rename(&new, &path)?;
    Ok(listener)
}

/// Carries out one command after the other until `stop` turns true; a command that has begun is finished.
pub(crate) async fn serve(listener: UnixListener, store: Arc<Store>, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let answered = match accepted {
            Ok((asker, _)) => answer(asker, &store).await,
            Err(error) => {
                // Such as too many open files: not at once again.
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(error)
            }
        };
        if let Err(error) = answered {
            tracing::warn!(%error, "a command of the operator's could not be answered");
        }
    }
    drop(std::fs::remove_file(store.data_dir().join(SOCKET)));
}

async fn answer(mut asker: UnixStream, store: &Arc<Store>) -> io::Result<()> {
    let mut command = Vec::new();
    let mut bounded = (&mut asker).take(COMMAND_BYTES_MAX);
    tokio::time::timeout(PATIENCE, bounded.read_to_end(&mut command)).await??;
    let said = match read(&command) {
        Some(options) => match store.backup(options.clone()).await {
            Ok(taken) => {
                tracing::info!(rows = taken.rows, bytes = taken.bytes, to = %options.to.display(), "a backup was taken");
                format!("ok {}\n", told(&taken, &options))
            }
            Err(error) => format!("error {}\n", Failure::from(error)),
        },
        None => "error no such command\n".to_owned(),
    };
    tokio::time::timeout(PATIENCE, asker.write_all(said.as_bytes())).await?
}

fn read(command: &[u8]) -> Option<BackupOptions> {
    let mut words = command.splitn(4, |byte| *byte == b' ');
    let mut word = || words.next();
    let (b"backup", force, hold, to) = (word()?, word()?, word()?, word()?) else { return None };
    let hold_ms = std::str::from_utf8(hold).ok()?.parse().ok()?;
    Some(BackupOptions { to: PathBuf::from(OsStr::from_bytes(to)), force: force == b"1", hold_ms })
}

fn write(options: &BackupOptions) -> Vec<u8> {
    let head = format!("backup {} {} ", u8::from(options.force), options.hold_ms);
    [head.as_bytes(), options.to.as_os_str().as_bytes()].concat()
}

/// Asks the process that serves a data folder to take a backup; `None` if no process does.
pub(crate) fn ask(data: &Path, options: &BackupOptions) -> Result<Option<String>, Failure> {
    let failed = |error: io::Error| Failure::of("the gateway that runs on this data could not be asked", &error);
    let mut asked = match Asker::connect(data.join(SOCKET)) {
        Ok(asked) => asked,
        // A path that is too long for a socket never had one.
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput => return Ok(None),
            _ => return Err(failed(error)),
        },
    };
    asked.write_all(&write(options)).and_then(|()| asked.shutdown(std::net::Shutdown::Write)).map_err(failed)?;
    let mut said = String::new();
    asked.read_to_string(&mut said).map_err(failed)?;
    match said.trim_end().split_once(' ') {
        Some(("ok", told)) => Ok(Some(told.to_owned())),
        Some(("error", why)) => Err(Failure::new(why)),
        _ => Err(Failure::new("the gateway that runs on this data ended before the backup did")),
    }
}

/// A backup in words.
pub(crate) fn told(taken: &BackedUp, options: &BackupOptions) -> String {
    let hours = options.hold_ms / 3_600_000;
    let BackedUp { rows, bytes, .. } = taken;
    format!("{rows} rows, {bytes} bytes in {}; what it needs is kept for {hours} hours", options.to.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let to = PathBuf::from(OsStr::from_bytes(b"/a b/\xff\n"));
        let options = BackupOptions { to: to.clone(), force: true, hold_ms: 5 };
        let again = read(&write(&options)).unwrap();
        assert_eq!((again.to, again.force, again.hold_ms), (to, true, 5));
        for bad in ["", "backup", "backup 1 x /a", "backup 1 2", "restore 1 2 /a"] {
            assert!(read(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
