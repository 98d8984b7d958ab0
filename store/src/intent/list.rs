//! Looking at files, and what clients say of them.

use crate::Store;
use crate::error::Result;
use crate::id::FileId;
use crate::intent::row::{self, File, FileStatus};
use crate::limit;
use crate::meta::table::{FILE_BY_BUCKET, FILES, IdRow};
use crate::meta::{Key as _, KeyRange, Newest, Step};
use crate::project::{ProjectAccess, no_such};

/// Which files to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFilter {
    /// Those that came by that route.
    pub route_slug: Option<String>,
    /// Those that have come so far.
    pub status: Option<FileStatus>,
}

/// A page of files, newest first.
#[derive(Debug, Clone)]
pub struct FilePage {
    /// They.
    pub files: Vec<File>,
    /// Where the next page begins, if there is more.
    pub next: Option<u64>,
}

impl Store {
    /// A page of the files that are not deleted, newest first: those before `before`, at most `max`. A page that would have
    /// to look at too many rows comes short, with a place to go on.
    pub fn list_files(
        &self,
        access: &ProjectAccess,
        filter: &FileFilter,
        before: Option<u64>,
        max: usize,
    ) -> Result<FilePage> {
        let bucket = access.space()?.bucket;
        let mut from = bucket.0.to_vec();
        before.map(Newest).inspect(|before| before.write(&mut from));
        self.meta.read(|read| {
            let (mut page, mut seen, mut last) = (FilePage { files: Vec::new(), next: None }, 0, None);
            FILE_BY_BUCKET.scan(read, &KeyRange::prefix_from(&bucket.0, from), |(_, Newest(at)), IdRow(id)| {
                if before == Some(at) {
                    return Ok(Step::Continue);
                }
                if page.files.len() == max || seen == limit::FILES_SCAN_MAX {
                    page.next = last;
                    return Ok(Step::Stop);
                }
                seen += 1;
                last = Some(at);
                let id = FileId(id);
                let row = FILES.get(read, &id)?.filter(|row| {
                    filter.route_slug.as_ref().is_none_or(|slug| *slug == row.route_slug)
                        && filter.status.is_none_or(|status| status == row.status)
                });
                page.files.extend(row.map(|row| File { id, row }));
                Ok(Step::Continue)
            })?;
            Ok(page)
        })
    }

    /// The file of a key. `NoSuchRecord`.
    pub fn get_file(&self, access: &ProjectAccess, key: &str) -> Result<File> {
        let bucket = access.space()?.bucket;
        self.meta.read(|read| File::find(read, bucket, key))?.ok_or_else(|| no_such("File"))
    }

    /// Takes over what the client says of a file. `NoSuchRecord`, `InvalidArgument`.
    pub async fn describe_file(
        &self,
        access: &ProjectAccess,
        key: String,
        said: Vec<(String, Option<String>)>,
    ) -> Result<File> {
        let bucket = access.space()?.bucket;
        self.meta
            .write(move |tx| {
                let mut file = File::find(tx, bucket, &key)?.ok_or_else(|| no_such("File"))?;
                row::merge(&mut file.row.said, &said)?;
                file.save(tx)?;
                Ok(file)
            })
            .await
    }
}
