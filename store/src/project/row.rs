//! Projects, routes and keys as they are stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bucket::{Document, DocumentKind};
use crate::clock::Millis;
use crate::id::{BucketId, KeyId, OrgId, ProjectId};
use crate::meta::Record;
use crate::policy::Action;

/// A stored project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Its name for people: 1 to 100 characters.
    pub name: String,
    /// What tells it from others in addresses; it never changes.
    pub slug: String,
    /// When it was made.
    pub created_ms: Millis,
    /// When something about it last changed.
    pub updated_ms: Millis,
    /// The bucket of its files.
    pub live: BucketId,
    /// The bucket of the files that it is tried with.
    pub test: BucketId,
    /// The key that signs upload links; there is one as long as the project has a key.
    pub signer: Option<KeyId>,
    /// What its webhooks are signed with.
    pub secrets: SealedSecrets,
}

impl Record for ProjectRow {
    const VERSION: u8 = 1;
}

/// What webhooks are signed with, sealed; its context is the project's identifier.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecrets {
    /// What they are signed with now.
    pub current: Vec<u8>,
    /// What they are signed with after the next rotation.
    pub next: Vec<u8>,
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets").finish_non_exhaustive()
    }
}

/// A stored route: what may be uploaded by it, and who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name in requests, unique in the project.
    pub slug: String,
    /// Bytes of one file.
    pub max_file_size: u64,
    /// Files that a client is to let people pick at once.
    pub max_file_count: u32,
    /// Content types, exact or as in `image/*`; none is all.
    pub allowed_types: Vec<String>,
    /// Who is told of a file that was uploaded.
    pub webhook_url: Option<String>,
    /// When it was made.
    pub created_ms: Millis,
    /// When it last changed.
    pub updated_ms: Millis,
}

impl Record for RouteRow {
    const VERSION: u8 = 1;
}

/// A stored key of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectKeyRow {
    /// The project it belongs to.
    pub project: ProjectId,
    /// A name for people; may be empty.
    pub name: String,
    /// Whether it is for trying things out.
    pub is_test: bool,
    /// SHA-256 of what its holder presents.
    pub hash: [u8; 32],
    /// The first characters of that, to tell it from others.
    pub prefix: String,
    /// When it was made.
    pub created_ms: Millis,
}

impl Record for ProjectKeyRow {
    const VERSION: u8 = 1;
}

macro_rules! marks {
    ($($(#[$doc:meta])* $Name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $Name(
            /// The project.
            pub ProjectId,
        );

        impl Record for $Name {
            const VERSION: u8 = 1;
        }

        impl Document for $Name {
            const KIND: DocumentKind = DocumentKind::$Name;
            const CHANGE: Action = Action::CreateBucket;
        }
    )*};
}

marks! {
    /// Marks the bucket of a project's files.
    LiveFiles
    /// Marks the bucket of the files that a project is tried with.
    TestFiles
}
