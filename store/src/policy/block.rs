//! What is kept from being public, whatever lists and policies say ("Blocking public access to your Amazon S3 storage").

use serde::{Deserialize, Serialize};

use super::Action;
use crate::bucket::{Document, DocumentKind};
use crate::meta::Record;

/// A bucket's public access block. Without the document nothing is blocked; nothing is public either, as long as no list and
/// no policy says so.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// No public access control list is taken.
    pub block_acls: bool,
    /// Public lines of access control lists count for nothing.
    pub ignore_acls: bool,
    /// No public policy is taken.
    pub block_policy: bool,
    /// A public policy lets in nobody but the owner's own keys.
    pub restrict_buckets: bool,
}

impl Record for PublicAccessBlock {
    const VERSION: u8 = 1;
}

impl Document for PublicAccessBlock {
    const KIND: DocumentKind = DocumentKind::PublicAccessBlock;
    const CHANGE: Action = Action::PutPublicAccessBlock;
}
