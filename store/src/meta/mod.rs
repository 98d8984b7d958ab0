//! Metadata: ordered rows behind one commit point. Rules read and write typed tables through a `Tx`; `Meta` runs the
//! rules that are waiting, each through an overlay so that a failed one leaves no trace, and commits them together.
//! An `Engine` only stores ordered bytes; what the rows mean lives above it, once.

mod batch;
pub mod codec;
mod commit;
mod count;
pub mod engine;
mod kept;
pub mod memory;
mod recover;
pub mod redb;
mod relax;
mod shared;
#[cfg(test)]
pub(crate) mod suite;
pub mod table;
mod writer;

pub use self::batch::Tx;
pub use self::codec::{Key, Newest, Record, Tagged};
pub use self::commit::Meta;
pub use self::count::MetaCounters;
pub use self::engine::{Changes, Engine, KeyRange, Read, Step, Visitor};
pub use self::kept::{At, Row};
pub use self::memory::MemoryEngine;
pub use self::recover::{Recovery, takes_writes};
pub use self::redb::RedbEngine;
pub use self::relax::Relaxed;
pub use self::table::{Table, Typed};
