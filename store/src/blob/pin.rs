//! Pins: what is being read. The sweep passes a pinned blob or manifest over, so that a delete never cuts a running
//! read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Blobs and manifests that are being read, with how often.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pins(Arc<Mutex<HashMap<[u8; 16], usize>>>);

/// Holds one pin for as long as it lives.
#[derive(Debug)]
pub(crate) struct Pin {
    pins: Pins,
    id: [u8; 16],
}

impl Pins {
    /// Pins a blob or manifest.
    pub(crate) fn pin(&self, id: [u8; 16]) -> Pin {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
        Pin { pins: self.clone(), id }
    }

    /// Whether anybody reads it.
    pub(crate) fn is_pinned(&self, id: &[u8; 16]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_pinned_until_its_last_reader_is_gone() {
        let pins = Pins::default();
        let first = pins.pin([1; 16]);
        let second = pins.pin([1; 16]);
        drop(first);
        assert!(pins.is_pinned(&[1; 16]));
        drop(second);
        assert!(!pins.is_pinned(&[1; 16]));
    }
}
