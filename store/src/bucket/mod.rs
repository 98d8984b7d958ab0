//! Buckets: their rows and verbs, one file a verb.

mod create;
mod delete;
mod empty;
mod get;
mod list;
mod row;
mod settings;
mod update;

pub use create::NewBucket;
pub(crate) use create::create;
pub use empty::{Deletion, DeletionRow, Emptied};
pub use list::{BucketPage, ListBuckets, UsagePage};
pub(crate) use row::no_such_bucket;
pub use row::{Bucket, BucketRow};
pub(crate) use settings::check_name;
pub use settings::{BucketPatch, BucketSettings, BucketState, CachePreset, OptimizationMode, Visibility};
pub(crate) use update::patch;
