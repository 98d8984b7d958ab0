//! What each client knows about its own keys.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::digest;
use crate::noise::noise;

/// Keys of one task. No task touches another's, so that each knows what must be there.
const KEYS: usize = 12;

/// A body that can be made again: seeds and lengths of its pieces, and what reading it must give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) pieces: Vec<(u64, usize)>,
    pub(super) sha256: [u8; 32],
    pub(super) len: usize,
    pub(super) etag: String,
}

impl Body {
    /// A body in one piece.
    pub(super) fn plain(seed: u64, len: usize) -> Body {
        let bytes = noise(seed, len);
        Body { pieces: vec![(seed, len)], sha256: digest::sha256(&bytes), len, etag: digest::etag(&bytes) }
    }

    /// A body of parts.
    pub(super) fn of_parts(pieces: &[(u64, usize)]) -> Body {
        let parts: Vec<Bytes> = pieces.iter().map(|&(seed, len)| noise(seed, len)).collect();
        let views: Vec<&[u8]> = parts.iter().map(|p| &p[..]).collect();
        let mut sha256 = Sha256::new();
        parts.iter().for_each(|part| sha256.update(part));
        Body {
            pieces: pieces.to_vec(),
            sha256: sha256.finalize().into(),
            len: pieces.iter().map(|p| p.1).sum(),
            etag: digest::multipart_etag(&views),
        }
    }
}

/// A key: what is surely there, and what an unanswered write may have made of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    /// What the last acknowledged write left; `None` is absent.
    pub(super) sure: Option<Body>,
    /// What the write whose answer never came would leave.
    pub(super) doubt: Option<Option<Body>>,
    /// The round of the last acknowledged write.
    pub(super) round: u32,
}

/// An upload between Create and Complete.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) id: String,
    /// Acknowledged parts: number and ETag.
    pub(super) parts: Vec<(u32, String)>,
    /// What Complete makes, once it has been sent.
    pub(super) completing: Option<Body>,
}

/// Everything of one task.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) slots: BTreeMap<String, Slot>,
    pub(super) upload: Option<Upload>,
    /// Of a bucket that keeps versions: what was acknowledged of each key, oldest first.
    pub(super) versions: BTreeMap<String, Vec<Version>>,
}

/// A version that is surely there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) id: String,
    /// Its ETag; `None` is a delete marker.
    pub(super) etag: Option<String>,
}

impl Own {
    pub(super) fn new(task: usize) -> Own {
        let key = |n: usize| (format!("task-{task}/key {n:02}"), Slot::default());
        Own { slots: (0..KEYS).map(key).collect(), upload: None, versions: BTreeMap::new() }
    }

    /// Bytes of all bodies that are surely there.
    pub(super) fn bytes(&self) -> u64 {
        self.slots.values().filter_map(|slot| slot.sure.as_ref()).map(|body| body.len as u64).sum()
    }

    /// Takes a version that is surely not its key's newest out of what is expected.
    pub(super) fn give_up(&mut self, rng: &mut fastrand::Rng) -> Option<(String, String)> {
        let old: Vec<&String> = self.versions.iter().filter(|(_, all)| all.len() > 1).map(|(key, _)| key).collect();
        let key = rng.choice(old)?.clone();
        let versions = self.versions.get_mut(&key)?;
        let version = versions.remove(rng.usize(..versions.len() - 1));
        Some((key, version.id))
    }

    /// A key, present or not.
    pub(super) fn any(&self, rng: &mut fastrand::Rng) -> String {
        let at = rng.usize(..self.slots.len());
        self.slots.keys().nth(at).cloned().unwrap_or_default()
    }

    /// A key that is there, with its body.
    pub(super) fn present(&self, rng: &mut fastrand::Rng) -> Option<(String, Body)> {
        let there: Vec<_> = self.slots.iter().filter_map(|(k, s)| Some((k, s.sure.as_ref()?))).collect();
        rng.choice(there).map(|(key, body)| (key.clone(), body.clone()))
    }
}
