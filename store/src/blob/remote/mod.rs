//! Blobs in a bucket of an S3 provider, through object_store.
//!
//! A blob is `<prefix>/<epoch>/<fan>/<ulid>`, as it is under a folder. What is acknowledged is durable upstream: an answer
//! to the last request of an upload, and nothing sooner, makes a blob. What an upload leaves that failed is removed at
//! once, or by the sweep once the upstream answers again; what a process leaves that died, by the sweep of the next.

mod credentials;
mod litter;
mod mark;
mod read;
mod service;
mod told;
mod write;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::sync::{OnceCell, Semaphore};

use self::service::Connector;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::BlobId;
use crate::limit;
use crate::upstream::{BreakerCounters, Client, ClientOptions, Credentials, Endpoint, Provider};

pub use self::credentials::CredentialSource;
pub(super) use self::read::{Arrival, RemoteFile};
pub(super) use self::write::RemoteWriter;

/// Where blobs are kept upstream.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// The provider's address; `None` is that of AWS for the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket, which must be there.
    pub bucket: String,
    /// What all names begin with, before a slash; empty for nothing.
    pub prefix: String,
    /// Whether the bucket is named in the path; else it is a label before the host.
    pub path_style: bool,
    /// Who asks.
    pub credentials: CredentialSource,
    /// Whether the bytes go with a CRC-64/NVME, which costs next to nothing, in place of a SHA-256 in the signature.
    pub crc64nvme: bool,
}

impl RemoteOptions {
    fn endpoint(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", self.region))
    }
}

/// A bucket that holds blobs, or a prefix of one. Its clones are one.
#[derive(Clone)]
pub(crate) struct RemoteBlobs(Arc<Inner>);

struct Inner {
    s3: AmazonS3,
    client: Arc<Client>,
    options: RemoteOptions,
    /// The provider, as messages and metrics name it.
    host: String,
    /// What uploads may hold in memory together, in units of `limit::ROOM_UNIT_BYTES`.
    room: Arc<Semaphore>,
    /// The store's identity, once it is known.
    id: OnceLock<String>,
    is_marked: OnceCell<()>,
    /// Names under which a failed write may have left something.
    litter: Mutex<Vec<Path>>,
    /// Names of the blobs that are being written.
    running: Mutex<HashSet<String>>,
    /// How long this process will have run when it is time to look for uploads that nobody runs.
    look_at_age_ms: AtomicU64,
}

impl RemoteBlobs {
    /// A bucket that nobody has asked for anything yet. `InvalidRequest` for options that make no sense.
    pub(crate) fn new(options: &RemoteOptions, client: &ClientOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let endpoint = options.endpoint();
        let parsed = Endpoint::parse(&endpoint)?;
        let host = parsed.host().to_owned();
        // Whoever runs the gateway says where this is; what accounts may name is another matter.
        let client = ClientOptions { allow_http: true, allow_private: true, ..client.clone() };
        let client = Arc::new(Client::new(client, clock));
        let address = match (options.path_style, endpoint.split_once("://")) {
            (false, Some((scheme, host))) => format!("{scheme}://{}.{host}", options.bucket),
            _ => endpoint,
        };
        let backoff = BackoffConfig {
            init_backoff: limit::UPSTREAM_RETRY_DELAY,
            max_backoff: limit::UPSTREAM_RETRY_DELAY * 10,
            base: 2.0,
        };
        let retry = RetryConfig {
            backoff,
            max_retries: usize::try_from(limit::UPSTREAM_TRIES_MAX - 1).unwrap_or_default(),
            retry_timeout: Duration::from_secs(60),
        };
        let builder = AmazonS3Builder::new()
            .with_endpoint(address)
            .with_virtual_hosted_style_request(!options.path_style)
            .with_region(&options.region)
            .with_bucket_name(&options.bucket)
            .with_retry(retry)
            .with_http_connector(Connector(Arc::clone(&client)));
        let builder = match options.crc64nvme {
            true => builder.with_unsigned_payload(true).with_checksum_algorithm(Checksum::CRC64NVME),
            false => builder,
        };
        let wrong = |error| Error::new(ErrorKind::InvalidRequest, "The blobs' upstream cannot be used.").because(error);
        let s3 = options.credentials.give(builder)?.build().map_err(wrong)?;
        Ok(Self(Arc::new(Inner {
            s3,
            client,
            options: options.clone(),
            host,
            room: Arc::new(Semaphore::new(limit::ROOM_BYTES / limit::ROOM_UNIT_BYTES)),
            id: OnceLock::new(),
            is_marked: OnceCell::new(),
            litter: Mutex::default(),
            running: Mutex::default(),
            look_at_age_ms: AtomicU64::new(0),
        })))
    }

    /// How requests have fared.
    pub(crate) fn breakers(&self) -> Vec<BreakerCounters> {
        self.0.client.breakers()
    }

    fn name(&self, rest: &str) -> Path {
        match self.0.options.prefix.as_str() {
            "" => Path::from(rest),
            prefix => Path::from(format!("{prefix}/{rest}")),
        }
    }

    fn path(&self, epoch: u32, blob: BlobId) -> Path {
        let [.., fan] = blob.0;
        self.name(&format!("{epoch:08x}/{fan:02x}/{blob}"))
    }

    /// What went wrong, told by the host.
    fn storage(&self, error: object_store::Error) -> Error {
        told::told(&self.0.host, error)
    }

    /// Begins a blob of `length` bytes, if that is known.
    pub(super) async fn create(&self, epoch: u32, blob: BlobId, length: Option<u64>) -> Result<RemoteWriter> {
        self.must_be_marked().await?;
        Ok(RemoteWriter::new(self.clone(), self.path(epoch, blob), length))
    }

    /// A blob to read stretches of.
    pub(super) fn file(&self, epoch: u32, blob: BlobId, size: u64) -> RemoteFile {
        RemoteFile::new(self.clone(), self.path(epoch, blob), size)
    }

    /// How long a blob is; `None` if it is not there.
    pub(super) async fn length(&self, epoch: u32, blob: BlobId) -> Result<Option<u64>> {
        self.length_of(&self.path(epoch, blob)).await
    }

    async fn length_of(&self, path: &Path) -> Result<Option<u64>> {
        match self.0.s3.head(path).await {
            Ok(found) => Ok(Some(found.size)),
            Err(error) if told::is_missing(&error) => Ok(None),
            Err(error) => Err(self.storage(error)),
        }
    }

    /// Removes blobs. One that is not there counts as removed.
    pub(super) async fn delete(&self, blobs: &[(u32, BlobId)]) -> Result<()> {
        self.delete_paths(blobs.iter().map(|(epoch, blob)| self.path(*epoch, *blob)).collect()).await
    }

    /// Removes what `page` found.
    pub(super) async fn remove(&self, names: &[PathBuf]) -> Result<()> {
        self.delete_paths(names.iter().map(|name| Path::from(name.to_string_lossy().as_ref())).collect()).await
    }

    async fn delete_paths(&self, paths: Vec<Path>) -> Result<()> {
        self.must_be_marked().await?;
        let paths = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut results = self.0.s3.delete_stream(paths);
        while let Some(result) = results.next().await {
            match result {
                Err(error) if !told::is_missing(&error) => return Err(self.storage(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The epochs that have blobs.
    pub(super) async fn epochs(&self) -> Result<Vec<u32>> {
        let root = (!self.0.options.prefix.is_empty()).then(|| self.name(""));
        let listed = self.0.s3.list_with_delimiter(root.as_ref()).await.map_err(|error| self.storage(error))?;
        let epoch = |path: &Path| u32::from_str_radix(path.filename()?, 16).ok();
        Ok(listed.common_prefixes.iter().filter_map(epoch).collect())
    }

    /// The names of what lies in an epoch behind `after`, a page of them, in their order.
    pub(super) async fn page(&self, epoch: u32, after: &str) -> Result<Vec<String>> {
        let root = self.name(&format!("{epoch:08x}"));
        let listed = match after {
            "" => self.0.s3.list(Some(&root)),
            after => self.0.s3.list_with_offset(Some(&root), &Path::from(after)),
        };
        let names = listed.take(limit::PAGE_MAX).map_ok(|found| found.location.to_string());
        names.try_collect().await.map_err(|error| self.storage(error))
    }

    /// The provider as our own client asks it, for what object_store cannot.
    async fn provider(&self) -> Result<Provider> {
        let credentials = self.0.s3.credentials().get_credential().await.map_err(|error| self.storage(error))?;
        let RemoteOptions { region, path_style, .. } = &self.0.options;
        Ok(Provider {
            endpoint: self.0.options.endpoint(),
            region: region.clone(),
            path_style: *path_style,
            credentials: Credentials {
                access_key_id: credentials.key_id.clone(),
                secret: windlass_config::Secret::new(credentials.secret_key.clone()),
                session_token: credentials.token.clone().map(windlass_config::Secret::new),
                expires_ms: None,
            },
        })
    }
}
