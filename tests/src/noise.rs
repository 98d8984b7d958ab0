//! Bodies.

use bytes::Bytes;

/// Bytes that depend on the seed and look like nothing.
pub fn noise(seed: u64, len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    Bytes::from(bytes)
}
