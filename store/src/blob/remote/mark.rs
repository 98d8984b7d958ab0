//! The marker upstream: an object that says whose blobs these are, as the marker file of a folder does.

use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use super::{RemoteBlobs, told};
use crate::error::{Error, ErrorKind, Result};
use crate::marker;

/// Longest marker that is read.
const MARKER_BYTES_MAX: u64 = 256;

impl RemoteBlobs {
    /// Makes sure that the blobs here are those of the store of that identity: `InvalidRequest` if there is no marker or it
    /// names another.
    pub(crate) async fn check_marker(&self, id: &str) -> Result<()> {
        let id = self.0.id.get_or_init(|| id.to_owned());
        match self.marker().await? {
            Some(found) if found.trim_end() == marker::text(id) => {
                self.0.is_marked.get_or_init(async || ()).await;
                Ok(())
            }
            Some(_) => Err(self.refuse("belongs to another Windlass store: its marker object names another identity.")),
            None => {
                Err(self.refuse("lacks the marker object windlass-store. Are blobs.bucket and blobs.prefix right?"))
            }
        }
    }

    /// Marks an empty place as the store's. `InvalidRequest` if there is anything but its own marker.
    pub(crate) async fn mark(&self, id: &str) -> Result<()> {
        if self.marker().await?.is_none() {
            self.must_be_empty().await?;
            let payload = PutPayload::from(format!("{}\n", marker::text(id)));
            let put = self.0.s3.put_opts(&self.name(marker::FILE), payload, PutMode::Create.into()).await;
            match put {
                // Whose it is that came before us is seen below.
                Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(self.storage(error)),
            }
        }
        self.check_marker(id).await
    }

    /// Makes sure of the marker before anything is changed here, once: a start goes on without an upstream.
    pub(super) async fn must_be_marked(&self) -> Result<()> {
        if self.0.is_marked.initialized() {
            return Ok(());
        }
        match self.0.id.get() {
            Some(id) => self.check_marker(id).await,
            None => Err(Error::corrupt("a place for blobs that is no store's")),
        }
    }

    async fn marker(&self) -> Result<Option<String>> {
        let found = match self.0.s3.get(&self.name(marker::FILE)).await {
            Ok(found) => found,
            Err(error) if told::is_missing(&error) => return Ok(None),
            Err(error) => return Err(self.storage(error)),
        };
        if found.meta.size > MARKER_BYTES_MAX {
            return Ok(Some(String::new()));
        }
        let bytes = found.bytes().await.map_err(|error| self.storage(error))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn must_be_empty(&self) -> Result<()> {
        let root = (!self.0.options.prefix.is_empty()).then(|| self.name(""));
        let listed = self.0.s3.list_with_delimiter(root.as_ref()).await.map_err(|error| self.storage(error))?;
        if listed.objects.is_empty() && listed.common_prefixes.is_empty() {
            return Ok(());
        }
        Err(self.refuse("holds objects that are not this store's. Choose an empty bucket or another blobs.prefix."))
    }

    fn refuse(&self, why: &str) -> Error {
        let place = match self.0.options.prefix.as_str() {
            "" => self.0.options.bucket.clone(),
            prefix => format!("{}/{prefix}", self.0.options.bucket),
        };
        Error::new(ErrorKind::InvalidRequest, format!("s3://{place} at {} {why}", self.0.host))
    }
}
