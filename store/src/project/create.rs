//! Making a project, with its buckets.

use std::sync::Arc;

use crate::Store;
use crate::bucket::{self, Bucket, BucketRow, check_name, document};
use crate::clock;
use crate::cors::{Cors, CorsRule};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId, ProjectId};
use crate::limit;
use crate::meta::table::{IdRow, PROJECT_BY_ORG, PROJECTS};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::name::BucketName;
use crate::plan::Plan;
use crate::policy::{Action, BucketPolicy};
use crate::project::manage::fresh_secret;
use crate::project::{LiveFiles, Project, ProjectAccess, ProjectRow, SealedSecrets, TestFiles, bucket_name};

/// For how many seconds a browser may remember that pages may upload.
const CORS_SECONDS: u32 = 3_600;

/// A project to make.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its name for people: 1 to 100 characters.
    pub name: String,
    /// Where its buckets are said to be.
    pub region: String,
}

impl Store {
    /// Makes a project with its two buckets, which everybody may read from. `TierLimit` beyond what the plan allows.
    pub async fn create_project(&self, access: &ProjectAccess, new: NewProject) -> Result<Project> {
        access.must_allow(Action::CreateBucket)?;
        check_name(&new.name)?;
        let id = ProjectId::generate(self.clock.now())?;
        let (current, next) = (fresh_secret()?, fresh_secret()?);
        let secrets =
            SealedSecrets { current: self.master.seal(&id.0, &current)?, next: self.master.seal(&id.0, &next)? };
        let org = access.org();
        let plan = Arc::clone(self.plans.of(org)?);
        let row = self
            .meta
            .write(move |tx| {
                check_count(tx, org, &plan)?;
                let (live, test) = (files(tx, org, id, &new)?, sandbox(tx, org, id, &new)?);
                let row = ProjectRow {
                    org,
                    name: new.name.clone(),
                    slug: slug(&new.name)?,
                    created_ms: tx.now(),
                    updated_ms: tx.now(),
                    live,
                    test,
                    signer: None,
                    secrets: secrets.clone(),
                };
                PROJECTS.put(tx, &id, &row)?;
                PROJECT_BY_ORG.put(tx, &(org, id), &IdRow(id.0))?;
                Ok(row)
            })
            .await?;
        Ok(Project { id, row })
    }
}

fn check_count(read: &dyn Read, org: OrgId, plan: &Plan) -> Result<()> {
    let max = plan.uploads.projects.unwrap_or(limit::PROJECTS_PER_ORG_MAX).min(limit::PROJECTS_PER_ORG_MAX);
    let mut count = 0;
    read.scan(PROJECT_BY_ORG.table(), &KeyRange::prefix(&org.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    if count < max {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TierLimit, format!("Project limit of {max} reached")))
}

fn files(tx: &mut Tx<'_>, org: OrgId, project: ProjectId, new: &NewProject) -> Result<BucketId> {
    let id = open(tx, org, &bucket_name(project, false), new.name.clone(), &new.region)?;
    document::put(tx, Bucket::must_exist(tx, id)?, &LiveFiles(project))?;
    Ok(id)
}

fn sandbox(tx: &mut Tx<'_>, org: OrgId, project: ProjectId, new: &NewProject) -> Result<BucketId> {
    let name: String = new.name.chars().take(limit::NAME_CHARS_MAX - " (test)".len()).collect();
    let id = open(tx, org, &bucket_name(project, true), format!("{name} (test)"), &new.region)?;
    document::put(tx, Bucket::must_exist(tx, id)?, &TestFiles(project))?;
    Ok(id)
}

/// A bucket that pages may upload to with a link, and that everybody may read from who knows a key.
fn open(tx: &mut Tx<'_>, org: OrgId, name: &str, display_name: String, region: &str) -> Result<BucketId> {
    let name = BucketName::parse(name)?;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}/*"}}]}}"#
    );
    let row = BucketRow::new(name, org, tx.now(), BucketRow::location_of(region));
    let bucket = bucket::insert(tx, BucketRow { display_name, ..row })?;
    let id = bucket.id;
    document::put(tx, bucket, &BucketPolicy::parse(&policy)?)?;
    let rule = CorsRule {
        origins: vec!["*".to_owned()],
        methods: ["GET", "HEAD", "PUT"].map(str::to_owned).into(),
        headers: vec!["*".to_owned()],
        exposed: vec!["ETag".to_owned()],
        max_age_seconds: Some(CORS_SECONDS),
        ..CorsRule::default()
    };
    document::put(tx, Bucket::must_exist(tx, id)?, &Cors { rules: vec![rule] })?;
    Ok(id)
}

/// The name in lower case with hyphens for all but letters and digits, a hyphen, and 6 characters of chance.
fn slug(name: &str) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let random = clock::random::<6>()?;
    let end: String = random.iter().filter_map(|b| ALPHABET.get(usize::from(b % 32))).map(|b| char::from(*b)).collect();
    let slug = slug.trim_end_matches('-');
    Ok(if slug.is_empty() { end } else { format!("{slug}-{end}") })
}
