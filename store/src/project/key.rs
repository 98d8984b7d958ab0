//! Keys of projects. With its first key a project gets the key that signs its upload links, with its last it loses it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Store;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{OrgId, ProjectId, ProjectKeyId};
use crate::key::{self, Credentials, KeyOrigin, NewKey, Scope, Scopes, SealedCredentials, token_hash};
use crate::limit;
use crate::meta::table::{IdRow, KEY_BY_PROJECT, PROJECT_KEY_BY_HASH, PROJECT_KEYS, PROJECTS};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::plan::Plan;
use crate::policy::Action;
use crate::project::manage::remove_signer;
use crate::project::{ProjectAccess, ProjectKeyRow, ProjectRow, as_missing, no_such};

/// Random bytes in a key.
const KEY_BYTES: usize = 24;
/// Characters of a key that tell it from others.
const PREFIX_CHARS: usize = 12;

/// A key of a project as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectKey {
    /// Its identifier.
    pub id: ProjectKeyId,
    /// Its row.
    pub row: ProjectKeyRow,
}

/// A key to make for a project.
#[derive(Debug, Clone)]
pub struct NewProjectKey {
    /// The project.
    pub project: ProjectId,
    /// A name for people: at most 100 characters.
    pub name: String,
    /// Whether it is for trying things out.
    pub is_test: bool,
}

impl Store {
    /// Makes a key for a project, and returns it with what its holder presents, which is shown here and nowhere else.
    /// `TierLimit` beyond what the plan allows; `AccessDenied` for a live key where a test key asks.
    pub async fn create_project_key(&self, access: &ProjectAccess, new: NewProjectKey) -> Result<(ProjectKey, String)> {
        if !(access.is_test() && new.is_test) {
            access.must_allow(Action::UpdateBucket)?;
        }
        let mode = if new.is_test { "test" } else { "live" };
        let presented = format!("uk_{mode}_{}", URL_SAFE_NO_PAD.encode(clock::random::<KEY_BYTES>()?));
        let row = ProjectKeyRow {
            project: new.project,
            name: new.name.chars().take(limit::NAME_CHARS_MAX).collect(),
            is_test: new.is_test,
            hash: token_hash(&presented),
            prefix: presented.chars().take(PREFIX_CHARS).collect(),
            created_ms: 0,
        };
        let credentials = Credentials { token: None, ..Credentials::generate()? };
        let signer = SealedCredentials::seal(self, &credentials)?;
        let plan = Arc::clone(self.plans.of(access.org())?);
        let access = access.clone();
        let create = move |tx: &mut Tx<'_>| {
            let project = access.project(tx, row.project)?;
            check_count(tx, row.project, &plan)?;
            sign_with(tx, row.project, project, &signer)?;
            let row = ProjectKeyRow { created_ms: tx.now(), ..row.clone() };
            let id = ProjectKeyId::generate(tx.now())?;
            PROJECT_KEYS.put(tx, &id, &row)?;
            KEY_BY_PROJECT.put(tx, &(row.project, id), &IdRow(id.0))?;
            PROJECT_KEY_BY_HASH.put(tx, &row.hash, &IdRow(id.0))?;
            Ok(ProjectKey { id, row })
        };
        let key = self.meta.write(create).await?;
        // A key that is shown to somebody is there for good.
        self.meta.sync().await?;
        Ok((key, presented))
    }

    /// All keys of a project, ascending by id. `NoSuchRecord`.
    pub fn list_project_keys(&self, access: &ProjectAccess, project: ProjectId) -> Result<Vec<ProjectKey>> {
        access.must_allow(Action::ListBuckets)?;
        self.meta.read(|read| {
            access.project(read, project)?;
            keys_of(read, project)
        })
    }

    /// Revokes a key of a project, at once. `NoSuchRecord`; `AccessDenied` for a live key where a test key asks.
    pub async fn delete_project_key(&self, access: &ProjectAccess, id: ProjectKeyId) -> Result<()> {
        let access = access.clone();
        let delete = move |tx: &mut Tx<'_>| {
            let row = PROJECT_KEYS.get(tx, &id)?.ok_or_else(|| no_such("API key"))?;
            let mut project = access.project(tx, row.project).map_err(as_missing("API key"))?;
            if !(access.is_test() && row.is_test) {
                access.must_allow(Action::UpdateBucket)?;
            }
            remove(tx, id, &row);
            if keys_of(tx, row.project)?.is_empty()
                && let Some(signer) = project.signer.take()
            {
                remove_signer(tx, signer)?;
                PROJECTS.put(tx, &row.project, &project)?;
            }
            Ok(())
        };
        self.meta.write(delete).await?;
        // A key that was revoked stays revoked, whatever happens to the machine.
        self.meta.sync().await
    }
}

fn keys_of(read: &dyn Read, project: ProjectId) -> Result<Vec<ProjectKey>> {
    let mut keys = Vec::new();
    KEY_BY_PROJECT.scan(read, &KeyRange::prefix(&project.0), |(_, id), _| {
        let row = PROJECT_KEYS.get(read, &id)?;
        let row = row.ok_or_else(|| Error::corrupt(format!("key {id} of a project has no row")))?;
        keys.push(ProjectKey { id, row });
        Ok(Step::Continue)
    })?;
    Ok(keys)
}

fn check_count(read: &dyn Read, project: ProjectId, plan: &Plan) -> Result<()> {
    let max = plan.uploads.keys_per_project.unwrap_or(limit::KEYS_PER_PROJECT_MAX).min(limit::KEYS_PER_PROJECT_MAX);
    if (keys_of(read, project)?.len() as u64) < max {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TierLimit, format!("API key limit of {max} per project reached")))
}

/// Makes sure that a project's links are signed: by the key that it has for that, or else by this one.
fn sign_with(tx: &mut Tx<'_>, id: ProjectId, mut row: ProjectRow, signer: &SealedCredentials) -> Result<()> {
    if row.signer.is_some() {
        return Ok(());
    }
    row.signer = Some(key::put(tx, &signer_of(row.org, id, &row), signer)?);
    PROJECTS.put(tx, &id, &row)
}

fn signer_of(org: OrgId, id: ProjectId, row: &ProjectRow) -> NewKey {
    NewKey {
        org,
        name: format!("project {id}"),
        scopes: Scopes::of(&[Scope::FilesWrite]),
        buckets: Some(vec![row.live, row.test]),
        expires_ms: None,
        origin: KeyOrigin::Project,
    }
}

fn remove(tx: &mut Tx<'_>, id: ProjectKeyId, row: &ProjectKeyRow) {
    PROJECT_KEYS.delete(tx, &id);
    KEY_BY_PROJECT.delete(tx, &(row.project, id));
    PROJECT_KEY_BY_HASH.delete(tx, &row.hash);
}

/// Revokes all keys of a project that goes.
pub(super) fn remove_of_project(tx: &mut Tx<'_>, project: ProjectId) -> Result<()> {
    for key in keys_of(tx, project)? {
        remove(tx, key.id, &key.row);
    }
    Ok(())
}
