//! Announcing a file: one commit that holds it against its route and its plan, and writes its row.

use std::sync::Arc;

use crate::Store;
use crate::admission;
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RouteId, UploadId};
use crate::intent::row::{self, File, FileRow, FileStatus, Said};
use crate::intent::usage;
use crate::limit;
use crate::meta::table::{IdRow, ORG_USAGE, ROUTE_BY_SLUG, ROUTES, UPLOADS};
use crate::meta::{Read, Tx};
use crate::object::{Extras, Metadata, StorageClass, SystemHeaders};
use crate::plan::Plan;
use crate::project::{ProjectAccess, RouteRow, Space, no_such};
use crate::upload::row::UploadRow;
use crate::usage::{self as counters, Change, UsageRow};

/// A file to announce.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// What the client calls it: 1 to 255 characters.
    pub name: String,
    /// Length in bytes, at least 1.
    pub size: u64,
    /// Its content type: 1 to 100 characters.
    pub content_type: String,
    /// The route to upload it by.
    pub route_slug: String,
    /// What the client says of it.
    pub said: Said,
    /// What its public address begins with: a scheme, a host and perhaps a port.
    pub base: String,
    /// For how long the links last that it is uploaded by.
    pub links_last_ms: u64,
}

/// What signs the links that a file is uploaded by.
#[derive(Clone)]
pub struct Signer {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A file that was announced.
#[derive(Debug, Clone)]
pub struct Requested {
    /// It.
    pub file: File,
    /// What signs its links.
    pub signer: Signer,
}

impl Store {
    /// Announces a file that is to be uploaded as a whole. `NoSuchRecord` without such a route, `FileTooLarge`,
    /// `TypeNotAllowed`, `TierLimit`, `InvalidArgument`.
    pub async fn request_file(&self, access: &ProjectAccess, new: NewFile) -> Result<Requested> {
        self.announce(access, new, false).await
    }

    /// Announces a file that is to be uploaded in parts, and begins the upload. The same errors, and `TooSmallForParts`.
    pub async fn request_file_in_parts(&self, access: &ProjectAccess, new: NewFile) -> Result<Requested> {
        self.announce(access, new, true).await
    }

    async fn announce(&self, access: &ProjectAccess, new: NewFile, in_parts: bool) -> Result<Requested> {
        let space = access.space()?;
        let signer = self.signer_of(&space)?;
        let plan = Arc::clone(self.plans.of(space.org)?);
        check_name(&new)?;
        if !space.is_test {
            usage::check_sent(&plan, self.org_bandwidth(space.org)?)?;
        }
        let file = self.meta.write(move |tx| announce(tx, &space, &plan, &new, in_parts)).await?;
        Ok(Requested { file, signer })
    }

    /// What signs the links of a space.
    pub(super) fn signer_of(&self, space: &Space) -> Result<Signer> {
        let (access_key_id, secret_access_key) = self.signer(space.signer)?;
        Ok(Signer { access_key_id, secret_access_key })
    }
}

fn check_name(new: &NewFile) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
    if !(1..=limit::FILE_NAME_CHARS_MAX).contains(&new.name.chars().count()) {
        return wrong("fileName must be 1 to 255 characters");
    }
    let graphic = new.content_type.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if !(1..=limit::FILE_TYPE_CHARS_MAX).contains(&new.content_type.len()) || !graphic {
        return wrong("contentType must be 1 to 100 characters");
    }
    if new.size == 0 { wrong("fileSize must be a positive integer") } else { Ok(()) }
}

fn announce(tx: &mut Tx<'_>, space: &Space, plan: &Plan, new: &NewFile, in_parts: bool) -> Result<File> {
    space.bucket(tx)?;
    let (route, rules) = route(tx, space, &new.route_slug)?;
    check(plan, &rules, new, in_parts)?;
    if !space.is_test {
        check_room(tx, tx.now(), space, plan, new.size)?;
    }
    let mut said = Said::new();
    let more: Vec<_> = new.said.iter().map(|(name, text)| (name.clone(), Some(text.clone()))).collect();
    row::merge(&mut said, &more)?;
    let key = format!("proj_{}/{}/{}/{}", space.project, rules.slug, chance()?, safe(&new.name));
    let parts = match in_parts {
        true => Some((begin(tx, space, &key, &new.content_type)?, part_bytes(new.size))),
        false => None,
    };
    let due_ms = match parts {
        None => tx.now().saturating_add(new.links_last_ms).saturating_add(limit::UPLOAD_GRACE_MS),
        Some(_) => tx.now().saturating_add(limit::UPLOAD_IDLE_MS),
    };
    let row = FileRow {
        org: space.org,
        project: space.project,
        bucket: space.bucket,
        key,
        route,
        route_slug: rules.slug,
        name: new.name.clone(),
        size: new.size,
        content_type: new.content_type.clone(),
        status: FileStatus::Uploading,
        said,
        base: new.base.clone(),
        parts,
        is_test: space.is_test,
        created_ms: tx.now(),
        updated_ms: tx.now(),
        sequence: tx.next_sequence()?,
        due_ms: Some(due_ms),
    };
    File::insert(tx, row)
}

fn route(read: &dyn Read, space: &Space, slug: &str) -> Result<(RouteId, RouteRow)> {
    let missing = || no_such("Route");
    let IdRow(id) = ROUTE_BY_SLUG.get(read, &(space.project, slug.to_owned()))?.ok_or_else(missing)?;
    let row = ROUTES.get(read, &RouteId(id))?.ok_or_else(missing)?;
    Ok((RouteId(id), row))
}

/// What route and plan let be uploaded. The one matcher for files as a whole and in parts.
fn check(plan: &Plan, rules: &RouteRow, new: &NewFile, in_parts: bool) -> Result<()> {
    let whole = (!in_parts).then_some(limit::PUT_BYTES_MAX);
    let most = [Some(rules.max_file_size), plan.uploads.max_file_size_bytes, plan.max_file_size_bytes, whole];
    if let Some(most) = most.into_iter().flatten().min().filter(|most| new.size > *most) {
        let message = format!("File size {} bytes exceeds the {most} byte limit", new.size);
        return Err(Error::new(ErrorKind::FileTooLarge, message));
    }
    if !rules.allowed_types.is_empty() && !admission::is_one_of(&rules.allowed_types, &new.content_type) {
        let message = format!("File type {} is not allowed", new.content_type);
        return Err(Error::new(ErrorKind::TypeNotAllowed, message));
    }
    if in_parts && new.size <= limit::FILE_WHOLE_BYTES_MAX {
        let message = "Files up to 10 MiB are uploaded as a whole";
        return Err(Error::new(ErrorKind::TooSmallForParts, message));
    }
    Ok(())
}

/// Whether the organisation has room left for a file.
fn check_room(read: &dyn Read, now: Millis, space: &Space, plan: &Plan, size: u64) -> Result<()> {
    let stored = ORG_USAGE.get(read, &space.org)?.unwrap_or_default().storage_bytes;
    if plan.max_storage_bytes.is_some_and(|max| !plan.overage && stored.saturating_add(size) > max) {
        return Err(Error::new(ErrorKind::TierLimit, "Storage limit reached"));
    }
    usage::check_uploads(read, space.org, plan, now)
}

/// Begins the upload of a file in parts.
fn begin(tx: &mut Tx<'_>, space: &Space, key: &str, content_type: &str) -> Result<UploadId> {
    let bucket = space.bucket(tx)?;
    let upload = UploadId::generate(tx.now())?;
    let initiator = space.signer.ok_or_else(|| no_such("Project"))?;
    let system = SystemHeaders { content_type: Some(content_type.to_owned()), ..SystemHeaders::default() };
    let row = UploadRow {
        initiated_ms: tx.now(),
        initiator,
        class: StorageClass::default(),
        metadata: Metadata { system, user: Vec::new() },
        checksum: None,
        extras: Extras::default(),
    };
    UPLOADS.put(tx, &(bucket.id, key.to_owned(), upload), &row)?;
    let add = UsageRow { uploads: 1, ..UsageRow::default() };
    counters::apply(tx, &bucket, &Change { add, ..Change::default() })?;
    Ok(upload)
}

/// The bytes of each part, so that there are never too many.
fn part_bytes(size: u64) -> u64 {
    /// Parts are whole multiples of this.
    const MIB: u64 = 1 << 20;
    limit::FILE_PART_BYTES.max(size.div_ceil(limit::FILE_PARTS_MAX).div_ceil(MIB) * MIB)
}

/// 21 characters that nobody guesses.
fn chance() -> Result<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let random = clock::random::<21>()?;
    Ok(random.iter().filter_map(|b| ALPHABET.get(usize::from(b % 64))).map(|b| char::from(*b)).collect())
}

/// A name as it can stand at the end of a key: without separators and `..`, and with `_` for all but letters, digits, `.`, `_`
/// and `-`.
fn safe(name: &str) -> String {
    let mut plain: String = name.chars().filter(|c| !matches!(c, '/' | '\\')).collect();
    while plain.contains("..") {
        plain = plain.replace("..", "");
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = plain.chars().map(safe).take(limit::FILE_NAME_CHARS_MAX).collect();
    if name.is_empty() || name == "." { "file".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe() {
        for (name, expected) in [
            ("photo.png", "photo.png"),
            ("../../etc/passwd", "etcpasswd"),
            ("a\\b/c d.txt", "abc_d.txt"),
            ("....//x", "x"),
            (".·.", "._."),
            ("日本", "__"),
            ("/", "file"),
            (".", "file"),
        ] {
            assert_eq!(safe(name), expected, "{name}");
        }
        assert_eq!(safe(&"é".repeat(255)).len(), 255);
    }

    #[test]
    fn a_file_never_has_more_than_a_thousand_parts() {
        const MIB: u64 = 1 << 20;
        for (size, bytes) in
            [(11 * MIB, 5 * MIB), (5_000 * MIB, 5 * MIB), (5_000 * MIB + 1, 6 * MIB), (10 << 30, 11 * MIB)]
        {
            assert_eq!(part_bytes(size), bytes, "{size}");
            assert!(size.div_ceil(bytes) <= limit::FILE_PARTS_MAX);
        }
    }

    #[test]
    fn route_and_plan_are_asked_alike_for_files_as_a_whole_and_in_parts() {
        let route = |max, types: &[&str]| RouteRow {
            project: crate::id::ProjectId([1; 16]),
            slug: "r".to_owned(),
            max_file_size: max,
            max_file_count: 1,
            allowed_types: types.iter().map(|kind| (*kind).to_owned()).collect(),
            webhook_url: None,
            created_ms: 0,
            updated_ms: 0,
        };
        let file = |size, kind: &str| NewFile {
            name: "n".to_owned(),
            size,
            content_type: kind.to_owned(),
            route_slug: "r".to_owned(),
            said: Said::new(),
            base: String::new(),
            links_last_ms: 0,
        };
        let mut plan = Plan::unlimited("p");
        plan.uploads.max_file_size_bytes = Some(20 << 20);
        let told = |rules: &RouteRow, new: &NewFile, in_parts| {
            check(&plan, rules, new, in_parts).map_err(|error| error.message().to_owned())
        };
        let large = "File size 20971521 bytes exceeds the 20971520 byte limit".to_owned();
        for in_parts in [false, true] {
            assert_eq!(told(&route(u64::MAX, &[]), &file((20 << 20) + 1, "a/b"), in_parts), Err(large.clone()));
            assert_eq!(
                told(&route(5, &[]), &file(6, "a/b"), in_parts).unwrap_err(),
                "File size 6 bytes exceeds the 5 byte limit"
            );
            let images = route(u64::MAX, &["image/*", "text/plain"]);
            for good in ["image/png", "text/plain"] {
                assert_eq!(told(&images, &file(20 << 20, good), in_parts), Ok(()), "{good}");
            }
            assert_eq!(
                told(&images, &file(20 << 20, "text/html"), in_parts).unwrap_err(),
                "File type text/html is not allowed"
            );
            for any in ["text/html", "whatever"] {
                assert_eq!(told(&route(u64::MAX, &["*/*"]), &file(20 << 20, any), in_parts), Ok(()), "{any}");
            }
        }
        assert!(told(&route(u64::MAX, &[]), &file(10 << 20, "a/b"), true).is_err());
        assert!(told(&route(u64::MAX, &[]), &file((10 << 20) + 1, "a/b"), true).is_ok());
    }
}
