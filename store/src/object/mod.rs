//! Objects: rows, rules, and one file a verb.

mod attributes;
pub mod condition;
mod copy;
mod delete;
mod get;
mod list;
mod put;
mod replace;
mod row;

pub use attributes::{AttributeParts, Attributes, AttributesRequest};
pub use condition::{ETagMatch, ReadConditions, WriteCondition};
pub use copy::{Copied, CopyObject};
pub use delete::Deleted;
pub use get::{Found, GetObject, RangeRequest};
pub(crate) use get::{Held, locate, row_checksum};
pub(crate) use list::group_of;
pub use list::{Entry, ListObjects, ObjectPage, Position};
pub(crate) use put::full_object;
pub use put::{PutObject, PutOutcome};
pub(crate) use replace::{NewObject, admit, place, release, remove, retain};
pub(crate) use row::hex;
pub use row::{ETag, Metadata, ObjectHead, ObjectRow, StorageClass, SystemHeaders};
