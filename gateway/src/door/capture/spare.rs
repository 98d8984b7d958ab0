//! Captures that were written, to be filled again: what one thread allocates and another frees costs both of them more than
//! all else that is done for the log while a request runs.

#![allow(clippy::vec_box, reason = "what is kept is the boxes")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Capture;

/// How many are kept: those that are written at once, while as many gather.
const SPARE_MAX: usize = 1_024;

static SPARE: Mutex<Vec<Box<Capture>>> = Mutex::new(Vec::new());

/// One that is as if new.
pub(super) fn take() -> Box<Capture> {
    let kept = spare().pop();
    kept.unwrap_or_default()
}

/// Keeps one that has been cleared.
pub(super) fn put(capture: Box<Capture>) {
    let mut spare = spare();
    if spare.len() < SPARE_MAX {
        spare.push(capture);
    }
}

fn spare() -> MutexGuard<'static, Vec<Box<Capture>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}
