//! Who owns what others write into a bucket, and with that whether its access control lists count ("Controlling ownership of
//! objects and disabling ACLs").

use serde::{Deserialize, Serialize};

use super::Action;
use crate::bucket::{Document, DocumentKind};
use crate::meta::Record;

/// A bucket's ownership controls. A bucket without the document is `Enforced`, as new buckets of S3 are. New ones come last:
/// their order is their form on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner owns everything, and there are no access control lists.
    Enforced,
    /// The bucket's owner owns what others write if they say so.
    Preferred,
    /// Who writes an object owns it.
    Writer,
    /// The controls were taken away: as `Writer`.
    Removed,
}

impl Ownership {
    const NAMES: [(Self, &'static str); 3] = [
        (Self::Enforced, "BucketOwnerEnforced"),
        (Self::Preferred, "BucketOwnerPreferred"),
        (Self::Writer, "ObjectWriter"),
    ];

    /// The controls of that name in the S3 API.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(ownership, _)| *ownership)
    }

    /// Their name in the S3 API; `None` if they were taken away.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(ownership, _)| *ownership == self).map(|(_, name)| *name)
    }

    /// Whether access control lists count.
    pub fn has_lists(self) -> bool {
        self != Self::Enforced
    }
}

impl Record for Ownership {
    const VERSION: u8 = 1;
}

impl Document for Ownership {
    const KIND: DocumentKind = DocumentKind::Ownership;
    const CHANGE: Action = Action::PutOwnership;
}
