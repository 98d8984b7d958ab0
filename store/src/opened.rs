//! Secrets that were opened lately, in memory: every signed request needs the secret of its key, and to open it costs more
//! than to look the key up.
//!
//! What is kept is found again by its sealed form, so a key that was replaced, or sealed anew, is never mistaken for what
//! it was. Whether a key exists and is valid is not kept: its row is read each time.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::error::Result;

/// Secrets kept; when there are more, keeping begins anew.
const SECRETS_MAX: usize = 1_024;

/// A secret in clear, overwritten in memory when dropped.
struct Clear(Vec<u8>);

impl Drop for Clear {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader the compiler may leave the bytes as they are.
        std::hint::black_box(&self.0);
    }
}

/// Opened secrets by what they were opened from.
#[derive(Default)]
pub(crate) struct Opened(RwLock<HashMap<Vec<u8>, Clear>>);

impl Opened {
    /// The secret sealed as `sealed`, opened by `open` if it is not kept.
    pub(crate) fn get(&self, sealed: &[u8], open: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        if let Some(Clear(secret)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(sealed) {
            return Ok(secret.clone());
        }
        let secret = open()?;
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SECRETS_MAX {
            kept.clear();
        }
        kept.insert(sealed.to_vec(), Clear(secret.clone()));
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_secret_is_opened_once_for_each_sealed_form() {
        let opened = Opened::default();
        let never = || Err(Error::corrupt("opened again"));
        assert_eq!(opened.get(b"a", || Ok(b"one".to_vec())).unwrap(), b"one");
        assert_eq!(opened.get(b"a", never).unwrap(), b"one");
        assert_eq!(opened.get(b"b", || Ok(b"two".to_vec())).unwrap(), b"two");
        assert!(opened.get(b"c", never).is_err(), "a failure is not kept");
        assert_eq!(opened.get(b"c", || Ok(b"three".to_vec())).unwrap(), b"three");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let opened = Opened::default();
        for n in 0..=SECRETS_MAX {
            opened.get(&n.to_be_bytes(), || Ok(vec![1])).unwrap();
        }
        assert_eq!(opened.0.read().unwrap().len(), 1);
    }
}
