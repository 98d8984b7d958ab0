//! Objects: rows, rules, and one file a verb.

mod attributes;
pub mod condition;
mod copy;
mod delete;
mod get;
mod list;
mod list_versions;
mod lock;
mod put;
mod replace;
mod retain;
mod row;
mod tag;
mod there;
mod version;

pub use attributes::{AttributeParts, Attributes, AttributesRequest};
pub use condition::{ETagMatch, ReadConditions, WriteCondition};
pub use copy::{Copied, CopyObject};
pub(crate) use delete::delete_one;
pub use delete::{DeleteObject, Deleted};
pub use get::{Found, GetObject, RangeRequest};
pub(crate) use get::{Held, Located, locate, located, row_checksum};
pub use list::{Entry, ListObjects, ObjectPage, Position};
pub(crate) use list::{group_of, list_here};
pub use list_versions::{ListVersions, VersionEntry, VersionPage, VersionPosition};
pub use lock::{DefaultRetention, Extras, LockMode, ObjectLock, Period, Retention};
pub(crate) use put::full_object;
pub use put::{PutObject, PutOutcome};
pub(crate) use replace::{NewObject, Origin, admit, place, release, remove, retain};
pub(crate) use row::hex;
pub use row::{ETag, Metadata, ObjectHead, ObjectRow, StorageClass, SystemHeaders};
pub use version::{MarkerRow, NullRow, VersionId, VersionRow};
pub(crate) use version::{find, find_object, remove_version, shown, update};
