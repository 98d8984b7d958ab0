//! What is asked of the log.

use super::record::{LogEntry, LogRecord};
use crate::clock::Millis;
use crate::id::{BucketId, KeyId, LogId};

/// Which requests a page is to show. What is not given does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Not before then; what is older than the plan keeps is never asked for.
    pub from_ms: Option<Millis>,
    /// Not after then.
    pub to_ms: Option<Millis>,
    /// Of that method, in upper case.
    pub method: Option<String>,
    /// With such a status.
    pub status: Option<StatusFilter>,
    /// With a path that begins so.
    pub path_prefix: Option<String>,
    /// By that key.
    pub key: Option<KeyId>,
    /// About that bucket.
    pub bucket: Option<BucketId>,
    /// Before that one, which an earlier page named as its end.
    pub after: Option<LogId>,
    /// How many, at most `limit::LOG_PAGE_MAX`.
    pub limit: usize,
}

/// A filter by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// That one.
    Exact(u16),
    /// All of a class: 2 is 200 to 299.
    Class(u8),
}

/// A page of the log, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The requests. Fewer than were asked for does not mean that there are no more.
    pub records: Vec<LogRecord>,
    /// Where the next page begins; `None` if there is none.
    pub next: Option<LogId>,
}

impl LogQuery {
    /// Whether an entry is to be shown, its time and place aside. With a list of buckets only what is about one of them is.
    pub(super) fn shows(&self, buckets: Option<&[BucketId]>, entry: &LogEntry<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| method == entry.method)
            && self.status.is_none_or(|status| status.holds(entry.status))
            && self.path_prefix.as_ref().is_none_or(|prefix| entry.path.starts_with(prefix.as_str()))
            && self.key.is_none_or(|key| entry.key == Some(key))
            && self.bucket.is_none_or(|bucket| entry.bucket == Some(bucket))
            && is_seen(buckets, entry)
    }
}

/// Whether whoever sees only those buckets sees an entry.
pub(super) fn is_seen(buckets: Option<&[BucketId]>, entry: &LogEntry<'_>) -> bool {
    buckets.is_none_or(|list| entry.bucket.is_some_and(|bucket| list.contains(&bucket)))
}

impl StatusFilter {
    fn holds(self, status: u16) -> bool {
        match self {
            StatusFilter::Exact(exact) => status == exact,
            StatusFilter::Class(class) => status / 100 == u16::from(class),
        }
    }
}
