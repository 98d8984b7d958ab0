//! Files of projects: asked for, uploaded by a link, confirmed. A file's row says what was announced; the object is that of
//! its bucket and key like any other.
//!
//! A row is `Uploading` until its object is there and is what was announced: then one commit makes it `Uploaded`, counts the
//! upload and has the webhook told. From then on its link is dead, since the door asks for the row in the commit of a PUT.
//! What becomes of the object by any other way is followed by the row in the same commit (`follow`).

mod confirm;
mod delete;
mod event;
mod follow;
mod list;
mod parts;
mod request;
mod row;
mod sweep;
mod usage;

pub use confirm::Confirmed;
pub use delete::FilesDeleted;
pub use event::{FileEvent, FileEventKind, FileEventRow};
pub(crate) use follow::{check_put, follow};
pub use list::{FileFilter, FilePage};
pub use parts::{FileParts, StoredParts};
pub use request::{NewFile, Requested, Signer};
pub use row::{File, FileRow, FileStatus, Said};
pub use sweep::FilesSwept;
pub(crate) use sweep::remove_of_bucket;
pub use usage::{UploadCountRow, UploadUsage};
