//! `/keys`: the keys of projects.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use windlass_store::id::ProjectKeyId;
use windlass_store::limit::NAME_CHARS_MAX;
use windlass_store::project::{NewProjectKey, ProjectKey};

use super::ask::Ask;
use super::error::Result;
use super::list::{List, PageQuery};
use super::projects;
use crate::answer::{self, Answer};
use crate::field::{Flag, Nullable, Or, Text, inputs};
use crate::id::Shown;
use crate::time::Time;

inputs! {
    /// A key to make.
    CreateBody {
        /// Its name for people.
        name: Option<String> = "name", Nullable(Text(0, NAME_CHARS_MAX));
        /// Whether it is for trying things out.
        is_test: bool = "isTest", Or(Flag, false);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyObject<'a> {
    id: Shown<ProjectKeyId>,
    key_prefix: &'a str,
    name: &'a str,
    is_test: bool,
    created_at: Time,
    /// What its holder presents: shown here and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> KeyObject<'a> {
    fn new(key: &'a ProjectKey, presented: Option<&'a str>) -> Self {
        let row = &key.row;
        Self {
            id: Shown(key.id),
            key_prefix: &row.prefix,
            name: &row.name,
            is_test: row.is_test,
            created_at: Time(row.created_ms),
            key: presented,
        }
    }
}

/// `GET /projects/{id}/keys`
pub(super) async fn list(ask: Ask) -> Result<Answer> {
    let query: PageQuery = ask.query()?;
    let keys = ask.store().list_project_keys(&ask.access, projects::asked(&ask)?)?;
    let items = keys.iter().map(|key| (key.id.0, KeyObject::new(key, None))).collect();
    Ok(List::of(items, &query).into_answer())
}

/// `POST /projects/{id}/keys`
pub(super) async fn create(mut ask: Ask) -> Result<Answer> {
    let body: CreateBody = ask.json().await?;
    let project = projects::asked(&ask)?;
    let new = NewProjectKey { project, name: body.name.unwrap_or_default(), is_test: body.is_test };
    let (key, presented) = ask.store().create_project_key(&ask.access, new).await?;
    Ok(answer::json(StatusCode::CREATED, &KeyObject::new(&key, Some(&presented))))
}

/// `DELETE /keys/{id}`
pub(super) async fn delete(ask: Ask) -> Result<Answer> {
    ask.store().delete_project_key(&ask.access, ask.id("id", "API key")?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "deleted": true })))
}
