//! The log of requests, which clients read back: who asked what, and what came of it.
//!
//! It has a file of its own beside the metadata, and asks nothing of it. Requests hand what they know, encoded, to a bounded
//! queue (`queue`) and go on; one thread (`writer`) takes all that wait, packs them into blocks by organisation (`block`), and
//! commits those without waiting for the disk. A crash loses the last seconds. When the disk fails, or the queue is full,
//! requests are left out of the log and counted, and nothing else suffers. Pages are read newest first (`page`), and what
//! is too old or too much is removed block by block (`sweep`).
//!
//! Deliberately absent: what is worth logging of HTTP, and what must not be. Doors decide that, and redact.

mod block;
mod caller;
mod file;
mod logs;
mod page;
mod query;
mod queue;
mod record;
mod sweep;
#[cfg(test)]
mod tests;
mod writer;

pub use caller::Caller;
pub use logs::{LogCounters, LogOptions, Logs};
pub use query::{LogPage, LogQuery, StatusFilter};
pub use record::{LogBody, LogBodyRef, LogEntry, LogRecord};
pub use sweep::LogsSwept;
