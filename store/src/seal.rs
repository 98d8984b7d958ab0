//! The master key: what secrets that must be read back are sealed with before they reach the disk.
//!
//! A sealed value is a version byte, a random 24-byte nonce, and XChaCha20-Poly1305's output. The context it was sealed
//! for (the row it belongs to) is authenticated with it, so that a sealed secret moved to another row does not open.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// The only form of sealed values so far.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// Separates the fingerprint from every other hash of the key.
const FINGERPRINT_LABEL: &[u8] = b"windlass master key fingerprint v1";
/// More than a key file holds: 44 characters and an end of line.
const FILE_BYTES_MAX: u64 = 256;

/// A key of 32 random bytes. It never prints itself, and is overwritten in memory when dropped.
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self> {
        Ok(Self(clock::random()?))
    }

    /// Reads what `to_base64` wrote, white space around it aside. `InvalidArgument` if it is not the base64 of 32
    /// bytes.
    pub fn from_base64(text: &str) -> Result<Self> {
        // The decoder's error would quote the text, so it is not passed on.
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| invalid("The master key is not the base64 of 32 bytes."))
    }

    /// The key as text, for its file.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Seals `plain` so that only this key and the same `context` open it.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = clock::random::<NONCE_BYTES>()?;
        let payload = Payload { msg: plain, aad: context };
        let sealed = self.cipher().encrypt((&nonce).into(), payload);
        let sealed = sealed.map_err(|_| Error::new(ErrorKind::Internal, "A secret could not be sealed."))?;
        Ok([&[VERSION], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what `seal` returned. `Corrupt` if it was sealed with another key, for another context, or was changed.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let (nonce, sealed) = match sealed.split_first() {
            Some((&VERSION, rest)) => rest.split_first_chunk::<NONCE_BYTES>(),
            Some((version, _)) => return Err(Error::corrupt(format!("sealed value: version {version} is unknown"))),
            None => None,
        }
        .ok_or_else(|| Error::corrupt("sealed value: too short"))?;
        let opened = self.cipher().decrypt(nonce.into(), Payload { msg: sealed, aad: context });
        opened.map_err(|_| Error::corrupt("sealed value: another master key, another row, or changed"))
    }

    /// 16 hex digits that tell this key from others and reveal nothing of it. Kept beside the data, they show a wrong
    /// master key before any secret fails to open.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new().chain_update(FINGERPRINT_LABEL).chain_update(self.0).finalize();
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.0).into())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0 = [0; 32];
        // Without a reader the compiler may leave the bytes as they are.
        std::hint::black_box(&self.0);
    }
}

/// Reads the key from the file at `path`, or generates one and creates the file, readable by its owner only and durable
/// before this returns. The folder must exist.
///
/// `InvalidArgument` if the file can be read by others or holds no key; `Unavailable` if the disk fails.
pub fn load_or_create(path: &Path) -> Result<MasterKey> {
    if let Some(key) = load(path)? {
        return Ok(key);
    }
    let key = MasterKey::generate()?;
    create(path, &key)?;
    Ok(key)
}

/// Reads the key from a file; `None` if it does not exist. The errors of `load_or_create`.
pub(crate) fn load(path: &Path) -> Result<Option<MasterKey>> {
    match File::open(path) {
        Ok(file) => read(path, file).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(path, &e)),
    }
}

fn read(path: &Path, file: File) -> Result<MasterKey> {
    let mode = file.metadata().map_err(|e| failed(path, &e))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(invalid(format!(
            "The master key file {path} has mode {mode:04o}, which lets others in. Run: chmod 600 {path}"
        )));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| failed(path, &e))?;
    if text.trim().is_empty() {
        return Err(invalid(format!(
            "The master key file {} is empty. Restore it; only if nothing was ever stored, delete it and start again.",
            path.display()
        )));
    }
    MasterKey::from_base64(&text)
        .map_err(|_| invalid(format!("The master key file {} does not hold the base64 of 32 bytes.", path.display())))
}

/// Creates a key's file, readable by its owner only and durable before this returns.
pub(crate) fn create(path: &Path, key: &MasterKey) -> Result<()> {
    // `create_new` rather than a rename: of two processes that start at once, only one creates the key.
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(|e| failed(path, &e))?;
    write_durably(path, file, key).map_err(|e| {
        // A half-written file would be refused at the next start; nothing is sealed with it yet.
        drop(std::fs::remove_file(path));
        failed(path, &e)
    })
}

fn write_durably(path: &Path, mut file: File, key: &MasterKey) -> io::Result<()> {
    file.write_all(format!("{}\n", key.to_base64()).as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::unavailable(format!("master key file {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey([byte; 32])
    }

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_context() {
        let sealed = key(1).seal(b"key/1", b"secret").unwrap();
        assert_eq!(key(1).open(b"key/1", &sealed).unwrap(), b"secret");
        assert_eq!(key(1).open(b"key/2", &sealed).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(key(2).open(b"key/1", &sealed).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        assert_ne!(key(1).seal(b"", b"secret").unwrap(), key(1).seal(b"", b"secret").unwrap());
    }

    proptest! {
        #[test]
        fn any_value_comes_back_and_any_change_is_noticed(
            plain in prop::collection::vec(any::<u8>(), 0..100),
            context in prop::collection::vec(any::<u8>(), 0..20),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let mut sealed = key(1).seal(&context, &plain).unwrap();
            prop_assert_eq!(key(1).open(&context, &sealed).unwrap(), plain);
            let cut = at.index(sealed.len());
            prop_assert_eq!(key(1).open(&context, &sealed[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
            sealed[cut] ^= 1 << bit;
            prop_assert_eq!(key(1).open(&context, &sealed).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn a_key_comes_back_from_its_text_and_nothing_else_is_a_key() {
        let made = MasterKey::generate().unwrap();
        assert_eq!(MasterKey::from_base64(&format!(" {}\n", made.to_base64())).unwrap().0, made.0);
        for text in ["", "AAAA", "not base64!", &STANDARD.encode([0; 31]), &STANDARD.encode([0; 33])] {
            assert_eq!(MasterKey::from_base64(text).unwrap_err().kind(), ErrorKind::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_key_does_not_print_itself_and_its_fingerprint_never_changes() {
        assert_eq!(format!("{:?}", key(0xAB)), "MasterKey(redacted)");
        assert_eq!(key(0).fingerprint(), "e5a9e601bef0a918");
        assert_ne!(key(0).fingerprint(), key(1).fingerprint());
    }

    #[test]
    fn a_key_file_is_created_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let created = load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().0, created.0);
    }

    #[test]
    fn a_key_file_open_to_others_or_without_a_key_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        load_or_create(&path).unwrap();
        let refused = |mode: u32| {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = load_or_create(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("master.key"));
        };
        [0o640, 0o604, 0o622, 0o666].into_iter().for_each(refused);
        for content in ["", "\n", "short", &"A".repeat(1_000)] {
            std::fs::write(&path, content).unwrap();
            refused(0o600);
        }
        assert!(load_or_create(&folder.path().join("missing/master.key")).is_err());
    }
}
