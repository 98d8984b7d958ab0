//! Whether the indexes of projects, their files and webhooks agree with what they lead to, in both directions.

use super::count::walk;
use super::index::{exists, leads};
use super::{Finding, Report};
use crate::error::Result;
use crate::id::{DeliveryId, FileId, ProjectId, ProjectKeyId, RouteId};
use crate::intent::FileStatus;
use crate::meta::table::{
    DELIVERIES, DELIVERY_BY_BUCKET, DELIVERY_DUE, FILE_BY_BUCKET, FILE_BY_KEY, FILE_DUE, FILES, IdRow, KEY_BY_PROJECT,
    PROJECT_BY_ORG, PROJECT_KEY_BY_HASH, PROJECT_KEYS, PROJECTS, ROUTE_BY_SLUG, ROUTES, Typed,
};
use crate::meta::{Key, Newest, Read};

/// All of them.
pub(super) fn check(read: &dyn Read, report: &mut Report) -> Result<()> {
    let mut broken = Vec::new();
    walk(read, &PROJECTS, report, |_, id, row| {
        if !leads(read, &PROJECT_BY_ORG, &(row.org, id), &IdRow(id.0)) {
            broken.push(format!("project {id}"));
        }
    })?;
    walk(read, &ROUTES, report, |_, id, row| {
        if !leads(read, &ROUTE_BY_SLUG, &(row.project, row.slug), &IdRow(id.0)) {
            broken.push(format!("route {id}"));
        }
    })?;
    walk(read, &PROJECT_KEYS, report, |_, id, row| {
        let to = IdRow(id.0);
        let by_project = leads(read, &KEY_BY_PROJECT, &(row.project, id), &to);
        if !by_project || !leads(read, &PROJECT_KEY_BY_HASH, &row.hash, &to) {
            broken.push(format!("key {id} of a project"));
        }
    })?;
    walk(read, &FILES, report, |_, id, row| {
        let to = IdRow(id.0);
        let listed = leads(read, &FILE_BY_BUCKET, &(row.bucket, Newest(row.sequence)), &to);
        let found = leads(read, &FILE_BY_KEY, &(row.bucket, row.key), &to);
        let due = row.due_ms.is_none_or(|due_ms| leads(read, &FILE_DUE, &(due_ms, id), &to));
        let there = row.status != FileStatus::Deleted;
        if !due || listed != there || found != there {
            broken.push(format!("file {id}"));
        }
    })?;
    walk(read, &DELIVERIES, report, |_, id, row| {
        let to = IdRow(id.0);
        let listed = leads(read, &DELIVERY_BY_BUCKET, &(row.bucket, Newest(row.sequence)), &to);
        if !listed || !leads(read, &DELIVERY_DUE, &(row.due_ms, id), &to) {
            broken.push(format!("delivery {id}"));
        }
    })?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    check_back(read, report)
}

/// What the indexes lead to is there.
fn check_back(read: &dyn Read, report: &mut Report) -> Result<()> {
    back(read, &PROJECT_BY_ORG, report, |id| exists(read, &PROJECTS, &ProjectId(id)))?;
    back(read, &ROUTE_BY_SLUG, report, |id| exists(read, &ROUTES, &RouteId(id)))?;
    back(read, &KEY_BY_PROJECT, report, |id| exists(read, &PROJECT_KEYS, &ProjectKeyId(id)))?;
    back(read, &PROJECT_KEY_BY_HASH, report, |id| exists(read, &PROJECT_KEYS, &ProjectKeyId(id)))?;
    back(read, &FILE_BY_BUCKET, report, |id| exists(read, &FILES, &FileId(id)))?;
    back(read, &FILE_BY_KEY, report, |id| exists(read, &FILES, &FileId(id)))?;
    back(read, &FILE_DUE, report, |id| exists(read, &FILES, &FileId(id)))?;
    back(read, &DELIVERY_BY_BUCKET, report, |id| exists(read, &DELIVERIES, &DeliveryId(id)))?;
    back(read, &DELIVERY_DUE, report, |id| exists(read, &DELIVERIES, &DeliveryId(id)))
}

fn back<K: Key>(
    read: &dyn Read,
    index: &Typed<K, IdRow>,
    report: &mut Report,
    is_there: impl Fn([u8; 16]) -> bool,
) -> Result<()> {
    let mut broken = Vec::new();
    let name = index.table().name();
    walk(read, index, report, |_, _, IdRow(id)| {
        if !is_there(id) {
            broken.push(format!("a row of {name} leads nowhere"));
        }
    })?;
    report.findings.extend(broken.into_iter().map(Finding::Index));
    Ok(())
}
