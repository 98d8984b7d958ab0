//! The list of all tables: the name, the key and the value of each. Adding one is a line in each of the two lists.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;

use super::Tx;
use super::codec::{self, Key, Newest, Record};
use super::engine::{KeyRange, Read, Step};
use crate::account::AccountRow;
use crate::adopt::{AdoptionRow, TombstoneRow};
use crate::bandwidth::BandwidthRow;
use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::bucket::{BucketRow, DeletionRow};
use crate::error::{Error, Result};
use crate::id::{
    AccountId, BlobId, BucketId, DeliveryId, EventId, FileId, KeyId, OrgId, ProjectId, ProjectKeyId, RouteId, ShareId,
    UploadId,
};
use crate::intent::{FileEventRow, FileRow, UploadCountRow};
use crate::key::{KeyRow, KeyUsedRow};
use crate::kv::{KvBucketRow, KvDeletionRow, KvEntryRow, KvExpiryRow, KvId, KvScriptRow, KvUsageRow};
use crate::notification::EventRow;
use crate::object::{NullRow, ObjectRow, VersionRow};
use crate::org::OrgRow;
use crate::project::{ProjectKeyRow, ProjectRow, RouteRow};
use crate::share::{ShareRef, ShareRow};
use crate::sweep::GarbageRow;
use crate::upload::row::{ManifestRow, PartRow, UploadRow};
use crate::usage::{OrgUsageRow, UsageRow};
use crate::webhook::DeliveryRow;

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*; $($(#[$apart_doc:meta])* $apart:ident $apart_name:literal)*) => {
        /// A table of the engine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Table { $($(#[$doc])* $variant,)* $($(#[$apart_doc])* $apart),* }

        impl Table {
            /// All tables of the metadata.
            pub const ALL: &[Table] = &[$(Table::$variant),*];

            /// All tables of the request log, which is a file of its own.
            pub const LOG: &[Table] = &[Table::State, $(Table::$apart),*];

            /// How many tables there are in all.
            pub const COUNT: usize = Table::ALL.len() + Table::LOG.len() - 1;

            /// The table's name on disk; never changed once released.
            pub const fn name(self) -> &'static str {
                match self { $(Table::$variant => $name,)* $(Table::$apart => $apart_name),* }
            }
        }
    };
}

tables! {
    /// Facts about the store itself: identity, epoch, sequence, progress of sweeps.
    State "state"
    /// Organisations.
    Orgs "orgs"
    /// Organisation names.
    OrgByName "org_by_name"
    /// Access keys.
    Keys "keys"
    /// Access key ids, as SigV4 names them.
    KeyByAccessId "key_by_access_id"
    /// SHA-256 of bearer tokens.
    KeyByTokenHash "key_by_token_hash"
    /// Buckets.
    Buckets "buckets"
    /// Bucket names.
    BucketByName "bucket_by_name"
    /// The buckets of an organisation, by name.
    BucketByOrg "bucket_by_org"
    /// Current live objects: what listings walk.
    Objects "objects"
    /// Bytes of small blobs, apart from `objects` so that listings scan dense rows.
    Inline "inline"
    /// Blobs outside the metadata file.
    Blobs "blobs"
    /// Block checksums of blobs.
    BlobSums "blob_sums"
    /// Open multipart uploads.
    Uploads "uploads"
    /// Parts of open uploads and of finished objects.
    Parts "parts"
    /// Finished multipart objects.
    Manifests "manifests"
    /// Bytes to delete.
    Garbage "garbage"
    /// Counters of each bucket.
    Usage "usage"
    /// The buckets of an organisation, by id.
    BucketIdByOrg "bucket_id_by_org"
    /// The access keys of an organisation.
    KeyByOrg "key_by_org"
    /// When access keys were last used.
    KeyUsed "key_used"
    /// Counters of each organisation.
    OrgUsage "org_usage"
    /// Bytes sent from each bucket, by month.
    BucketBandwidth "bucket_bandwidth"
    /// Bytes sent for each organisation, by month.
    OrgBandwidth "org_bandwidth"
    /// Buckets that are being emptied.
    Deletions "deletions"
    /// Share links, by the bucket they lead into.
    Shares "shares"
    /// SHA-256 of the codes of share links.
    ShareByCode "share_by_code"
    /// Share links by when they end.
    ShareByExpiry "share_by_expiry"
    /// Versions that are not current, and delete markers.
    Versions "versions"
    /// Where null versions lie that are not current.
    NullVersions "null_versions"
    /// What is configured on buckets, by kind.
    BucketDocuments "bucket_documents"
    /// Events that wait to be told, by when they are due.
    Outbox "outbox"
    /// Adoptions of linked buckets, and how far each has come.
    Adoptions "adoptions"
    /// Keys of buckets that are being adopted that are not there, whatever their upstream has.
    Tombstones "tombstones"
    /// Connected accounts.
    Accounts "accounts"
    /// The connected accounts of an organisation.
    AccountByOrg "account_by_org"
    /// Key-value buckets.
    KvBuckets "kv_buckets"
    /// The key-value buckets of an organisation.
    KvBucketByOrg "kv_bucket_by_org"
    /// Values, by bucket and key.
    KvEntries "kv_entries"
    /// The same by when they expire.
    KvExpiry "kv_expiry"
    /// Counters of key-value buckets.
    KvUsage "kv_usage"
    /// Key-value buckets that are deleted and not yet gone, by when they were.
    KvDeletions "kv_deletions"
    /// Projects that take uploads.
    Projects "projects"
    /// The projects of an organisation.
    ProjectByOrg "project_by_org"
    /// Routes of projects.
    Routes "routes"
    /// The routes of a project, by slug.
    RouteBySlug "route_by_slug"
    /// Keys of projects.
    ProjectKeys "project_keys"
    /// The keys of a project.
    KeyByProject "key_by_project"
    /// SHA-256 of projects' keys.
    ProjectKeyByHash "project_key_by_hash"
    /// Files of projects: what was asked to be uploaded, and what became of it.
    Files "files"
    /// The files of a bucket that are not deleted, newest first.
    FileByBucket "file_by_bucket"
    /// The files of a bucket, by key.
    FileByKey "file_by_key"
    /// Files by when something is to be done about them.
    FileDue "file_due"
    /// What happened to files, by bucket.
    FileEvents "file_events"
    /// Confirmed uploads of each organisation, by month.
    UploadCounts "upload_counts"
    /// Deliveries of webhooks.
    Deliveries "deliveries"
    /// The deliveries about the files of a bucket, newest first.
    DeliveryByBucket "delivery_by_bucket"
    /// Deliveries by when they are to be tried.
    DeliveryDue "delivery_due"
    /// Scripts, by key-value bucket and name.
    KvScripts "kv_scripts"
    ;
    // From here on: the tables of the request log's own file.
    /// Blocks of logged requests, by organisation, newest first.
    Logs "logs"
    /// The same blocks in the order of time.
    LogByTime "log_by_time"
}

/// A table with the types of its rows.
#[derive(Debug)]
pub struct Typed<K, V> {
    table: Table,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Record> Typed<K, V> {
    const fn new(table: Table) -> Self {
        Self { table, types: PhantomData }
    }

    /// The untyped table.
    pub const fn table(&self) -> Table {
        self.table
    }

    /// One row.
    pub fn get(&self, read: &dyn Read, key: &K) -> Result<Option<V>> {
        match read.get(self.table, &key.to_key())? {
            Some(bytes) => codec::decode(&bytes).map(Some),
            None => Ok(None),
        }
    }

    /// One row, as it is kept where it is read from; it is kept if its table's rows are.
    pub fn get_kept(&self, read: &dyn Read, key: &K) -> Result<Option<Arc<V>>>
    where
        V: Send + Sync + 'static,
    {
        let at = (self.table, key.to_key());
        if let Some(row) = read.kept(&at).and_then(|row| row.downcast().ok()) {
            return Ok(Some(row));
        }
        let Some(bytes) = read.get(self.table, &at.1)? else { return Ok(None) };
        let row = Arc::new(codec::decode(&bytes)?);
        read.keep(at, Arc::<V>::clone(&row));
        Ok(Some(row))
    }

    /// Whether a row exists.
    pub fn contains(&self, read: &dyn Read, key: &K) -> Result<bool> {
        Ok(read.get(self.table, &key.to_key())?.is_some())
    }

    /// Writes one row.
    pub fn put(&self, tx: &mut Tx<'_>, key: &K, value: &V) -> Result<()> {
        tx.put(self.table, key.to_key(), codec::encode(value)?);
        Ok(())
    }

    /// Removes one row, if it is there.
    pub fn delete(&self, tx: &mut Tx<'_>, key: &K) {
        tx.delete(self.table, key.to_key());
    }

    /// Visits the rows of a range in order.
    pub fn scan(&self, read: &dyn Read, range: &KeyRange, mut visit: impl FnMut(K, V) -> Result<Step>) -> Result<()> {
        read.scan(self.table, range, &mut |key, value| {
            let key = K::read(key).ok_or_else(|| Error::corrupt(format!("a key of table {}", self.table.name())))?;
            visit(key, codec::decode(value)?)
        })
    }
}

/// Facts about the store: values are raw, each with its own form (see `state.rs`).
pub fn state_get(read: &dyn Read, name: &str) -> Result<Option<Bytes>> {
    read.get(Table::State, name.as_bytes())
}

/// Writes a fact about the store.
pub fn state_put(tx: &mut Tx<'_>, name: &str, value: Bytes) {
    tx.put(Table::State, name.as_bytes().to_vec(), value);
}

/// Removes a fact about the store.
pub fn state_delete(tx: &mut Tx<'_>, name: &str) {
    tx.delete(Table::State, name.as_bytes().to_vec());
}

/// Organisations by id.
pub const ORGS: Typed<OrgId, OrgRow> = Typed::new(Table::Orgs);
/// Organisation ids by name.
pub const ORG_BY_NAME: Typed<String, IdRow> = Typed::new(Table::OrgByName);
/// Access keys by id.
pub const KEYS: Typed<KeyId, KeyRow> = Typed::new(Table::Keys);
/// Access keys by access key id.
pub const KEY_BY_ACCESS_ID: Typed<String, IdRow> = Typed::new(Table::KeyByAccessId);
/// Access keys by the SHA-256 of their token.
pub const KEY_BY_TOKEN_HASH: Typed<[u8; 32], IdRow> = Typed::new(Table::KeyByTokenHash);
/// Buckets by id.
pub const BUCKETS: Typed<BucketId, BucketRow> = Typed::new(Table::Buckets);
/// Bucket ids by name.
pub const BUCKET_BY_NAME: Typed<String, IdRow> = Typed::new(Table::BucketByName);
/// Bucket ids by organisation and name.
pub const BUCKET_BY_ORG: Typed<(OrgId, String), IdRow> = Typed::new(Table::BucketByOrg);
/// Current live objects by bucket and key.
pub const OBJECTS: Typed<(BucketId, String), ObjectRow> = Typed::new(Table::Objects);
/// Small blobs.
pub const INLINE: Typed<BlobId, InlineRow> = Typed::new(Table::Inline);
/// Blobs.
pub const BLOBS: Typed<BlobId, BlobRow> = Typed::new(Table::Blobs);
/// Block checksums by blob and group of `limit::SUMS_PER_ROW` blocks.
pub const BLOB_SUMS: Typed<(BlobId, u32), SumsRow> = Typed::new(Table::BlobSums);
/// Open uploads by bucket, key and upload.
pub const UPLOADS: Typed<(BucketId, String, UploadId), UploadRow> = Typed::new(Table::Uploads);
/// Parts by upload and part number.
pub const PARTS: Typed<(UploadId, u16), PartRow> = Typed::new(Table::Parts);
/// Manifests by the upload they came from.
pub const MANIFESTS: Typed<UploadId, ManifestRow> = Typed::new(Table::Manifests);
/// Garbage by due time.
pub const GARBAGE: Typed<(u64, [u8; 17]), GarbageRow> = Typed::new(Table::Garbage);
/// Counters by bucket.
pub const USAGE: Typed<BucketId, UsageRow> = Typed::new(Table::Usage);

/// Bucket ids by organisation and id.
pub const BUCKET_ID_BY_ORG: Typed<(OrgId, BucketId), IdRow> = Typed::new(Table::BucketIdByOrg);
/// Key ids by organisation and id.
pub const KEY_BY_ORG: Typed<(OrgId, KeyId), IdRow> = Typed::new(Table::KeyByOrg);
/// When keys were last used, by key.
pub const KEY_USED: Typed<KeyId, KeyUsedRow> = Typed::new(Table::KeyUsed);
/// Counters by organisation.
pub const ORG_USAGE: Typed<OrgId, OrgUsageRow> = Typed::new(Table::OrgUsage);
/// Bytes sent by bucket and month.
pub const BUCKET_BANDWIDTH: Typed<(BucketId, u32), BandwidthRow> = Typed::new(Table::BucketBandwidth);
/// Bytes sent by organisation and month.
pub const ORG_BANDWIDTH: Typed<(OrgId, u32), BandwidthRow> = Typed::new(Table::OrgBandwidth);
/// Buckets that are being emptied.
pub const DELETIONS: Typed<BucketId, DeletionRow> = Typed::new(Table::Deletions);
/// Share links by bucket and id.
pub const SHARES: Typed<(BucketId, ShareId), ShareRow> = Typed::new(Table::Shares);
/// Share links by the SHA-256 of their code.
pub const SHARE_BY_CODE: Typed<[u8; 32], ShareRef> = Typed::new(Table::ShareByCode);
/// Share links by when they end.
pub const SHARE_BY_EXPIRY: Typed<(u64, ShareId), ShareRef> = Typed::new(Table::ShareByExpiry);

/// Versions that are not current, and delete markers, by bucket and key, newest first.
pub const VERSIONS: Typed<(BucketId, String, Newest), VersionRow> = Typed::new(Table::Versions);
/// Where null versions lie that are not current, by bucket and key.
pub const NULL_VERSIONS: Typed<(BucketId, String), NullRow> = Typed::new(Table::NullVersions);

/// Events that wait to be told, by when they are due.
pub const OUTBOX: Typed<(u64, EventId), EventRow> = Typed::new(Table::Outbox);

/// Adoptions by bucket.
pub const ADOPTIONS: Typed<BucketId, AdoptionRow> = Typed::new(Table::Adoptions);
/// Keys that are not there, by bucket and key.
pub const TOMBSTONES: Typed<(BucketId, String), TombstoneRow> = Typed::new(Table::Tombstones);

/// Connected accounts by id.
pub const ACCOUNTS: Typed<AccountId, AccountRow> = Typed::new(Table::Accounts);
/// Account ids by organisation and id.
pub const ACCOUNT_BY_ORG: Typed<(OrgId, AccountId), IdRow> = Typed::new(Table::AccountByOrg);

/// Key-value buckets by id.
pub const KV_BUCKETS: Typed<KvId, KvBucketRow> = Typed::new(Table::KvBuckets);
/// Ids of key-value buckets by organisation and id.
pub const KV_BUCKET_BY_ORG: Typed<(OrgId, KvId), IdRow> = Typed::new(Table::KvBucketByOrg);
/// Values by bucket and key.
pub const KV_ENTRIES: Typed<(KvId, Vec<u8>), KvEntryRow> = Typed::new(Table::KvEntries);
/// The same by when they expire.
pub const KV_EXPIRY: Typed<(u64, KvId, Vec<u8>), KvExpiryRow> = Typed::new(Table::KvExpiry);
/// Counters by key-value bucket.
pub const KV_USAGE: Typed<KvId, KvUsageRow> = Typed::new(Table::KvUsage);
/// Deleted key-value buckets by when they were deleted, and id.
pub const KV_DELETIONS: Typed<(u64, KvId), KvDeletionRow> = Typed::new(Table::KvDeletions);
/// Scripts by key-value bucket and name.
pub const KV_SCRIPTS: Typed<(KvId, String), KvScriptRow> = Typed::new(Table::KvScripts);

/// Projects by id.
pub const PROJECTS: Typed<ProjectId, ProjectRow> = Typed::new(Table::Projects);
/// Project ids by organisation and id.
pub const PROJECT_BY_ORG: Typed<(OrgId, ProjectId), IdRow> = Typed::new(Table::ProjectByOrg);
/// Routes by id.
pub const ROUTES: Typed<RouteId, RouteRow> = Typed::new(Table::Routes);
/// Route ids by project and slug.
pub const ROUTE_BY_SLUG: Typed<(ProjectId, String), IdRow> = Typed::new(Table::RouteBySlug);
/// Keys of projects by id.
pub const PROJECT_KEYS: Typed<ProjectKeyId, ProjectKeyRow> = Typed::new(Table::ProjectKeys);
/// Key ids by project and id.
pub const KEY_BY_PROJECT: Typed<(ProjectId, ProjectKeyId), IdRow> = Typed::new(Table::KeyByProject);
/// Keys of projects by the SHA-256 of what their holders present.
pub const PROJECT_KEY_BY_HASH: Typed<[u8; 32], IdRow> = Typed::new(Table::ProjectKeyByHash);
/// Files by id.
pub const FILES: Typed<FileId, FileRow> = Typed::new(Table::Files);
/// File ids by bucket, newest first.
pub const FILE_BY_BUCKET: Typed<(BucketId, Newest), IdRow> = Typed::new(Table::FileByBucket);
/// File ids by bucket and key.
pub const FILE_BY_KEY: Typed<(BucketId, String), IdRow> = Typed::new(Table::FileByKey);
/// File ids by when something is to be done about them.
pub const FILE_DUE: Typed<(u64, FileId), IdRow> = Typed::new(Table::FileDue);
/// What happened to files, by bucket, in its order.
pub const FILE_EVENTS: Typed<(BucketId, EventId), FileEventRow> = Typed::new(Table::FileEvents);
/// Confirmed uploads by organisation and month.
pub const UPLOAD_COUNTS: Typed<(OrgId, u32), UploadCountRow> = Typed::new(Table::UploadCounts);
/// Deliveries by id.
pub const DELIVERIES: Typed<DeliveryId, DeliveryRow> = Typed::new(Table::Deliveries);
/// Delivery ids by bucket, newest first.
pub const DELIVERY_BY_BUCKET: Typed<(BucketId, Newest), IdRow> = Typed::new(Table::DeliveryByBucket);
/// Delivery ids by when they are to be tried.
pub const DELIVERY_DUE: Typed<(u64, DeliveryId), IdRow> = Typed::new(Table::DeliveryDue);

/// A row of an index: the identifier it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdRow(pub [u8; 16]);

impl Record for IdRow {
    const VERSION: u8 = 1;
}
