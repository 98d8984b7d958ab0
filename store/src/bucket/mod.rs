//! Buckets: their rows and verbs, one file a verb.

mod create;
mod delete;
pub mod document;
mod empty;
mod get;
mod list;
mod row;
mod settings;
mod update;
mod versioning;

pub use create::NewBucket;
pub(crate) use create::{check_new, create, derived_name, free_name, insert};
pub(crate) use delete::begin as begin_deletion;
pub(crate) use document::Documents;
pub use document::{Document, DocumentKind, DocumentSet};
pub use empty::{Deletion, DeletionRow, Emptied};
pub use list::{BucketPage, ListBuckets, UsagePage};
pub(crate) use row::no_such_bucket;
pub use row::{Bucket, BucketRow};
pub(crate) use settings::check_name;
pub use settings::{BucketPatch, BucketSettings, BucketState, CachePreset, OptimizationMode, Versioning, Visibility};
pub(crate) use update::patch;
