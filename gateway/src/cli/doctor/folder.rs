//! The folders of the data and the blobs, the disks they are on, and how many files may be open.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::{Resource, getrlimit};
use windlass_config::{BlobKind, Limits, Settings};
use windlass_store::inspect::{DataState, inspect};

use super::Findings;
use crate::serve::{Failure, store_options};

/// Free space below which writes are soon refused, and below which it is time to look.
const FREE_BYTES_MIN: u64 = 64 << 20;
const FREE_BYTES_LOW: u64 = 2 << 30;
/// How often a sync is tried, of as many bytes as a small commit writes.
const SYNCS: u32 = 8;
const SYNC_BYTES: usize = 4096;
/// A sync that takes longer makes every write slow, in milliseconds.
const SYNC_SLOW_MS: f64 = 30.0;
/// Files that are open beside a connection's own, and what a connection may have open beside its socket.
const FILES_BESIDE: u64 = 128;
const FILES_PER_CONNECTION: u64 = 2;

/// Looks at the folders; whether a gateway serves the data now.
pub(super) fn look(settings: &Settings, findings: &mut Findings) -> bool {
    let data = &settings.general.data;
    let state = match store_options(settings).and_then(|options| inspect(&options).map_err(Failure::from)) {
        Ok(state) => state,
        Err(failure) => {
            findings.fail("data folder", format!("{failure}"));
            return false;
        }
    };
    let shown = data.display();
    match state {
        DataState::New => findings.ok("data folder", format!("{shown} holds no store yet; a start makes one")),
        DataState::Free => findings.ok("data folder", format!("{shown} holds a store, and no process uses it")),
        DataState::InUse => findings.ok(
            "data folder",
            format!("{shown} is in use: a gateway serves it, or a command works on it; a second one would be refused"),
        ),
    }
    look_at_disk("data folder", data, findings);
    if let Some(blobs) = settings.storage.blobs.as_ref().filter(|_| settings.blobs.kind == BlobKind::Local) {
        look_at_disk("blob folder", blobs, findings);
    }
    state == DataState::InUse
}

/// Looks at a folder, or at the one that it will be made in.
fn look_at_disk(what: &'static str, folder: &Path, findings: &mut Findings) {
    let place = existing(folder);
    let shown = place.display();
    if !place.is_dir() {
        findings.fail(what, format!("{shown} is a file; name a folder, or move the file away"));
        return;
    }
    let own = rustix::process::geteuid().as_raw();
    if let Ok(owner) = place.metadata().map(|metadata| metadata.uid())
        && owner != own
        && place == folder
    {
        let advice = "run the doctor, and the gateway, as that user, or give the folder to this one with chown";
        findings.warn(what, format!("{shown} belongs to user {owner}, and this is user {own}; {advice}"));
    }
    match synced(&place) {
        Ok(ms) if ms > SYNC_SLOW_MS => {
            let advice = "every write waits for one; a disk with a write cache that survives power cuts is faster";
            findings.warn("sync", format!("{ms:.1} ms each in {shown}: slow; {advice}"));
        }
        Ok(ms) => findings.ok("sync", format!("{ms:.1} ms each in {shown}")),
        Err(error) => {
            let advice = "see that the disk is mounted for writing, sound, and open to this user";
            findings.fail("sync", format!("nothing can be written and synced in {shown}: {error}; {advice}"));
        }
    }
    match rustix::fs::statvfs(&place) {
        Ok(disk) => space(disk.f_bavail.saturating_mul(disk.f_frsize), &place, findings),
        Err(error) => findings.warn("free space", format!("that of {shown} cannot be told: {error}")),
    }
}

fn space(free: u64, place: &Path, findings: &mut Findings) {
    let told = format!("{} MiB for {}", free >> 20, place.display());
    match free {
        0..FREE_BYTES_MIN => findings.fail("free space", format!("{told}; make room: writes fail on a full disk")),
        FREE_BYTES_MIN..FREE_BYTES_LOW => findings.warn("free space", format!("{told}; make room before it runs out")),
        _ => findings.ok("free space", told),
    }
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find(|place| place.exists());
    found.filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Milliseconds that a sync takes of a file without a name.
fn synced(folder: &Path) -> std::io::Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let begun = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0x5A; SYNC_BYTES])?;
        file.sync_data()?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3 / f64::from(SYNCS))
}

/// Looks whether all connections that the settings allow could be served at once.
pub(super) fn look_at_files(limits: &Limits, findings: &mut Findings) {
    let needed = limits.connections.saturating_mul(FILES_PER_CONNECTION).saturating_add(FILES_BESIDE);
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => {
            let advice = format!("raise it (ulimit -n, or LimitNOFILE of systemd) to {needed}");
            let connections = limits.connections;
            findings.warn("open files", format!("at most {most}; for limits.connections = {connections} {advice}"));
        }
        Some(most) => findings.ok("open files", format!("at most {most}; {needed} may be needed")),
        None => findings.ok("open files", "without limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_to_be_made_is_looked_at_where_it_will_be() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(existing(&home.path().join("a/b")), home.path());
        assert_eq!(existing(home.path()), home.path());
        assert_eq!(existing(Path::new("there-is-no-such-folder/a")), Path::new("."));
    }

    #[test]
    fn space_is_told_in_time() {
        for (free, start) in [(0, "FAIL"), (FREE_BYTES_MIN, "warn"), (FREE_BYTES_LOW, "ok")] {
            let mut findings = Findings::default();
            space(free, Path::new("/d"), &mut findings);
            assert!(findings.to_string().starts_with(start), "{findings}");
        }
    }
}
