//! A server under strace, one of whose system calls fails.
//!
//! strace counts calls per thread: "the third fsync" is the third of each thread that makes three. Its log says what
//! failed in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::server::Options;

/// In place of an error's name: the process is killed at the call, which does not happen.
pub const KILL: &str = "KILL";

/// A call that fails.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    /// The system call.
    pub call: &'static str,
    /// The error's name.
    pub error: &'static str,
    /// Which of each thread's calls.
    pub nth: u32,
}

/// Options that start the binary under strace, which writes to `log`. Without `failing` it only writes.
pub fn traced(options: Options, log: &Path, calls: &[&str], failing: Option<Failing>) -> Options {
    let mut words: Vec<String> =
        ["strace", "-D", "-f", "-y", "-qq", "-s", "256", "-e", "signal=none"].map(String::from).to_vec();
    words.extend(["-o".to_owned(), log.display().to_string(), "-e".to_owned(), format!("trace={}", calls.join(","))]);
    if let Some(Failing { call, error, nth }) = failing {
        let how = if error == KILL { "signal=SIGKILL".to_owned() } else { format!("error={error}") };
        words.extend(["-e".to_owned(), format!("inject={call}:{how}:when={nth}")]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    options.through(&words)
}

/// What kind of file a line of the log is about; `None` outside the data directory.
pub fn kind(line: &str, data: &Path) -> Option<&'static str> {
    let at = line.find(data.to_str()?)?;
    let path: &str = line[at..].split(['"', '>', ' ']).next()?;
    Some(match path {
        _ if path.ends_with("meta.redb") => "metadata",
        _ if path.ends_with("windlass-store") => "marker",
        _ if path.ends_with("master.key") => "master key",
        _ if path.contains("/blobs/") && path.rsplit('/').next().is_some_and(|name| name.len() > 20) => "blob",
        _ if path.contains("/blobs") => "blob folder",
        _ if Path::new(path) == data => "data folder",
        _ => "other",
    })
}

/// For each call, which of a thread's calls are about the data directory.
pub fn places(log: &Path, data: &Path) -> BTreeMap<String, BTreeSet<u32>> {
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut places: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap_or_default().lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if call.contains(' ') || call.starts_with('<') {
            continue;
        }
        let count = counts.entry((thread.to_owned(), call.to_owned())).or_default();
        *count += 1;
        if kind(line, data).is_some() {
            places.entry(call.to_owned()).or_default().insert(*count);
        }
    }
    places
}

/// The kinds of files whose calls failed, with how often.
pub fn injected(log: &Path, data: &Path) -> BTreeMap<&'static str, usize> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // A call that other threads interrupt in the log is told in two lines; the second says that it failed.
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for line in text.lines() {
        let thread = line.split(' ').next().unwrap_or_default().to_owned();
        if line.ends_with("<unfinished ...>") {
            open.insert(thread, line.to_owned());
        } else if line.ends_with("(INJECTED)") {
            let begun = if line.contains("resumed>") { open.get(&thread).map_or(line, String::as_str) } else { line };
            *kinds.entry(kind(begun, data).unwrap_or("outside")).or_default() += 1;
        }
    }
    kinds
}

/// Where the log of a run goes.
pub fn log_in(work: &Path) -> PathBuf {
    work.join("strace.log")
}
