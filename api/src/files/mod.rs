//! The files face: the same buckets and keys with bare documents, files by identifiers, folders, uploads by forms, and
//! links for those who have no key.

pub(crate) mod file;
pub(crate) mod folders;
mod form;
mod link;
pub(crate) mod share;

pub use link::Links;
