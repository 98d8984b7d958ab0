//! The management API, one file per resource.

pub(crate) mod accounts;
pub(crate) mod adoption;
pub(crate) mod billing;
pub(crate) mod buckets;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod kv;
pub(crate) mod kv_scripts;
pub(crate) mod logs;
mod managed;

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{Id, Shown};

/// What a write answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(bound = "T: Id")]
#[schemars(inline, bound = "T: Id")]
pub(crate) struct Written<T: Id> {
    object: &'static str,
    id: Shown<T>,
}

impl<T: Id> Written<T> {
    pub(crate) fn new(object: &'static str, id: T) -> Self {
        Self { object, id: Shown(id) }
    }
}
