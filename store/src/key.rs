//! Access keys: one identity for SigV4 (access key id and secret) and for bearer tokens.
//! The secret, which SigV4 needs back, is sealed with the master key; of the token only the SHA-256 is kept.
//! The verbs that keys are managed with are in the files under this one.

mod create;
mod delete;
mod list;
mod used;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Store;
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId};
use crate::meta::codec::decode_old;
use crate::meta::table::{IdRow, KEY_BY_ACCESS_ID, KEY_BY_ORG, KEY_BY_TOKEN_HASH, KEYS};
use crate::meta::{Read, Record, Tx};
use crate::policy::KeyPrincipal;

pub use create::NewApiKey;
pub(crate) use delete::{forget_bucket, remove};
pub use list::ApiKey;
pub use used::KeyUsedRow;
pub(crate) use used::UsedKeys;

/// Characters of a token, or of an access key id, that tell a key from others when keys are listed.
const PREFIX_CHARS: usize = 8;

macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident $name:literal)*) => {
        /// A right that a key can carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope { $($(#[$doc])* $scope),* }

        impl Scope {
            /// All scopes.
            pub const ALL: &[Scope] = &[$(Scope::$scope),*];

            /// Its name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Scope::$scope => $name),* }
            }
        }
    };
}

scopes! {
    /// List and get buckets.
    BucketsRead "buckets:read"
    /// Create and change buckets.
    BucketsWrite "buckets:write"
    /// Delete buckets.
    BucketsDelete "buckets:delete"
    /// List and read objects.
    FilesRead "files:read"
    /// Write objects.
    FilesWrite "files:write"
    /// Delete objects.
    FilesDelete "files:delete"
    /// List and get keys.
    KeysRead "keys:read"
    /// Create and revoke keys.
    KeysWrite "keys:write"
    /// List and get connected accounts.
    AccountsRead "aws-accounts:read"
    /// Connect, change and validate accounts.
    AccountsWrite "aws-accounts:write"
    /// Disconnect accounts.
    AccountsDelete "aws-accounts:delete"
    /// Read request logs.
    LogsRead "logs:read"
}

/// A set of scopes: one bit each, in the order of `Scope::ALL`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(u16);

impl Scopes {
    /// Every scope.
    pub const ALL: Scopes = Scopes::of(Scope::ALL);

    /// The set of the given scopes.
    pub const fn of(scopes: &[Scope]) -> Self {
        let mut bits = 0;
        let mut rest = scopes;
        while let [scope, tail @ ..] = rest {
            bits |= 1 << *scope as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether all of `needed` are in the set.
    pub const fn contain(self, needed: Scopes) -> bool {
        self.0 & needed.0 == needed.0
    }

    /// The set less `others`.
    #[must_use]
    pub const fn without(self, others: Scopes) -> Self {
        Self(self.0 & !others.0)
    }

    /// The set with `scope`.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u16)
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contain(Scopes::of(&[*scope])))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}

/// Where a key came from: the configuration may replace what it made itself, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyOrigin {
    /// Made at the first start, or given by the environment.
    Root,
    /// Declared in the configuration file.
    Config,
    /// Minted by another key.
    Minted,
    /// Made for a project, whose upload links it signs. Nobody is ever told of it.
    Project,
}

/// A stored key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// A name for people.
    pub name: String,
    /// What SigV4 calls the access key id.
    pub access_key_id: String,
    /// The secret access key, sealed; its context is the access key id.
    pub sealed_secret: Vec<u8>,
    /// SHA-256 of the bearer token, if it has one.
    pub token_hash: Option<[u8; 32]>,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketId>>,
    /// When it ends to be valid.
    pub expires_ms: Option<Millis>,
    /// When it was made.
    pub created_ms: Millis,
    /// Where it came from.
    pub origin: KeyOrigin,
    /// What tells it from others in a list: the first characters of its token, or else of its access key id.
    pub prefix: String,
}

/// The same as version 1 wrote it, before keys could be listed.
#[derive(Deserialize)]
struct KeyRowV1 {
    org: OrgId,
    name: String,
    access_key_id: String,
    sealed_secret: Vec<u8>,
    token_hash: Option<[u8; 32]>,
    scopes: Scopes,
    buckets: Option<Vec<BucketId>>,
    expires_ms: Option<Millis>,
    created_ms: Millis,
    origin: KeyOrigin,
}

impl Record for KeyRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        let old: KeyRowV1 = decode_old(version, 1, bytes)?;
        Ok(Self {
            prefix: prefix_of(&old.access_key_id),
            org: old.org,
            name: old.name,
            access_key_id: old.access_key_id,
            sealed_secret: old.sealed_secret,
            token_hash: old.token_hash,
            scopes: old.scopes,
            buckets: old.buckets,
            expires_ms: old.expires_ms,
            created_ms: old.created_ms,
            origin: old.origin,
        })
    }
}

fn prefix_of(text: &str) -> String {
    text.chars().take(PREFIX_CHARS).collect()
}

impl fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRow")
            .field("name", &self.name)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// The secrets of a key, in clear; shown once and never stored so.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id: 16–128 of `A-Z a-z 0-9 _ -`.
    pub access_key_id: String,
    /// The secret access key: 16–128 printable ASCII characters.
    pub secret_access_key: String,
    /// The bearer token, if there is one: `bkt_` and 43 characters of base64url.
    pub token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// New random credentials.
    pub fn generate() -> Result<Self> {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let id = clock::random::<16>()?
            .iter()
            .filter_map(|b| ALPHABET.get(usize::from(b % 32)))
            .map(|b| *b as char)
            .collect::<String>();
        Ok(Self {
            access_key_id: format!("WLSS{id}"),
            secret_access_key: STANDARD_NO_PAD.encode(clock::random::<30>()?),
            token: Some(format!("bkt_{}", URL_SAFE_NO_PAD.encode(clock::random::<32>()?))),
        })
    }

    /// Checks the shape of credentials that somebody chose; the error names the field and the rule.
    pub fn check(&self) -> Result<()> {
        let fail = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let id = self.access_key_id.as_bytes();
        if !(3..=128).contains(&id.len())
            || !id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        {
            return fail("access key id: 3 to 128 of A-Z, a-z, 0-9, '_', '-' and '.'");
        }
        let secret = self.secret_access_key.as_bytes();
        if !(8..=128).contains(&secret.len()) || !secret.iter().all(u8::is_ascii_graphic) {
            return fail("secret access key: 8 to 128 printable ASCII characters without spaces");
        }
        if self.token.as_deref().is_some_and(|token| !is_token(token)) {
            return fail("token: 'bkt_' and 43 characters of base64url");
        }
        Ok(())
    }
}

/// What a key to be made is allowed.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// A name for people.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketId>>,
    /// When it ends to be valid.
    pub expires_ms: Option<Millis>,
    /// Where it comes from.
    pub origin: KeyOrigin,
}

/// SHA-256 of a bearer token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Credentials as they are stored: the secret sealed, of the token a hash and its first characters.
#[derive(Clone)]
pub(crate) struct SealedCredentials {
    pub(crate) access_key_id: String,
    sealed_secret: Vec<u8>,
    token_hash: Option<[u8; 32]>,
    prefix: String,
}

impl SealedCredentials {
    pub(crate) fn seal(store: &Store, credentials: &Credentials) -> Result<Self> {
        let Credentials { access_key_id, secret_access_key, token } = credentials;
        Ok(Self {
            access_key_id: access_key_id.clone(),
            sealed_secret: store.master.seal(access_key_id.as_bytes(), secret_access_key.as_bytes())?,
            token_hash: token.as_deref().map(token_hash),
            prefix: prefix_of(token.as_deref().unwrap_or(access_key_id)),
        })
    }
}

/// Writes a key, in place of the key with the same access key id if that came from the same origin.
pub(crate) fn put(tx: &mut Tx<'_>, new: &NewKey, credentials: &SealedCredentials) -> Result<KeyId> {
    let SealedCredentials { access_key_id, sealed_secret, token_hash, prefix } = credentials.clone();
    let access = access_key_id.clone();
    let (id, created_ms) = match find(tx, &access_key_id)? {
        Some((id, row)) if row.origin == new.origin && row.org == new.org => {
            if let Some(hash) = row.token_hash {
                KEY_BY_TOKEN_HASH.delete(tx, &hash);
            }
            (id, row.created_ms)
        }
        Some(_) => {
            let message = format!("access key id {access_key_id} belongs to another key");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        None => (KeyId::generate(tx.now())?, tx.now()),
    };
    if let Some(hash) = token_hash {
        if KEY_BY_TOKEN_HASH.contains(tx, &hash)? {
            return Err(Error::new(ErrorKind::InvalidArgument, "the token belongs to another key"));
        }
        KEY_BY_TOKEN_HASH.put(tx, &hash, &IdRow(id.0))?;
    }
    let row = KeyRow {
        org: new.org,
        name: new.name.clone(),
        access_key_id: access.clone(),
        sealed_secret,
        token_hash,
        scopes: new.scopes,
        buckets: new.buckets.clone(),
        expires_ms: new.expires_ms,
        created_ms,
        origin: new.origin,
        prefix,
    };
    KEYS.put(tx, &id, &row)?;
    KEY_BY_ACCESS_ID.put(tx, &access, &IdRow(id.0))?;
    KEY_BY_ORG.put(tx, &(new.org, id), &IdRow(id.0))?;
    Ok(id)
}

fn find(read: &dyn Read, access_key_id: &str) -> Result<Option<(KeyId, Arc<KeyRow>)>> {
    let Some(id) = KEY_BY_ACCESS_ID.get_kept(read, &access_key_id.to_owned())? else { return Ok(None) };
    let id = KeyId(id.0);
    let row =
        KEYS.get_kept(read, &id)?.ok_or_else(|| Error::corrupt(format!("key {id} has an access id but no row")))?;
    Ok(Some((id, row)))
}

fn find_by_token(read: &dyn Read, token: &str) -> Result<Option<(KeyId, Arc<KeyRow>)>> {
    let Some(id) = KEY_BY_TOKEN_HASH.get_kept(read, &token_hash(token))? else { return Ok(None) };
    let id = KeyId(id.0);
    let row = KEYS.get_kept(read, &id)?.ok_or_else(|| Error::corrupt(format!("key {id} has a token but no row")))?;
    Ok(Some((id, row)))
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// The holder of this key.
    Known(KeyPrincipal),
    /// The holder of a key that has ended to be valid.
    Expired,
    /// Nobody's.
    Unknown,
}

impl Store {
    /// The key with that access key id and its secret in clear, for checking a signature. `None` if there is no such
    /// key or it has expired.
    ///
    /// A bearer token can stand for an access key id; it is its own secret then, and travels in clear within the
    /// credential. Where that may be is for the doors to say.
    pub fn key_by_access_id(&self, access_key_id: &str) -> Result<Option<(KeyPrincipal, String)>> {
        if access_key_id.len() > 128 {
            return Ok(None);
        }
        if is_token(access_key_id)
            && let Some((id, row)) = self.meta.read(|read| find_by_token(read, access_key_id))?
        {
            return Ok(self.is_valid(&row).then(|| (principal(id, &row), access_key_id.to_owned())));
        }
        let Some((id, row)) = self.meta.read(|read| find(read, access_key_id))? else { return Ok(None) };
        if !self.is_valid(&row) {
            return Ok(None);
        }
        let open = || self.master.open(row.access_key_id.as_bytes(), &row.sealed_secret);
        let secret = self.opened.get(&row.sealed_secret, open)?;
        let secret =
            String::from_utf8(secret).map_err(|_| Error::corrupt(format!("secret of key {id} is not text")))?;
        Ok(Some((principal(id, &row), secret)))
    }

    /// Whose bearer token it is. What comes in as a token is compared by its SHA-256 alone, so timing tells nothing of it.
    pub fn authenticate_token(&self, token: &str) -> Result<TokenAnswer> {
        if !is_token(token) {
            return Ok(TokenAnswer::Unknown);
        }
        Ok(match self.meta.read(|read| find_by_token(read, token))? {
            Some((id, row)) if self.is_valid(&row) => TokenAnswer::Known(principal(id, &row)),
            Some(_) => TokenAnswer::Expired,
            None => TokenAnswer::Unknown,
        })
    }

    fn is_valid(&self, row: &KeyRow) -> bool {
        row.expires_ms.is_none_or(|expires| expires > self.clock.now())
    }
}

/// Whether a text has the form of a bearer token.
pub fn is_token(text: &str) -> bool {
    let secret = text.strip_prefix("bkt_").unwrap_or_default().as_bytes();
    secret.len() == 43 && secret.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Who holds a key.
pub(crate) fn principal(key: KeyId, row: &KeyRow) -> KeyPrincipal {
    let KeyRow { org, scopes, expires_ms, .. } = *row;
    KeyPrincipal { key, org, scopes, buckets: row.buckets.clone(), expires_ms }
}
