//! Multipart uploads, one file a verb. The part rows of a finished upload are its object's manifest.

mod abort;
mod complete;
mod create;
mod list;
mod part;
pub mod row;

pub(crate) use abort::abort;
pub use complete::{CompleteUpload, Completed, PartRef};
pub(crate) use complete::{check_order, complete};
pub use create::CreateUpload;
pub(crate) use list::finished_part;
pub use list::{ListParts, ListUploads, PartEntry, PartPage, UploadEntry, UploadPage, UploadPosition};
pub use part::{CopyPart, PartOutcome, UploadPart};
