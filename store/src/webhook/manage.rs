//! Looking at deliveries, asking for one once more, and forgetting one.

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeliveryId, FileId, RouteId};
use crate::intent::{File, FileRow, FileStatus, Said};
use crate::limit;
use crate::meta::table::{DELIVERY_BY_BUCKET, IdRow, PROJECTS};
use crate::meta::{Key as _, KeyRange, Newest, Read, Step};
use crate::project::{ProjectAccess, Route, Space, WebhookSecrets, no_such};
use crate::webhook::row::{Delivery, DeliveryStatus};

/// Which deliveries to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those that have come so far.
    pub status: Option<DeliveryStatus>,
    /// Those about that file.
    pub file: Option<FileId>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone)]
pub struct DeliveryPage {
    /// They.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins, if there is more.
    pub next: Option<u64>,
}

impl Store {
    /// A page of deliveries, newest first: those before `before`, at most `max`. A page that would have to look at too many
    /// rows comes short, with a place to go on.
    pub fn list_deliveries(
        &self,
        access: &ProjectAccess,
        filter: DeliveryFilter,
        before: Option<u64>,
        max: usize,
    ) -> Result<DeliveryPage> {
        let bucket = access.space()?.bucket;
        let mut from = bucket.0.to_vec();
        before.map(Newest).inspect(|before| before.write(&mut from));
        self.meta.read(|read| {
            let (mut page, mut seen, mut last) = (DeliveryPage { deliveries: Vec::new(), next: None }, 0, None);
            DELIVERY_BY_BUCKET.scan(read, &KeyRange::prefix_from(&bucket.0, from), |(_, Newest(at)), IdRow(id)| {
                if before == Some(at) {
                    return Ok(Step::Continue);
                }
                if page.deliveries.len() == max || seen == limit::FILES_SCAN_MAX {
                    page.next = last;
                    return Ok(Step::Stop);
                }
                seen += 1;
                last = Some(at);
                let found = Delivery::get(read, DeliveryId(id))?.filter(|one| {
                    filter.status.is_none_or(|status| status == one.row.status)
                        && filter.file.is_none_or(|file| file == one.row.file)
                });
                page.deliveries.extend(found);
                Ok(Step::Continue)
            })?;
            Ok(page)
        })
    }

    /// A delivery. `NoSuchRecord`.
    pub fn get_delivery(&self, access: &ProjectAccess, id: DeliveryId) -> Result<Delivery> {
        let space = access.space()?;
        self.meta.read(|read| of(read, &space, id))
    }

    /// Has a delivery tried anew, as if it never was. `NoSuchRecord`.
    pub async fn redeliver(&self, access: &ProjectAccess, id: DeliveryId) -> Result<Delivery> {
        let space = access.space()?;
        self.meta
            .write(move |tx| {
                let mut delivery = of(tx, &space, id)?;
                delivery.row.status = DeliveryStatus::Pending;
                delivery.row.attempts = 0;
                let now = tx.now();
                delivery.save(tx, now)
            })
            .await
    }

    /// Forgets a delivery, told or not. `NoSuchRecord`.
    pub async fn delete_delivery(&self, access: &ProjectAccess, id: DeliveryId) -> Result<()> {
        let space = access.space()?;
        self.meta
            .write(move |tx| {
                of(tx, &space, id)?.remove(tx);
                Ok(())
            })
            .await
    }
}

/// What a receiver is shown to be tried.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Who is told.
    pub url: String,
    /// Under which identifier.
    pub id: DeliveryId,
    /// Of which file, which there is not.
    pub file: File,
    /// What the project signs with.
    pub secrets: WebhookSecrets,
}

impl Store {
    /// A sample of what the receiver of a route is told. `base` is what the addresses of files begin with. `NoSuchRecord`;
    /// `InvalidArgument` if the route tells nobody.
    pub fn webhook_sample(&self, access: &ProjectAccess, route: RouteId, base: String) -> Result<Sample> {
        let Route { id: route, row } = self.get_route(access, route)?;
        let url =
            row.webhook_url.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "The route has no webhookUrl"))?;
        let secrets = self.webhook_secrets(access, row.project)?;
        let project = self.meta.read(|read| PROJECTS.get(read, &row.project))?.ok_or_else(|| no_such("Project"))?;
        let now = self.clock.now();
        let file = FileRow {
            org: project.org,
            project: row.project,
            bucket: project.test,
            key: format!("proj_{}/{}/sample/sample.txt", row.project, row.slug),
            route,
            route_slug: row.slug,
            name: "sample.txt".to_owned(),
            size: 1,
            content_type: "text/plain".to_owned(),
            status: FileStatus::Uploaded,
            said: Said::new(),
            base,
            parts: None,
            is_test: true,
            created_ms: now,
            updated_ms: now,
            sequence: 0,
            due_ms: None,
        };
        Ok(Sample {
            url,
            id: DeliveryId::generate(now)?,
            file: File { id: FileId::generate(now)?, row: file },
            secrets,
        })
    }
}

fn of(read: &dyn Read, space: &Space, id: DeliveryId) -> Result<Delivery> {
    Delivery::get(read, id)?.filter(|one| one.row.bucket == space.bucket).ok_or_else(|| no_such("Delivery"))
}
