//! `/projects`, and what the webhooks of a project are signed with.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use windlass_store::id::ProjectId;
use windlass_store::limit::NAME_CHARS_MAX;
use windlass_store::project::{NewProject, Project, WebhookSecrets};

use super::ask::Ask;
use super::error::Result;
use super::list::{List, PageQuery};
use crate::answer::{self, Answer};
use crate::field::{Optional, Required, Text, inputs};
use crate::id::Shown;
use crate::page;
use crate::time::Time;

inputs! {
    /// A project to make.
    CreateBody {
        /// Its name for people.
        name: String = "name", Required(Text(1, NAME_CHARS_MAX));
    }
    /// A change of a project.
    UpdateBody {
        /// Its name for people.
        name: Option<String> = "name", Optional(Text(1, NAME_CHARS_MAX));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectObject<'a> {
    id: Shown<ProjectId>,
    name: &'a str,
    slug: &'a str,
    created_at: Time,
    updated_at: Time,
}

impl<'a> ProjectObject<'a> {
    fn new(project: &'a Project) -> Self {
        let row = &project.row;
        Self {
            id: Shown(project.id),
            name: &row.name,
            slug: &row.slug,
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

/// The project that a path names.
pub(super) fn asked(ask: &Ask) -> Result<ProjectId> {
    ask.id("id", "Project")
}

/// `GET /projects`
pub(super) async fn list(ask: Ask) -> Result<Answer> {
    let query: PageQuery = ask.query()?;
    let after = query.cursor.map(ProjectId);
    let (projects, next) = ask.store().list_projects(&ask.access, after, page::count(query.limit))?;
    let items = projects.iter().map(ProjectObject::new).collect();
    Ok(List::new(items, next.as_ref().map(|id| id.0.as_slice())).into_answer())
}

/// `POST /projects`
pub(super) async fn create(mut ask: Ask) -> Result<Answer> {
    let body: CreateBody = ask.json().await?;
    let new = NewProject { name: body.name, region: ask.settings().region.clone() };
    let project = ask.store().create_project(&ask.access, new).await?;
    Ok(answer::json(StatusCode::CREATED, &ProjectObject::new(&project)))
}

/// `GET /projects/{id}`
pub(super) async fn get(ask: Ask) -> Result<Answer> {
    let project = ask.store().get_project(&ask.access, asked(&ask)?)?;
    Ok(answer::json(StatusCode::OK, &ProjectObject::new(&project)))
}

/// `PATCH /projects/{id}`
pub(super) async fn update(mut ask: Ask) -> Result<Answer> {
    let body: UpdateBody = ask.json().await?;
    let project = ask.store().rename_project(&ask.access, asked(&ask)?, body.name).await?;
    Ok(answer::json(StatusCode::OK, &ProjectObject::new(&project)))
}

/// `DELETE /projects/{id}`
pub(super) async fn delete(ask: Ask) -> Result<Answer> {
    ask.store().delete_project(&ask.access, asked(&ask)?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "deleted": true })))
}

/// `GET /projects/{id}/signing-keys`
pub(super) async fn signing_keys(ask: Ask) -> Result<Answer> {
    Ok(show(&ask.store().webhook_secrets(&ask.access, asked(&ask)?)?))
}

/// `POST /projects/{id}/signing-keys/rotate`
pub(super) async fn rotate_signing_keys(ask: Ask) -> Result<Answer> {
    Ok(show(&ask.store().rotate_webhook_secrets(&ask.access, asked(&ask)?).await?))
}

fn show(secrets: &WebhookSecrets) -> Answer {
    answer::json(StatusCode::OK, &json!({ "currentSigningKey": secrets.current, "nextSigningKey": secrets.next }))
}
