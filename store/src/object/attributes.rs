//! GetObjectAttributes: what HEAD knows, and the parts of a multipart object.

use std::sync::Arc;

use crate::Store;
use crate::blob::Body;
use crate::error::Result;
use crate::limit;
use crate::meta::Read;
use crate::name::ObjectKey;
use crate::object::get::{Located, locate};
use crate::object::{Found, GetObject, VersionId};
use crate::policy::{Action, Grant};
use crate::upload::{PartEntry, finished_part};

/// What to look up.
#[derive(Debug, Clone)]
pub struct AttributesRequest {
    /// The key.
    pub key: ObjectKey,
    /// One version of it; `None` is the current one.
    pub version: Option<VersionId>,
    /// Parts with higher numbers only.
    pub part_after: u16,
    /// Most parts, at most `limit::PAGE_MAX`.
    pub max_parts: usize,
}

/// An object's attributes.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// What HEAD shows.
    pub found: Found,
    /// Its parts, if it was made of parts.
    pub parts: Option<AttributeParts>,
}

/// A page of a finished object's parts.
#[derive(Debug, Clone)]
pub struct AttributeParts {
    /// How many it has.
    pub total: u16,
    /// The page.
    pub page: Vec<PartEntry>,
    /// The last number of the page, if more come behind it.
    pub next: Option<u16>,
}

impl Store {
    /// An object's attributes. `NoSuchKey`, `NoSuchVersion`, `IsDeleteMarker`.
    pub async fn object_attributes(self: &Arc<Self>, grant: &Grant, request: &AttributesRequest) -> Result<Attributes> {
        grant.must_allow(Action::GetObject)?;
        self.settle(grant.bucket()?, request.key.as_str()).await?;
        let get = GetObject { version: request.version, ..GetObject::whole(request.key.clone()) };
        self.meta.read(|read| {
            let located = locate(read, grant, &get)?;
            let parts = parts(read, &located, request)?;
            Ok(Attributes { found: located.found, parts })
        })
    }
}

fn parts(read: &dyn Read, located: &Located, request: &AttributesRequest) -> Result<Option<AttributeParts>> {
    let (Body::Manifest(upload), Some(manifest)) = (located.row.body, &located.manifest) else { return Ok(None) };
    let max = request.max_parts.min(limit::PAGE_MAX);
    let numbers = manifest.runs.iter().flat_map(|run| run.first..run.first.saturating_add(run.count));
    let mut page = Vec::new();
    let mut more = false;
    // Counted from 1, as reads by part count them; see `locate_part`.
    for (ordinal, number) in (1u16..).zip(numbers).filter(|(ordinal, _)| *ordinal > request.part_after) {
        if page.len() == max {
            more = true;
            break;
        }
        page.push(PartEntry::of(ordinal, finished_part(read, upload, number)?));
    }
    let next = page.last().map(|part| part.number).filter(|_| more);
    Ok(Some(AttributeParts { total: manifest.runs.iter().map(|run| run.count).sum(), page, next }))
}
