//! A bucket as it is stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bucket::document::{DocumentKind, DocumentSet};
use crate::bucket::settings::{BucketSettings, BucketState, Versioning};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::meta::table::{BUCKET_BY_NAME, BUCKETS};
use crate::meta::{Read, Record, codec};
use crate::name::BucketName;
use crate::object::ObjectLock;

/// The region that S3 tells by an empty location.
const CLASSIC_REGION: &str = "us-east-1";

/// A stored bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRow {
    /// Its name on S3, unique in the gateway.
    pub name: BucketName,
    /// The organisation that owns it.
    pub org: OrgId,
    /// When it was made.
    pub created_ms: Millis,
    /// The location constraint it was made with; empty for us-east-1.
    pub location: String,
    /// Its name for people: 1 to 100 characters.
    pub display_name: String,
    /// How far it has come.
    pub state: BucketState,
    /// What was set on it.
    pub settings: BucketSettings,
    /// When something about it last changed.
    pub updated_ms: Millis,
    /// Whether objects that are replaced or deleted are kept as versions.
    pub versioning: Versioning,
    /// Whether versions can be locked.
    pub object_lock: Option<ObjectLock>,
    /// Which documents it has.
    pub documents: DocumentSet,
    /// Where in the sequence of commits a document of it last changed.
    pub revision: u64,
}

impl Record for BucketRow {
    const VERSION: u8 = 3;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        // From before buckets could be set up: name, organisation, time, location.
        if version == 1 {
            let (name, org, created_ms, location): (BucketName, _, _, String) = codec::decode_old(version, 1, bytes)?;
            return Ok(Self::new(name, org, created_ms, &location));
        }
        // From before versions and documents.
        let (name, org, created_ms, location, display_name, state, settings, updated_ms): (
            BucketName,
            _,
            _,
            String,
            _,
            _,
            _,
            _,
        ) = codec::decode_old(version, 2, bytes)?;
        Ok(Self { display_name, state, settings, updated_ms, ..Self::new(name, org, created_ms, &location) })
    }
}

impl BucketRow {
    /// An active bucket with every setting as by default.
    pub(crate) fn new(name: BucketName, org: OrgId, created_ms: Millis, location: &str) -> Self {
        Self {
            display_name: name.to_string(),
            name,
            org,
            created_ms,
            location: location.to_owned(),
            state: BucketState::Active,
            settings: BucketSettings::default(),
            updated_ms: created_ms,
            versioning: Versioning::Off,
            object_lock: None,
            documents: DocumentSet::default(),
            revision: 0,
        }
    }

    /// Where it is.
    pub fn region(&self) -> &str {
        if self.location.is_empty() { CLASSIC_REGION } else { &self.location }
    }

    /// Whether it is on its way out: for S3 it does not exist any more, and its bytes count for nobody.
    pub fn is_deleting(&self) -> bool {
        self.state == BucketState::Deleting
    }

    /// Whether it holds the files of a project, and goes with it.
    pub fn is_of_project(&self) -> bool {
        self.documents.has(DocumentKind::LiveFiles) || self.is_sandbox()
    }

    /// Whether it holds what a project is tried with, which counts towards no quota: neither what is stored nor what is sent.
    pub fn is_sandbox(&self) -> bool {
        self.documents.has(DocumentKind::TestFiles)
    }

    /// What S3 tells as the location of a bucket in that region.
    pub(crate) fn location_of(region: &str) -> &str {
        if region == CLASSIC_REGION { "" } else { region }
    }
}

/// A bucket with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its identifier.
    pub id: BucketId,
    /// Its row.
    pub row: Arc<BucketRow>,
}

impl Bucket {
    pub(crate) fn new(id: BucketId, row: BucketRow) -> Self {
        Self { id, row: Arc::new(row) }
    }

    /// Its row, to be changed.
    pub(crate) fn into_row(self) -> BucketRow {
        Arc::unwrap_or_clone(self.row)
    }

    /// The bucket of that name, if there is one.
    pub(crate) fn find(read: &dyn Read, name: &BucketName) -> Result<Option<Self>> {
        let Some(id) = BUCKET_BY_NAME.get_kept(read, &name.as_str().to_owned())? else { return Ok(None) };
        let id = BucketId(id.0);
        let row = BUCKETS.get_kept(read, &id)?;
        let row = row.ok_or_else(|| Error::corrupt(format!("bucket {id} has a name but no row")))?;
        Ok(Some(Self { id, row }))
    }

    /// The bucket of that id, if there is one.
    pub(crate) fn get(read: &dyn Read, id: BucketId) -> Result<Option<Self>> {
        Ok(BUCKETS.get_kept(read, &id)?.map(|row| Self { id, row }))
    }

    /// The bucket as it is now, or `NoSuchBucket` if it is gone or on its way out: asked inside the commit by every write,
    /// so that a write racing a bucket's deletion cannot leave a row behind.
    pub(crate) fn must_exist(read: &dyn Read, id: BucketId) -> Result<Self> {
        Self::get(read, id)?.filter(|bucket| !bucket.row.is_deleting()).ok_or_else(no_such_bucket)
    }

    /// The same, and `BucketNotActive` unless the bucket is in use: asked by what brings bytes in.
    pub(crate) fn must_be_active(read: &dyn Read, id: BucketId) -> Result<Self> {
        let bucket = Self::must_exist(read, id)?;
        bucket.check_active()?;
        Ok(bucket)
    }

    /// `BucketNotActive` unless the bucket is in use.
    pub(crate) fn check_active(&self) -> Result<()> {
        if self.row.state == BucketState::Active {
            return Ok(());
        }
        Err(Error::new(ErrorKind::BucketNotActive, "Bucket is not active"))
    }
}

/// The one wording of `NoSuchBucket`.
pub(crate) fn no_such_bucket() -> Error {
    Error::new(ErrorKind::NoSuchBucket, "The specified bucket does not exist")
}
