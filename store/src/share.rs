//! Share links: a code that leads to one object until it ends or is revoked, with a password or without.
//!
//! Of a code only its SHA-256 is kept, of a password a slow hash. A link lends the rights of the key that made it, and no
//! longer than that key has them: with the key its links end.

mod open;
mod password;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Store;
use crate::blob::blocking;
use crate::bucket::Bucket;
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, ShareId};
use crate::key::{Scope, Scopes};
use crate::limit;
use crate::meta::table::{OBJECTS, SHARE_BY_CODE, SHARE_BY_EXPIRY, SHARES};
use crate::meta::{KeyRange, Read, Record, Step, Tx};
use crate::name::ObjectKey;
use crate::policy::{Action, Grant};

pub use open::ShareAnswer;
pub(crate) use password::PasswordChecks;
pub use password::PasswordHash;

/// Random bytes in a code.
const CODE_BYTES: usize = 18;

/// A stored share link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRow {
    /// SHA-256 of its code.
    pub code_hash: [u8; 32],
    /// The object that it leads to.
    pub key: String,
    /// The access key that made it, whose rights it lends.
    pub made_by: KeyId,
    /// When it was made.
    pub created_ms: Millis,
    /// When it ends.
    pub expires_ms: Millis,
    /// Its password, if it has one.
    pub password: Option<PasswordHash>,
}

impl Record for ShareRow {
    const VERSION: u8 = 1;
}

/// A row of an index of share links: where the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRef {
    /// The bucket that it leads into.
    pub bucket: BucketId,
    /// Its identifier.
    pub id: ShareId,
}

impl Record for ShareRef {
    const VERSION: u8 = 1;
}

/// A share link as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its identifier.
    pub id: ShareId,
    /// The object that it leads to.
    pub key: String,
    /// The access key that made it.
    pub made_by: KeyId,
    /// When it was made.
    pub created_ms: Millis,
    /// When it ends.
    pub expires_ms: Millis,
    /// Whether it asks for a password.
    pub has_password: bool,
}

impl Share {
    fn of(id: ShareId, row: ShareRow) -> Self {
        let ShareRow { key, made_by, created_ms, expires_ms, password, .. } = row;
        Self { id, key, made_by, created_ms, expires_ms, has_password: password.is_some() }
    }
}

/// A share link to make.
#[derive(Clone)]
pub struct NewShare {
    /// The object that it leads to.
    pub key: ObjectKey,
    /// For how long, from now; 1 second to `limit::SHARE_MS_MAX`.
    pub lasts_ms: u64,
    /// A password of 1 to `limit::PASSWORD_BYTES_MAX` bytes.
    pub password: Option<String>,
}

impl std::fmt::Debug for NewShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewShare").field("key", &self.key).field("lasts_ms", &self.lasts_ms).finish_non_exhaustive()
    }
}

fn hash_of(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

impl Store {
    /// Makes a link into the grant's bucket, and returns it with its code, which is shown here and nowhere else: 24
    /// characters of base64url.
    ///
    /// `NoSuchKey` without such an object; `InvalidArgument` for a time or a password outside its range; `SlowDown` while
    /// too many passwords are being hashed; `InvalidRequest` beyond `limit::SHARES_PER_BUCKET_MAX`.
    pub async fn create_share(&self, grant: &Grant, new: NewShare) -> Result<(Share, String)> {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        grant.must_allow(Action::CreateShare)?;
        if !(1_000..=limit::SHARE_MS_MAX).contains(&new.lasts_ms) {
            return Err(Error::new(ErrorKind::InvalidArgument, "expires_in must be from 1 second to 365 days"));
        }
        let password = match new.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let behind = self.are_behind(grant.bucket()?, &[new.key.as_str()]).await?.contains(&true);
        let code = URL_SAFE_NO_PAD.encode(clock::random::<CODE_BYTES>()?);
        let (bucket, made_by, code_hash) = (grant.bucket()?.id, grant.principal().key, hash_of(&code));
        let share = self
            .meta
            .write(move |tx| {
                let created_ms = tx.now();
                let row = ShareRow {
                    code_hash,
                    key: new.key.as_str().to_owned(),
                    made_by,
                    created_ms,
                    expires_ms: created_ms.saturating_add(new.lasts_ms),
                    password: password.clone(),
                };
                create(tx, bucket, row, behind)
            })
            .await?;
        Ok((share, code))
    }

    async fn hash_password(&self, password: String) -> Result<PasswordHash> {
        if !(1..=limit::PASSWORD_BYTES_MAX).contains(&password.len()) {
            return Err(Error::new(ErrorKind::InvalidArgument, "password must be 1 to 128 bytes"));
        }
        let turn = self.password_checks.begin()?;
        let salt = clock::random()?;
        blocking(move || {
            let _turn = turn;
            Ok(PasswordHash::of(password.as_bytes(), salt))
        })
        .await
    }

    /// A page of the links into the grant's bucket, ascending by id: those behind `after`, at most `max`; with it the last
    /// id if more come behind it.
    pub fn list_shares(
        &self,
        grant: &Grant,
        after: Option<ShareId>,
        max: usize,
    ) -> Result<(Vec<Share>, Option<ShareId>)> {
        grant.must_allow(Action::ListShares)?;
        let (bucket, now) = (grant.bucket()?.id, self.clock.now());
        let from = [&bucket.0[..], &after.map_or([0; 16], |after| after.0)].concat();
        self.meta.read(|read| {
            let (mut page, mut next): (Vec<Share>, _) = (Vec::new(), None);
            SHARES.scan(read, &KeyRange::prefix_from(&bucket.0, from), |(_, id), row| {
                if after == Some(id) || row.expires_ms <= now {
                    return Ok(Step::Continue);
                }
                if page.len() == max {
                    next = page.last().map(|share| share.id);
                    return Ok(Step::Stop);
                }
                page.push(Share::of(id, row));
                Ok(Step::Continue)
            })?;
            Ok((page, next))
        })
    }

    /// Revokes a link into the grant's bucket, at once. `NoSuchShare`; `AccessDenied` for another key's link, unless the
    /// key may write files.
    pub async fn revoke_share(&self, grant: &Grant, id: ShareId) -> Result<()> {
        grant.must_allow(Action::RevokeShare)?;
        let bucket = grant.bucket()?.id;
        let key = grant.principal().clone();
        self.meta
            .write(move |tx| {
                let row = SHARES.get(tx, &(bucket, id))?.filter(|row| row.expires_ms > tx.now());
                let row = row.ok_or_else(no_such_share)?;
                if row.made_by != key.key && !key.scopes.contain(Scopes::of(&[Scope::FilesWrite])) {
                    return Err(Error::new(ErrorKind::AccessDenied, "Access Denied"));
                }
                remove(tx, bucket, id, &row);
                Ok(())
            })
            .await?;
        self.meta.sync().await
    }

    /// Removes a bounded number of links that have ended; says how many.
    pub(crate) async fn sweep_shares(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut ended = Vec::new();
        self.meta.read(|read| {
            SHARE_BY_EXPIRY.scan(read, &KeyRange::all(), |(expires_ms, _), share| {
                if expires_ms > now || ended.len() == limit::SWEEP_STEP_ROWS {
                    return Ok(Step::Stop);
                }
                ended.push((expires_ms, share));
                Ok(Step::Continue)
            })
        })?;
        let count = ended.len() as u64;
        if count > 0 {
            self.meta.write(move |tx| ended.iter().try_for_each(|(at, share)| drop_ended(tx, *at, *share))).await?;
        }
        Ok(count)
    }
}

/// Makes a link to an object that is here, or `behind`, at its bucket's upstream.
fn create(tx: &mut Tx<'_>, bucket: BucketId, row: ShareRow, behind: bool) -> Result<Share> {
    Bucket::must_be_active(tx, bucket)?;
    if !behind && !OBJECTS.contains(tx, &(bucket, row.key.clone()))? {
        return Err(Error::new(ErrorKind::NoSuchKey, "The specified key does not exist."));
    }
    let mut count = 0;
    tx.scan(SHARES.table(), &KeyRange::prefix(&bucket.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    if count >= limit::SHARES_PER_BUCKET_MAX {
        let message = format!("A bucket has at most {} share links", limit::SHARES_PER_BUCKET_MAX);
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let id = ShareId::generate(tx.now())?;
    let at = ShareRef { bucket, id };
    SHARES.put(tx, &(bucket, id), &row)?;
    SHARE_BY_CODE.put(tx, &row.code_hash, &at)?;
    SHARE_BY_EXPIRY.put(tx, &(row.expires_ms, id), &at)?;
    Ok(Share::of(id, row))
}

/// Takes all rows of a link away.
fn remove(tx: &mut Tx<'_>, bucket: BucketId, id: ShareId, row: &ShareRow) {
    SHARES.delete(tx, &(bucket, id));
    SHARE_BY_CODE.delete(tx, &row.code_hash);
    SHARE_BY_EXPIRY.delete(tx, &(row.expires_ms, id));
}

fn drop_ended(tx: &mut Tx<'_>, expires_ms: Millis, share: ShareRef) -> Result<()> {
    if let Some(row) = SHARES.get(tx, &(share.bucket, share.id))? {
        remove(tx, share.bucket, share.id, &row);
    }
    SHARE_BY_EXPIRY.delete(tx, &(expires_ms, share.id));
    Ok(())
}

/// Removes a bounded number of links into a bucket; says whether there were any.
pub(crate) fn remove_of_bucket(tx: &mut Tx<'_>, bucket: BucketId) -> Result<bool> {
    let mut links = Vec::new();
    SHARES.scan(tx, &KeyRange::prefix(&bucket.0), |(_, id), row| {
        links.push((id, row));
        Ok(if links.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (id, row) in &links {
        remove(tx, bucket, *id, row);
    }
    Ok(!links.is_empty())
}

fn no_such_share() -> Error {
    Error::new(ErrorKind::NoSuchShare, "Share link not found")
}
