//! Following a link.

use crate::Store;
use crate::blob::blocking;
use crate::error::{ErrorKind, Result};
use crate::key::principal;
use crate::limit;
use crate::meta::table::{KEYS, SHARE_BY_CODE, SHARES};
use crate::name::ObjectKey;
use crate::policy::{Action, Grant, Principal, Resource, authorize};
use crate::share::{Share, hash_of};

/// Characters of the longest code that is looked up.
const CODE_CHARS_MAX: usize = 64;

/// Where a link leads.
#[derive(Debug)]
pub enum ShareAnswer {
    /// To this object, which the grant allows to read.
    Open {
        /// For `GetObject` on the link's bucket.
        grant: Box<Grant>,
        /// The object; it may be gone since.
        key: ObjectKey,
        /// The link.
        share: Share,
    },
    /// To a password that was not given.
    PasswordNeeded,
    /// To a password that was not the one given.
    PasswordWrong,
    /// Nowhere: it never existed, has ended, was revoked, or the key that made it may not read the object any more.
    Unknown,
}

impl Store {
    /// Follows a link. `SlowDown` while too many passwords are being checked.
    pub async fn open_share(&self, code: &str, password: Option<String>) -> Result<ShareAnswer> {
        if code.len() > CODE_CHARS_MAX {
            return Ok(ShareAnswer::Unknown);
        }
        let now = self.clock.now();
        let found = self.meta.read(|read| {
            let Some(at) = SHARE_BY_CODE.get(read, &hash_of(code))? else { return Ok(None) };
            let Some(row) = SHARES.get(read, &(at.bucket, at.id))?.filter(|row| row.expires_ms > now) else {
                return Ok(None);
            };
            let Some(key) = KEYS.get_kept(read, &row.made_by)? else { return Ok(None) };
            let lender = Principal::Key(principal(row.made_by, &key));
            match authorize(read, now, &lender, Action::GetObject, Resource::BucketId(at.bucket)) {
                Ok(grant) => Ok(Some((at.id, row, grant))),
                Err(error)
                    if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unavailable | ErrorKind::Latched) =>
                {
                    Err(error)
                }
                Err(_) => Ok(None),
            }
        })?;
        let Some((id, row, grant)) = found else { return Ok(ShareAnswer::Unknown) };
        if let Some(hash) = row.password.clone() {
            let Some(password) = password else { return Ok(ShareAnswer::PasswordNeeded) };
            if password.len() > limit::PASSWORD_BYTES_MAX {
                return Ok(ShareAnswer::PasswordWrong);
            }
            let turn = self.password_checks.begin()?;
            let fits = blocking(move || {
                let _turn = turn;
                Ok(hash.is_of(password.as_bytes()))
            });
            if !fits.await? {
                return Ok(ShareAnswer::PasswordWrong);
            }
        }
        let key = ObjectKey::parse(&row.key)?;
        Ok(ShareAnswer::Open { grant: Box::new(grant), key, share: Share::of(id, row) })
    }
}
