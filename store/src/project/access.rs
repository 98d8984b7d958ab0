//! Who may do what with projects. There is no way to a project but through a `ProjectAccess`, and none to one but from a key
//! of a project or from a grant.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId, ProjectId, ProjectKeyId};
use crate::key::token_hash;
use crate::meta::Read;
use crate::meta::table::{IdRow, PROJECT_KEY_BY_HASH, PROJECT_KEYS, PROJECTS};
use crate::policy::{Action, Grant};
use crate::project::{ProjectRow, no_such};

/// Proof of what somebody may do with projects.
#[derive(Debug, Clone)]
pub struct ProjectAccess {
    org: OrgId,
    holder: Holder,
}

#[derive(Debug, Clone)]
enum Holder {
    /// Of a key of a project.
    Key(ProjectKeyId, Space),
    /// Of a key of the organisation, which was granted one action.
    Management(Box<Grant>),
}

/// Where the holder of a project's key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) org: OrgId,
    pub(crate) project: ProjectId,
    pub(crate) bucket: BucketId,
    pub(crate) is_test: bool,
    pub(crate) signer: Option<KeyId>,
}

/// Whether a text has the form of a project's key.
fn is_key(text: &str) -> bool {
    let secret = text.strip_prefix("uk_live_").or_else(|| text.strip_prefix("uk_test_")).unwrap_or_default();
    secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl Store {
    /// What the holder of a project's key may do; `None` if nobody holds such a key. What is presented is compared by its
    /// SHA-256 alone, so timing tells nothing of it.
    pub fn project_key(&self, presented: &str) -> Result<Option<ProjectAccess>> {
        if !is_key(presented) {
            return Ok(None);
        }
        self.meta.read(|read| {
            let Some(IdRow(id)) = PROJECT_KEY_BY_HASH.get(read, &token_hash(presented))? else { return Ok(None) };
            let id = ProjectKeyId(id);
            let missing = |what: &str| Error::corrupt(format!("{what} of project key {id} is missing"));
            let key = PROJECT_KEYS.get(read, &id)?.ok_or_else(|| missing("the row"))?;
            let project = PROJECTS.get(read, &key.project)?.ok_or_else(|| missing("the project"))?;
            let bucket = if key.is_test { project.test } else { project.live };
            let space =
                Space { org: project.org, project: key.project, bucket, is_test: key.is_test, signer: project.signer };
            Ok(Some(ProjectAccess { org: project.org, holder: Holder::Key(id, space) }))
        })
    }
}

impl ProjectAccess {
    /// What a grant for the organisation as a whole allows with its projects: `ListBuckets` to look at them, `CreateBucket` to
    /// make one, `UpdateBucket` to change what belongs to one, `DeleteBucket` to delete one.
    pub fn of(grant: Grant) -> Self {
        Self { org: grant.principal().org, holder: Holder::Management(Box::new(grant)) }
    }

    /// The organisation.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The project's key, if it is one's that holds this.
    pub fn key(&self) -> Option<ProjectKeyId> {
        match &self.holder {
            Holder::Key(id, _) => Some(*id),
            Holder::Management(_) => None,
        }
    }

    /// Whether it is held by a key for trying things out.
    pub fn is_test(&self) -> bool {
        matches!(&self.holder, Holder::Key(_, space) if space.is_test)
    }

    /// Where the holder of a project's key works. `AccessDenied` for anybody else.
    pub(crate) fn space(&self) -> Result<Space> {
        match &self.holder {
            Holder::Key(_, space) => Ok(*space),
            Holder::Management(_) => Err(denied()),
        }
    }

    /// Fails unless it allows an action. A live key may do all with its project and cannot make another; a test key may look.
    pub(super) fn must_allow(&self, action: Action) -> Result<()> {
        match &self.holder {
            Holder::Management(grant) => grant.must_allow(action),
            Holder::Key(_, space) => match action {
                Action::ListBuckets => Ok(()),
                Action::UpdateBucket | Action::DeleteBucket if !space.is_test => Ok(()),
                _ => Err(denied()),
            },
        }
    }

    /// The project, if it may be seen; else it does not exist.
    pub(super) fn project(&self, read: &dyn Read, id: ProjectId) -> Result<ProjectRow> {
        let row = PROJECTS.get(read, &id)?.filter(|row| row.org == self.org && self.sees(id, row));
        row.ok_or_else(|| no_such("Project"))
    }

    /// Whether a project of the organisation may be seen.
    pub(super) fn sees(&self, id: ProjectId, row: &ProjectRow) -> bool {
        match &self.holder {
            Holder::Key(_, space) => space.project == id,
            Holder::Management(grant) => {
                grant.principal().buckets.as_ref().is_none_or(|buckets| buckets.contains(&row.live))
            }
        }
    }
}

impl Space {
    /// The bucket, which must be in use.
    pub(crate) fn bucket(&self, read: &dyn Read) -> Result<Bucket> {
        Bucket::must_be_active(read, self.bucket)
    }
}

fn denied() -> Error {
    Error::new(ErrorKind::AccessDenied, "Access Denied")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_projects_have_one_form() {
        let secret = "abcDEF012_-abcDEF012_-abcDEF0123";
        assert!(is_key(&format!("uk_live_{secret}")));
        assert!(is_key(&format!("uk_test_{secret}")));
        for bad in [
            "".to_owned(),
            secret.to_owned(),
            format!("uk_live_{secret}0"),
            format!("uk_live_{}", &secret[1..]),
            format!("uk_live_!{}", &secret[1..]),
            format!("UK_LIVE_{secret}"),
            format!("bkt_{secret}"),
        ] {
            assert!(!is_key(&bad), "{bad}");
        }
    }
}
