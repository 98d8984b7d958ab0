//! Looking at projects, changing and deleting them, and what their webhooks are signed with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Store;
use crate::bucket::{begin_deletion, check_name};
use crate::clock;
use crate::error::{Error, Result};
use crate::id::{KeyId, ProjectId};
use crate::key;
use crate::meta::table::{KEYS, PROJECT_BY_ORG, PROJECTS};
use crate::meta::{KeyRange, Step, Tx};
use crate::policy::Action;
use crate::project::{ProjectAccess, ProjectRow, SealedSecrets, key as project_key, no_such, route};
use crate::seal::MasterKey;

/// Random bytes in what webhooks are signed with.
const SECRET_BYTES: usize = 32;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its row.
    pub row: ProjectRow,
}

/// What webhooks are signed with, in clear: base64 of 32 bytes each, as it is handed out and used as text.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    /// Now.
    pub current: String,
    /// After the next rotation.
    pub next: String,
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecrets").finish_non_exhaustive()
    }
}

pub(super) fn fresh_secret() -> Result<Vec<u8>> {
    Ok(STANDARD.encode(clock::random::<SECRET_BYTES>()?).into_bytes())
}

impl Store {
    /// A page of the projects that may be seen, ascending by id: those behind `after`, at most `max`; with it the last id if
    /// more come behind it.
    pub fn list_projects(
        &self,
        access: &ProjectAccess,
        after: Option<ProjectId>,
        max: usize,
    ) -> Result<(Vec<Project>, Option<ProjectId>)> {
        access.must_allow(Action::ListBuckets)?;
        let org = access.org();
        let from = [&org.0[..], &after.map_or([0; 16], |after| after.0)].concat();
        self.meta.read(|read| {
            let (mut page, mut next): (Vec<Project>, _) = (Vec::new(), None);
            PROJECT_BY_ORG.scan(read, &KeyRange::prefix_from(&org.0, from), |(_, id), _| {
                let row = PROJECTS.get(read, &id)?.filter(|row| access.sees(id, row));
                let Some(row) = row.filter(|_| after != Some(id)) else { return Ok(Step::Continue) };
                if page.len() == max {
                    next = page.last().map(|project| project.id);
                    return Ok(Step::Stop);
                }
                page.push(Project { id, row });
                Ok(Step::Continue)
            })?;
            Ok((page, next))
        })
    }

    /// A project. `NoSuchRecord`.
    pub fn get_project(&self, access: &ProjectAccess, id: ProjectId) -> Result<Project> {
        access.must_allow(Action::ListBuckets)?;
        let row = self.meta.read(|read| access.project(read, id))?;
        Ok(Project { id, row })
    }

    /// Gives a project another name; its slug stays. `NoSuchRecord`.
    pub async fn rename_project(&self, access: &ProjectAccess, id: ProjectId, name: Option<String>) -> Result<Project> {
        access.must_allow(Action::UpdateBucket)?;
        name.as_deref().map(check_name).transpose()?;
        let access = access.clone();
        let rename = move |tx: &mut Tx<'_>| {
            let mut row = access.project(tx, id)?;
            if let Some(name) = name.clone().filter(|name| *name != row.name) {
                row.name = name;
                row.updated_ms = tx.now();
                PROJECTS.put(tx, &id, &row)?;
            }
            Ok(row)
        };
        Ok(Project { id, row: self.meta.write(rename).await? })
    }

    /// Deletes a project with its routes and keys, at once, and its files: those are out of reach from this commit on, and
    /// are removed step by step. `NoSuchRecord`; `BucketNotEmpty` if files of it are locked.
    pub async fn delete_project(&self, access: &ProjectAccess, id: ProjectId) -> Result<()> {
        access.must_allow(Action::DeleteBucket)?;
        let access = access.clone();
        self.meta
            .write(move |tx| {
                let row = access.project(tx, id)?;
                route::remove_of_project(tx, id)?;
                project_key::remove_of_project(tx, id)?;
                if let Some(signer) = row.signer {
                    remove_signer(tx, signer)?;
                }
                PROJECTS.delete(tx, &id);
                PROJECT_BY_ORG.delete(tx, &(row.org, id));
                for bucket in [row.live, row.test] {
                    begin_deletion(tx, bucket, false)?;
                }
                Ok(())
            })
            .await?;
        // Its keys were revoked, and stay so whatever happens to the machine.
        self.meta.sync().await
    }

    /// What the webhooks of a project are signed with. `NoSuchRecord`.
    pub fn webhook_secrets(&self, access: &ProjectAccess, id: ProjectId) -> Result<WebhookSecrets> {
        access.must_allow(Action::UpdateBucket)?;
        let row = self.meta.read(|read| access.project(read, id))?;
        self.open_secrets(id, &row.secrets)
    }

    /// Makes the next secret the current one, and a new one the next. Who knows both before knows how webhooks are signed
    /// after. `NoSuchRecord`.
    pub async fn rotate_webhook_secrets(&self, access: &ProjectAccess, id: ProjectId) -> Result<WebhookSecrets> {
        access.must_allow(Action::UpdateBucket)?;
        let access = access.clone();
        let fresh = self.master.seal(&id.0, &fresh_secret()?)?;
        let rotate = move |tx: &mut Tx<'_>| {
            let mut row = access.project(tx, id)?;
            row.secrets = SealedSecrets { current: std::mem::take(&mut row.secrets.next), next: fresh.clone() };
            PROJECTS.put(tx, &id, &row)?;
            Ok(row.secrets)
        };
        let sealed = self.meta.write(rotate).await?;
        self.meta.sync().await?;
        self.open_secrets(id, &sealed)
    }

    pub(crate) fn open_secrets(&self, id: ProjectId, sealed: &SealedSecrets) -> Result<WebhookSecrets> {
        let open = |sealed: &[u8]| {
            let secret = self.opened.get(sealed, || self.master.open(&id.0, sealed))?;
            String::from_utf8(secret).map_err(|_| Error::corrupt(format!("a secret of project {id} is not text")))
        };
        Ok(WebhookSecrets { current: open(&sealed.current)?, next: open(&sealed.next)? })
    }

    /// The access key id and the secret that a project's upload links are signed with.
    pub(crate) fn signer(&self, id: Option<KeyId>) -> Result<(String, String)> {
        let row = match id {
            Some(id) => self.meta.read(|read| KEYS.get(read, &id))?,
            None => None,
        };
        let row = row.ok_or_else(|| no_such("Project"))?;
        let open = || self.master.open(row.access_key_id.as_bytes(), &row.sealed_secret);
        let secret = self.opened.get(&row.sealed_secret, open)?;
        let secret =
            String::from_utf8(secret).map_err(|_| Error::corrupt("the secret of a project's key is not text"))?;
        Ok((row.access_key_id, secret))
    }
}

/// Revokes the key that signs a project's links.
pub(super) fn remove_signer(tx: &mut Tx<'_>, id: KeyId) -> Result<()> {
    if let Some(row) = KEYS.get(tx, &id)? {
        key::remove(tx, id, &row);
    }
    Ok(())
}

/// Seals what the webhooks of all projects are signed with under another key; says how many secrets there were.
pub(crate) fn seal_anew(tx: &mut Tx<'_>, old: &MasterKey, new: &MasterKey) -> Result<u64> {
    let mut projects = Vec::new();
    PROJECTS.scan(tx, &KeyRange::all(), |id, row| {
        projects.push((id, row));
        Ok(Step::Continue)
    })?;
    for (id, row) in &mut projects {
        let seal = |sealed: &[u8]| new.seal(&id.0, &old.open(&id.0, sealed)?);
        row.secrets = SealedSecrets { current: seal(&row.secrets.current)?, next: seal(&row.secrets.next)? };
        PROJECTS.put(tx, id, row)?;
    }
    Ok(2 * projects.len() as u64)
}
