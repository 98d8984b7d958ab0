//! Buckets: their rows and verbs, one file a verb.

mod create;
mod delete;
mod list;
mod row;

pub(crate) use create::create;
pub use list::{BucketPage, ListBuckets};
pub(crate) use row::no_such_bucket;
pub use row::{Bucket, BucketRow};
