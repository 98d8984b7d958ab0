//! Key-value buckets: small values under keys of any bytes, with a time after which each is gone.
//!
//! A value is one row of `kv_entries`, which a get reads and a listing walks in the order of keys. What expires has a row
//! in `kv_expiry` beside it, ordered by time, for the sweep; but no read depends on the sweep: a value is not there from
//! the millisecond on at which it expires. Counters, conditions and transactions are decided inside the commit, so
//! that of many at once none is lost and all share one sync.
//!
//! A bucket can have scripts too, rows of `kv_scripts`, which are only kept here.
//!
//! `access` says who may do what in a bucket, and its grant is asked by every verb.

mod access;
mod bucket;
mod counter;
mod create;
mod delete;
mod entry;
mod expiry;
mod id;
mod list;
mod manage;
mod number;
mod policy;
mod script;
mod token;
mod transaction;
mod usage;

pub use access::{KvGrant, KvRight};
pub use bucket::KvBucketRow;
pub use delete::KvDeletionRow;
pub use entry::{KvEntryRow, KvFound, KvSet, KvTtl};
pub use expiry::{KvExpiryRow, KvSwept};
pub use id::KvId;
pub use list::{KvListed, KvListing, KvWalk};
pub use manage::KvBucket;
pub use number::Number;
pub use policy::KvPolicy;
pub(crate) use policy::reseal;
pub use script::{KvScript, KvScriptRow};
pub use token::{KvPermissions, KvToken};
pub use transaction::KvOperation;
pub use usage::KvUsageRow;
