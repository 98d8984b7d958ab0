//! Access tokens: rights to the keys under a prefix for a time, told by the token itself. Nothing of a token is stored.
//!
//! A token is `v1.`, its claims and an HMAC-SHA-256 of all before it by the bucket's signing key, both in base64url. It
//! names the epoch of that key, so it is void with any change of the key, be it to what it was before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::access::wrong_key;
use crate::kv::policy::context;
use crate::kv::{KvBucketRow, KvGrant, KvId, KvRight};
use crate::limit;
use crate::meta::Record;
use crate::meta::codec::{decode, encode};

const VERSION: &str = "v1";

/// What a token allows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvPermissions {
    /// Get values.
    pub read: bool,
    /// Set values and add to them.
    pub write: bool,
    /// List keys.
    pub enumerate: bool,
    /// Delete values.
    pub delete: bool,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvToken {
    bucket: KvId,
    /// What all its keys begin with.
    pub(super) prefix: Vec<u8>,
    pub(super) permissions: KvPermissions,
    expires_ms: Millis,
    epoch: u64,
}

impl Record for KvToken {
    const VERSION: u8 = 1;
}

impl KvToken {
    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        let permissions = KvPermissions { read: true, enumerate: true, ..KvPermissions::default() };
        Self { bucket: KvId([1; 16]), prefix: b"p".to_vec(), permissions, expires_ms: 300, epoch: 5 }
    }
}

impl Store {
    /// Makes a token for the keys that begin with `prefix`, for `ttl_s` seconds from now. `AccessDenied` unless the bucket
    /// has a signing key and the grant its policy; `InvalidArgument` without a permission, for a prefix that no key can
    /// have, or a time outside 1 to `limit::KV_TOKEN_TTL_S_MAX`.
    pub fn kv_token(&self, grant: &KvGrant, prefix: Vec<u8>, permissions: KvPermissions, ttl_s: u64) -> Result<String> {
        grant.must_allow(KvRight::Policy, b"")?;
        let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let Some(sealed) = &grant.bucket().signing_key else {
            return Err(Error::new(ErrorKind::AccessDenied, "The bucket has no signing_key"));
        };
        if permissions == KvPermissions::default() {
            return wrong("permissions is required: read, write, enumerate, delete");
        }
        if prefix.len() > limit::KV_KEY_BYTES_MAX {
            return wrong("A key is 1 to 128 bytes");
        }
        if !(1..=limit::KV_TOKEN_TTL_S_MAX).contains(&ttl_s) {
            return wrong("ttl must be from 1 second to 10 years");
        }
        let expires_ms = self.clock.now().saturating_add(ttl_s * 1_000);
        let epoch = grant.bucket().signing_epoch;
        let claims = encode(&KvToken { bucket: grant.id(), prefix, permissions, expires_ms, epoch })?;
        let said = format!("{VERSION}.{}", URL_SAFE_NO_PAD.encode(&claims));
        let signature = self.kv_signer(grant.id(), sealed)?.chain_update(&said).finalize().into_bytes();
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What a token says. `WrongKey` if the bucket's signing key did not sign it, or it has ended.
    pub(super) fn open_kv_token(&self, id: KvId, bucket: &KvBucketRow, token: &str) -> Result<KvToken> {
        let opened = (|| {
            let sealed = bucket.signing_key.as_deref().filter(|_| token.len() <= limit::KV_TOKEN_BYTES_MAX)?;
            let (said, signature) = token.rsplit_once('.')?;
            let claims = said.strip_prefix(VERSION)?.strip_prefix('.')?;
            Some((sealed, said, URL_SAFE_NO_PAD.decode(claims).ok()?, URL_SAFE_NO_PAD.decode(signature).ok()?))
        })();
        let Some((sealed, said, claims, signature)) = opened else { return Err(wrong_key()) };
        if self.kv_signer(id, sealed)?.chain_update(said).verify_slice(&signature).is_err() {
            return Err(wrong_key());
        }
        let token: KvToken = decode(&claims)?;
        let is_for_this = token.bucket == id && token.epoch == bucket.signing_epoch;
        if is_for_this && token.expires_ms > self.clock.now() { Ok(token) } else { Err(wrong_key()) }
    }

    fn kv_signer(&self, id: KvId, sealed: &[u8]) -> Result<Hmac<Sha256>> {
        let key = self.opened.get(sealed, || self.master.open(&context(id), sealed))?;
        let signer = Hmac::<Sha256>::new_from_slice(&key);
        signer.map_err(|_| Error::new(ErrorKind::Internal, "A token could not be signed."))
    }
}
