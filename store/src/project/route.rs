//! Routes of projects: what may be uploaded, and who is told of it.

use crate::Store;
use crate::admission::is_mime_pattern;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, RouteId};
use crate::limit;
use crate::meta::table::{IdRow, ROUTE_BY_SLUG, ROUTES};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::policy::Action;
use crate::project::{ProjectAccess, RouteRow, as_missing, no_such};

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its identifier.
    pub id: RouteId,
    /// Its row.
    pub row: RouteRow,
}

/// A route to make.
#[derive(Debug, Clone)]
pub struct NewRoute {
    /// A letter, then letters and digits, at most 100.
    pub slug: String,
    /// The rest of it, none of which may be absent.
    pub settings: RoutePatch,
}

/// A change of a route: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutePatch {
    /// Bytes of one file.
    pub max_file_size: Option<u64>,
    /// Files that a client is to let people pick at once.
    pub max_file_count: Option<u32>,
    /// Content types, exact or as in `image/*`; none is all.
    pub allowed_types: Option<Vec<String>>,
    /// Who is told of a file that was uploaded.
    pub webhook_url: Option<Option<String>>,
}

impl RoutePatch {
    fn apply(&self, row: &mut RouteRow) {
        row.max_file_size = self.max_file_size.unwrap_or(row.max_file_size);
        row.max_file_count = self.max_file_count.unwrap_or(row.max_file_count);
        if let Some(types) = &self.allowed_types {
            row.allowed_types.clone_from(types);
        }
        if let Some(url) = &self.webhook_url {
            row.webhook_url.clone_from(url);
        }
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let types = self.allowed_types.as_deref().unwrap_or_default();
        if types.len() > limit::MIME_TYPES_MAX {
            return wrong("allowedTypes: at most 50");
        }
        let fits = |kind: &String| kind.len() <= limit::MIME_TYPE_BYTES_MAX && is_mime_pattern(kind);
        if !types.iter().all(fits) {
            return wrong("allowedTypes: content types, exact or as in image/*");
        }
        match self.webhook_url.iter().flatten().all(|url| is_webhook_url(url)) {
            true => Ok(()),
            false => wrong("webhookUrl: an address that begins with http:// or https://"),
        }
    }
}

/// Whether a text can be the address of a webhook: whether it may be told is asked when it is.
fn is_webhook_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && text.len() <= limit::WEBHOOK_URL_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_slug(text: &str) -> bool {
    text.len() <= limit::SLUG_CHARS_MAX
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl Store {
    /// Makes a route. `DuplicateSlug`, `NoSuchRecord` without such a project, `InvalidArgument` for what breaks a rule or
    /// beyond `limit::ROUTES_PER_PROJECT_MAX`.
    pub async fn create_route(&self, access: &ProjectAccess, project: ProjectId, new: NewRoute) -> Result<Route> {
        access.must_allow(Action::UpdateBucket)?;
        if !is_slug(&new.slug) {
            let message = "slug: a letter, then letters and digits, at most 100";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        new.settings.check()?;
        let access = access.clone();
        self.meta
            .write(move |tx| {
                access.project(tx, project)?;
                if ROUTE_BY_SLUG.contains(tx, &(project, new.slug.clone()))? {
                    let message = format!("A route with the slug {} already exists in this project", new.slug);
                    return Err(Error::new(ErrorKind::DuplicateSlug, message));
                }
                if routes_of(tx, project)?.len() >= limit::ROUTES_PER_PROJECT_MAX {
                    return Err(Error::new(ErrorKind::InvalidArgument, "A project has at most 1000 routes"));
                }
                let mut row = RouteRow {
                    project,
                    slug: new.slug.clone(),
                    max_file_size: 0,
                    max_file_count: 0,
                    allowed_types: Vec::new(),
                    webhook_url: None,
                    created_ms: tx.now(),
                    updated_ms: tx.now(),
                };
                new.settings.apply(&mut row);
                let id = RouteId::generate(tx.now())?;
                ROUTES.put(tx, &id, &row)?;
                ROUTE_BY_SLUG.put(tx, &(project, row.slug.clone()), &IdRow(id.0))?;
                Ok(Route { id, row })
            })
            .await
    }

    /// All routes of a project, by slug. `NoSuchRecord`.
    pub fn list_routes(&self, access: &ProjectAccess, project: ProjectId) -> Result<Vec<Route>> {
        access.must_allow(Action::ListBuckets)?;
        self.meta.read(|read| {
            access.project(read, project)?;
            routes_of(read, project)
        })
    }

    /// A route, for who may change it. `NoSuchRecord`.
    pub(crate) fn get_route(&self, access: &ProjectAccess, id: RouteId) -> Result<Route> {
        access.must_allow(Action::UpdateBucket)?;
        let row = self.meta.read(|read| route_of(read, access, id))?;
        Ok(Route { id, row })
    }

    /// Changes a route. `NoSuchRecord`, `InvalidArgument`.
    pub async fn update_route(&self, access: &ProjectAccess, id: RouteId, patch: RoutePatch) -> Result<Route> {
        access.must_allow(Action::UpdateBucket)?;
        patch.check()?;
        let access = access.clone();
        let update = move |tx: &mut Tx<'_>| {
            let mut row = route_of(tx, &access, id)?;
            patch.apply(&mut row);
            row.updated_ms = tx.now();
            ROUTES.put(tx, &id, &row)?;
            Ok(row)
        };
        Ok(Route { id, row: self.meta.write(update).await? })
    }

    /// Deletes a route; files that came by it stay. `NoSuchRecord`.
    pub async fn delete_route(&self, access: &ProjectAccess, id: RouteId) -> Result<()> {
        access.must_allow(Action::UpdateBucket)?;
        let access = access.clone();
        self.meta
            .write(move |tx| {
                let row = route_of(tx, &access, id)?;
                remove(tx, id, row);
                Ok(())
            })
            .await
    }
}

fn route_of(read: &dyn Read, access: &ProjectAccess, id: RouteId) -> Result<RouteRow> {
    let row = ROUTES.get(read, &id)?.ok_or_else(|| no_such("Route"))?;
    access.project(read, row.project).map_err(as_missing("Route"))?;
    Ok(row)
}

fn remove(tx: &mut Tx<'_>, id: RouteId, row: RouteRow) {
    ROUTES.delete(tx, &id);
    ROUTE_BY_SLUG.delete(tx, &(row.project, row.slug));
}

fn routes_of(read: &dyn Read, project: ProjectId) -> Result<Vec<Route>> {
    let mut routes = Vec::new();
    ROUTE_BY_SLUG.scan(read, &KeyRange::prefix(&project.0), |_, IdRow(id)| {
        let id = RouteId(id);
        let row = ROUTES.get(read, &id)?.ok_or_else(|| Error::corrupt(format!("route {id} has a slug but no row")))?;
        routes.push(Route { id, row });
        Ok(Step::Continue)
    })?;
    Ok(routes)
}

/// Removes all routes of a project that goes.
pub(super) fn remove_of_project(tx: &mut Tx<'_>, project: ProjectId) -> Result<()> {
    for route in routes_of(tx, project)? {
        remove(tx, route.id, route.row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_letters_and_digits() {
        for good in ["a", "imageUploader", "A1", &"a".repeat(100)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "1a", "a-b", "a b", "é", &"a".repeat(101)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn what_a_route_is_set_to_keeps_its_rules() {
        let types = |types: &[&str]| RoutePatch {
            allowed_types: Some(types.iter().map(|kind| (*kind).to_owned()).collect()),
            ..RoutePatch::default()
        };
        assert!(types(&["image/*", "*/*", "application/pdf"]).check().is_ok());
        for bad in [&["image"][..], &[""], &["image/png; q=1"], &["a/b"; 51]] {
            assert_eq!(types(bad).check().unwrap_err().kind(), ErrorKind::InvalidArgument, "{bad:?}");
        }
        let url = |url: &str| RoutePatch { webhook_url: Some(Some(url.to_owned())), ..RoutePatch::default() };
        for good in ["https://a.test/x?y", "http://127.0.0.1:9/"] {
            assert!(url(good).check().is_ok(), "{good}");
        }
        for bad in
            ["", "a.test", "ftp://a.test", "https://", "https://a.test/ b", &format!("https://{}", "a".repeat(2_048))]
        {
            assert!(url(bad).check().is_err(), "{bad}");
        }
    }
}
