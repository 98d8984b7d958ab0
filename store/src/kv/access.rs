//! Who may do what in a key-value bucket: from what a request presents, to the rights of whoever presents it.
//!
//! Everybody may do what no key of the bucket keeps from them. The holder of a key may do that, and what the key is for; an
//! access token allows what it says and nothing else; a key of the bucket's organisation, what its scopes say. What a
//! request presents is compared by a hash, salted with the bucket, in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::key::{TokenAnswer, is_token};
use crate::kv::token::KvPermissions;
use crate::kv::{KvBucket, KvBucketRow, KvId};
use crate::meta::Read;
use crate::policy::{Action, KeyPrincipal, Principal, Resource, authorize};

/// Separates hashes of keys from all others.
const LABEL: &[u8] = b"windlass key-value key v1";

/// Something that can be done in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvRight {
    /// Get a value.
    Get,
    /// Set a value, or add to one.
    Set,
    /// Delete a value.
    Delete,
    /// List keys.
    List,
    /// Change the bucket's keys and settings, and make access tokens.
    Policy,
    /// Delete the bucket.
    Drop,
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rights(u8);

impl Rights {
    const ALL: Self = Self(0b11_1111);

    const fn none() -> Self {
        Self(0)
    }

    const fn with(self, right: KvRight, has: bool) -> Self {
        if has { Self(self.0 | 1 << right as u8) } else { self }
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, right: KvRight) -> bool {
        self.0 & (1 << right as u8) != 0
    }

    /// What everybody may do.
    fn public(bucket: &KvBucketRow) -> Self {
        let KvBucketRow { secret_key, read_key, write_key, .. } = bucket;
        let keyless = secret_key.is_none() && read_key.is_none() && write_key.is_none();
        Self::none()
            .with(KvRight::Get, read_key.is_none())
            .with(KvRight::Set, write_key.is_none())
            .with(KvRight::Delete, write_key.is_none())
            .with(KvRight::List, keyless)
    }

    /// What the keys are for that this one is; `None` if it is none of them.
    fn of_key(bucket: &KvBucketRow, id: KvId, key: &str) -> Option<Self> {
        let hash = hash_key(id, key);
        let is = |known: &Option<[u8; 32]>| known.is_some_and(|known| known.ct_eq(&hash).into());
        let (secret, read, write) = (is(&bucket.secret_key), is(&bucket.read_key), is(&bucket.write_key));
        let of_secret = if secret { Self::ALL } else { Self::none() };
        let of_others = Self::none().with(KvRight::Get, read).with(KvRight::Set, write).with(KvRight::Delete, write);
        (secret || read || write).then(|| of_secret.and(of_others))
    }

    /// What a token allows.
    fn of_token(permissions: KvPermissions) -> Self {
        Self::none()
            .with(KvRight::Get, permissions.read)
            .with(KvRight::Set, permissions.write)
            .with(KvRight::List, permissions.enumerate)
            .with(KvRight::Delete, permissions.delete)
    }
}

/// The stored form of a bucket's key.
pub(super) fn hash_key(id: KvId, key: &str) -> [u8; 32] {
    Sha256::new().chain_update(LABEL).chain_update(id.0).chain_update(key.as_bytes()).finalize().into()
}

/// Proof of what somebody may do in a bucket. It cannot be made elsewhere.
#[derive(Debug, Clone)]
pub struct KvGrant {
    id: KvId,
    bucket: KvBucketRow,
    rights: Rights,
    prefix: Vec<u8>,
    holder: bool,
}

impl KvGrant {
    /// That one thing, for a holder of the organisation's key who was allowed it.
    pub(super) fn for_owner(bucket: KvBucket, right: KvRight) -> Self {
        let rights = Rights::none().with(right, true);
        Self { id: bucket.id, bucket: bucket.row, rights, prefix: Vec::new(), holder: true }
    }

    /// The bucket.
    pub fn id(&self) -> KvId {
        self.id
    }

    /// The organisation that the bucket counts for.
    pub fn org(&self) -> OrgId {
        self.bucket.org
    }

    /// Whether something was presented that is right, so that the plan says how many requests there may be.
    pub fn is_holder(&self) -> bool {
        self.holder
    }

    pub(super) fn bucket(&self) -> &KvBucketRow {
        &self.bucket
    }

    /// What all keys must begin with.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// `AccessDenied` unless it has the right, for that key or for all that begin so.
    pub(super) fn must_allow(&self, right: KvRight, key: &[u8]) -> Result<()> {
        let denied = |message: &str| Err(Error::new(ErrorKind::AccessDenied, message));
        if !self.rights.has(right) {
            return denied("The bucket's policy does not allow it");
        }
        if !key.starts_with(&self.prefix) {
            return denied("The access token is for other keys");
        }
        Ok(())
    }
}

impl Store {
    /// What whoever presents `credential` may do in a bucket: a key of the bucket, an access token, or a token of the
    /// bucket's organisation; nothing is what everybody can present.
    ///
    /// `NoSuchBucket`, `BucketDeleted`; `WrongKey` for a credential that is none of them.
    pub fn kv_authorize(&self, id: KvId, credential: Option<&str>) -> Result<KvGrant> {
        let bucket = self.meta.read(|read| KvBucketRow::must_exist(read, id))?;
        let public = Rights::public(&bucket);
        let (rights, prefix) = match credential {
            None => (public, Vec::new()),
            Some(credential) => match Rights::of_key(&bucket, id, credential) {
                Some(rights) => (rights.and(public), Vec::new()),
                None if is_token(credential) => (self.kv_rights_of_token(&bucket, credential)?.and(public), Vec::new()),
                None => {
                    let token = self.open_kv_token(id, &bucket, credential)?;
                    (Rights::of_token(token.permissions), token.prefix)
                }
            },
        };
        Ok(KvGrant { id, bucket, rights, prefix, holder: credential.is_some() })
    }

    /// What the holder of an organisation's key may do in its buckets.
    fn kv_rights_of_token(&self, bucket: &KvBucketRow, token: &str) -> Result<Rights> {
        let TokenAnswer::Known(principal) = self.authenticate_token(token)? else { return Err(wrong_key()) };
        // A key that is for some buckets alone is for none of these.
        if principal.org != bucket.org || principal.buckets.is_some() {
            return Err(wrong_key());
        }
        self.used_keys.note(principal.key, self.clock.now());
        self.meta.read(|read| Ok(self.kv_rights_of_scopes(read, &principal)))
    }

    fn kv_rights_of_scopes(&self, read: &dyn Read, principal: &KeyPrincipal) -> Rights {
        let (now, principal) = (self.clock.now(), Principal::Key(principal.clone()));
        let may = |action| authorize(read, now, &principal, action, Resource::Service).is_ok();
        Rights::none()
            .with(KvRight::Get, may(Action::GetKvValue))
            .with(KvRight::List, may(Action::ListKvKeys))
            .with(KvRight::Set, may(Action::SetKvValue))
            .with(KvRight::Delete, may(Action::DeleteKvValue))
            .with(KvRight::Policy, may(Action::UpdateKvBucket))
            .with(KvRight::Drop, may(Action::DeleteKvBucket))
    }
}

/// The one wording of `WrongKey`.
pub(super) fn wrong_key() -> Error {
    Error::new(ErrorKind::WrongKey, "Wrong key")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: KvId = KvId([1; 16]);

    fn bucket(keys: &[&str]) -> KvBucketRow {
        let hash = |name: &str| keys.contains(&name).then(|| hash_key(ID, name));
        KvBucketRow {
            org: OrgId([2; 16]),
            name: String::new(),
            created_ms: 0,
            updated_ms: 0,
            secret_key: hash("secret"),
            read_key: hash("read"),
            write_key: hash("write"),
            signing_key: None,
            signing_epoch: 0,
            default_ttl_s: 0,
            deleted_ms: None,
        }
    }

    /// The rights of whoever presents nothing, the read key, the write key and the secret key, a letter each.
    fn table(keys: &[&str]) -> [String; 4] {
        let bucket = bucket(keys);
        let letters = [
            (KvRight::Get, 'g'),
            (KvRight::Set, 's'),
            (KvRight::Delete, 'd'),
            (KvRight::List, 'l'),
            (KvRight::Policy, 'p'),
            (KvRight::Drop, 'x'),
        ];
        let show = |rights: Rights| -> String {
            letters.iter().filter(|(right, _)| rights.has(*right)).map(|(_, letter)| *letter).collect()
        };
        let public = Rights::public(&bucket);
        let of = |key| Rights::of_key(&bucket, ID, key).map_or("wrong".to_owned(), |rights| show(rights.and(public)));
        [show(public), of("read"), of("write"), of("secret")]
    }

    #[test]
    fn keys_keep_from_others_what_they_are_for() {
        assert_eq!(table(&[]), ["gsdl", "wrong", "wrong", "wrong"]);
        assert_eq!(table(&["secret"]), ["gsd", "wrong", "wrong", "gsdlpx"]);
        assert_eq!(table(&["secret", "write"]), ["g", "wrong", "gsd", "gsdlpx"]);
        assert_eq!(table(&["secret", "read"]), ["sd", "gsd", "wrong", "gsdlpx"]);
        assert_eq!(table(&["secret", "read", "write"]), ["", "g", "sd", "gsdlpx"]);
        assert_eq!(table(&["read"]), ["sd", "gsd", "wrong", "wrong"]);
        assert_eq!(table(&["write"]), ["g", "wrong", "gsd", "wrong"]);
    }

    #[test]
    fn the_same_key_of_two_buckets_has_two_hashes() {
        assert_ne!(hash_key(ID, "key"), hash_key(KvId([2; 16]), "key"));
    }
}
