//! Passwords of share links: PBKDF2 with HMAC-SHA-256 (RFC 8018, section 5.2), so that each guess costs.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// Rounds of a new hash (OWASP Password Storage Cheat Sheet: 600,000 for HMAC-SHA-256).
const ROUNDS: u32 = 600_000;

/// A password as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    rounds: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordHash").field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

impl PasswordHash {
    /// Hashes a password: a good part of a second of one core.
    pub(super) fn of(password: &[u8], salt: [u8; 16]) -> Self {
        Self { rounds: ROUNDS, salt, hash: derive(password, &salt, ROUNDS) }
    }

    /// Whether it is the hash of that password; costs as much as making it.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        derive(password, &self.salt, self.rounds).ct_eq(&self.hash).into()
    }

    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        Self { rounds: 2, salt: [1; 16], hash: [2; 32] }
    }
}

/// One block of PBKDF2.
fn derive(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    // HMAC takes keys of any length, so there is always one.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(password) else { return [0; 32] };
    let mut block: [u8; 32] =
        keyed.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes().into();
    let mut sum = block;
    for _ in 1..rounds {
        block = keyed.clone().chain_update(block).finalize().into_bytes().into();
        sum.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

/// Turns for hashing passwords: whoever guesses must not take the machine away from everybody else.
pub(crate) struct PasswordChecks(Arc<Semaphore>);

impl Default for PasswordChecks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limit::PASSWORD_CHECKS_MAX)))
    }
}

impl PasswordChecks {
    /// A turn, or `SlowDown` if all are taken.
    pub(super) fn begin(&self) -> Result<OwnedSemaphorePermit> {
        let slow = |_| Error::new(ErrorKind::SlowDown, "Too many passwords are being checked. Please try again.");
        Arc::clone(&self.0).try_acquire_owned().map_err(slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: [u8; 32]) -> String {
        crate::object::hex(&bytes)
    }

    #[test]
    fn published_vectors_come_out() {
        // RFC 7914, section 11: the first 32 of 64 bytes.
        assert_eq!(
            hex(derive(b"passwd", b"salt", 1)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
        assert_eq!(
            hex(derive(b"Password", b"NaCl", 80_000)),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        );
    }

    #[test]
    fn only_the_password_itself_fits() {
        let hash = PasswordHash { rounds: 10, salt: [7; 16], hash: derive(b"open", &[7; 16], 10) };
        assert!(hash.is_of(b"open"));
        assert!(!hash.is_of(b"Open") && !hash.is_of(b""));
        assert!(!format!("{hash:?}").contains("hash:"));
    }

    #[test]
    fn turns_are_few_and_come_back() {
        let checks = PasswordChecks::default();
        let taken: Vec<_> = (0..limit::PASSWORD_CHECKS_MAX).map(|_| checks.begin().unwrap()).collect();
        assert_eq!(checks.begin().unwrap_err().kind(), ErrorKind::SlowDown);
        drop(taken);
        assert!(checks.begin().is_ok());
    }
}
