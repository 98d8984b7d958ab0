//! Which master key a data directory uses, and its rotation.
//!
//! The key lies in `master.key`, unless it is given from outside; `state` holds the fingerprint of the one that sealed
//! the secrets. A rotation goes in three steps, each durable before the next: the new key is written beside the old one;
//! one commit seals every secret anew and changes the fingerprint; the new file takes the old one's name. Cut at any
//! point, the fingerprint tells which of the two files counts, and whoever opens the directory next puts it in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreOptions;
use crate::account::seal_context;
use crate::blob::sync_folder;
use crate::error::{Error, ErrorKind, Result};
use crate::kv;
use crate::meta::table::{ACCOUNTS, KEYS};
use crate::meta::{KeyRange, Meta, Step, Tx};
use crate::project;
use crate::seal::{self, MasterKey};
use crate::state;
use crate::store::open_offline;

/// The master key, unless it comes from elsewhere.
pub(crate) const FILE: &str = "master.key";
/// The next one, while it takes over.
const NEXT: &str = "master.key.new";

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets that were sealed anew.
    pub secrets: u64,
    /// The file of the new key; `None` if keys are given from outside.
    pub file: Option<PathBuf>,
}

/// The key that sealed the secrets; in a store without any, the given one or one that is made now. Finishes a rotation
/// that was cut.
///
/// `InvalidRequest` if it is missing or another one.
pub(crate) fn current(options: &StoreOptions, meta: &Meta) -> Result<Arc<MasterKey>> {
    let stored = meta.read(state::master_fingerprint)?;
    let sealed_with = |key: &MasterKey| stored.as_ref().is_none_or(|stored| *stored == key.fingerprint());
    let other = "The master key is not the one that the secrets of this data directory were sealed with.";
    if let Some(given) = &options.master_key {
        return if sealed_with(given) { Ok(Arc::clone(given)) } else { Err(refuse(other)) };
    }
    let (file, next) = (options.data_dir.join(FILE), options.data_dir.join(NEXT));
    if stored.is_none() {
        return seal::load_or_create(&file).map(Arc::new);
    }
    let found = seal::load(&file)?;
    let is_other = found.is_some();
    if let Some(key) = found.filter(&sealed_with) {
        // A rotation that never came to its commit.
        remove(&next)?;
        return Ok(Arc::new(key));
    }
    if let Some(key) = seal::load(&next)?.filter(&sealed_with) {
        take_over(&options.data_dir)?;
        return Ok(Arc::new(key));
    }
    let missing = "The master key file master.key is missing. Put its copy back, or set WINDLASS_MASTER_KEY.";
    Err(refuse(if is_other { other } else { missing }))
}

/// Seals all secrets of a data directory that no process uses with another key: the given one, or one that is made now.
///
/// `InvalidArgument` if it is the same key; `InvalidRequest` if keys are given from outside and the new one is not.
pub fn rotate(options: &StoreOptions, new: Option<MasterKey>) -> Result<Rotated> {
    let (meta, _lock) = open_offline(options)?;
    let old = current(options, &meta)?;
    let in_file = options.master_key.is_none();
    let new = match new {
        Some(new) => new,
        None if in_file => MasterKey::generate()?,
        None => {
            return Err(refuse("WINDLASS_MASTER_KEY is set, so the new key must be given as WINDLASS_NEW_MASTER_KEY."));
        }
    };
    if new.fingerprint() == old.fingerprint() {
        return Err(Error::new(ErrorKind::InvalidArgument, "The new master key is the one that is in use."));
    }
    if in_file {
        seal::create(&options.data_dir.join(NEXT), &new)?;
    }
    let secrets = seal_anew(&meta, old, new)?;
    if in_file {
        take_over(&options.data_dir)?;
    }
    Ok(Rotated { secrets, file: in_file.then(|| options.data_dir.join(FILE)) })
}

/// Seals every secret anew, and changes the fingerprint, in one commit.
fn seal_anew(meta: &Meta, old: Arc<MasterKey>, new: MasterKey) -> Result<u64> {
    meta.write_blocking(move |tx: &mut Tx<'_>| {
        let mut keys = Vec::new();
        KEYS.scan(tx, &KeyRange::all(), |id, row| {
            keys.push((id, row));
            Ok(Step::Continue)
        })?;
        for (id, row) in &mut keys {
            let context = row.access_key_id.as_bytes();
            row.sealed_secret = new.seal(context, &old.open(context, &row.sealed_secret)?)?;
            KEYS.put(tx, id, row)?;
        }
        let mut accounts = Vec::new();
        ACCOUNTS.scan(tx, &KeyRange::all(), |id, row| {
            accounts.push((id, row));
            Ok(Step::Continue)
        })?;
        let mut secrets = keys.len() as u64;
        for (id, row) in &mut accounts {
            let Some(keys) = &mut row.access.keys else { continue };
            let context = seal_context(*id);
            keys.sealed_secret = new.seal(&context, &old.open(&context, &keys.sealed_secret)?)?;
            ACCOUNTS.put(tx, id, row)?;
            secrets += 1;
        }
        secrets += kv::reseal(tx, &old, &new)? + project::seal_anew(tx, &old, &new)?;
        state::put_master_fingerprint(tx, &new.fingerprint());
        Ok(secrets)
    })
}

fn take_over(dir: &Path) -> Result<()> {
    std::fs::rename(dir.join(NEXT), dir.join(FILE)).map_err(Error::unavailable)?;
    sync_folder(dir)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::unavailable(error)),
        _ => Ok(()),
    }
}

fn refuse(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::Store;
    use crate::bootstrap::Bootstrap;
    use crate::key::Credentials;

    const ACCESS_KEY_ID: &str = "ROOTROOTROOTROOT";
    const SECRET: &str = "a-secret-of-sufficient-length";

    struct Home {
        _folder: TempDir,
        options: StoreOptions,
    }

    impl Home {
        async fn with(master_key: Option<MasterKey>) -> Self {
            let folder = TempDir::new().unwrap();
            let mut options = StoreOptions::new(folder.path().join("data"));
            options.master_key = master_key.map(Arc::new);
            let secret_access_key = SECRET.to_owned();
            let root = Credentials { access_key_id: ACCESS_KEY_ID.to_owned(), secret_access_key, token: None };
            let store = Store::open(options.clone()).unwrap();
            store.bootstrap(Bootstrap { root: Some(root), organisations: Vec::new() }).await.unwrap();
            Self { _folder: folder, options }
        }

        fn key(&self) -> String {
            std::fs::read_to_string(self.options.data_dir.join(FILE)).unwrap()
        }

        /// Opens the store, which must find its secret, and no rotation may be left half done.
        fn opens(&self) {
            let store = Store::open(self.options.clone()).unwrap();
            assert_eq!(store.key_by_access_id(ACCESS_KEY_ID).unwrap().unwrap().1, SECRET);
            assert!(!self.options.data_dir.join(NEXT).exists());
        }
    }

    fn text(key: &MasterKey) -> String {
        format!("{}\n", key.to_base64())
    }

    #[tokio::test]
    async fn after_a_rotation_only_the_new_key_opens_the_secrets() {
        let home = Home::with(None).await;
        let old = home.key();
        let rotated = rotate(&home.options, None).unwrap();
        assert_eq!((rotated.secrets, rotated.file), (1, Some(home.options.data_dir.join(FILE))));
        assert_ne!(home.key(), old);
        home.opens();
        std::fs::write(home.options.data_dir.join(FILE), old).unwrap();
        let refused = Store::open(home.options.clone()).map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    }

    #[tokio::test]
    async fn a_rotation_cut_after_any_step_is_undone_or_finished_by_the_next_start() {
        for steps in 0..=3 {
            let home = Home::with(None).await;
            let (dir, old) = (home.options.data_dir.clone(), home.key());
            let new = MasterKey::generate().unwrap();
            let new_text = text(&new);
            match steps {
                // The file was begun and has no key yet.
                0 => std::fs::write(dir.join(NEXT), "").unwrap(),
                _ => seal::create(&dir.join(NEXT), &new).unwrap(),
            }
            if steps >= 2 {
                let (meta, _lock) = open_offline(&home.options).unwrap();
                let current = current(&home.options, &meta);
                // Looking at the key undoes what came before: the file is put back for the next step.
                seal::create(&dir.join(NEXT), &new).unwrap();
                seal_anew(&meta, current.unwrap(), new).unwrap();
            }
            if steps == 3 {
                take_over(&dir).unwrap();
            }
            home.opens();
            assert_eq!(home.key(), if steps >= 2 { new_text } else { old }, "{steps} steps");
            rotate(&home.options, None).unwrap();
            home.opens();
        }
    }

    #[tokio::test]
    async fn keys_given_from_outside_are_rotated_to_a_given_one() {
        let [old, new] = [(); 2].map(|()| MasterKey::generate().unwrap());
        let again = |key: &MasterKey| MasterKey::from_base64(&key.to_base64()).unwrap();
        let mut home = Home::with(Some(again(&old))).await;
        assert_eq!(rotate(&home.options, None).unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!(rotate(&home.options, Some(old)).unwrap_err().kind(), ErrorKind::InvalidArgument);
        home.opens();
        let rotated = rotate(&home.options, Some(again(&new))).unwrap();
        assert_eq!(rotated.file, None);
        assert!(!home.options.data_dir.join(FILE).exists());
        assert!(Store::open(home.options.clone()).is_err());
        home.options.master_key = Some(Arc::new(new));
        home.opens();
    }

    #[tokio::test]
    async fn a_missing_key_file_is_told_and_not_replaced() {
        let home = Home::with(None).await;
        let file = home.options.data_dir.join(FILE);
        std::fs::remove_file(&file).unwrap();
        let refused = Store::open(home.options.clone()).map(drop).unwrap_err();
        assert!(refused.message().contains("missing"), "{refused}");
        assert!(!file.exists());
    }
}
