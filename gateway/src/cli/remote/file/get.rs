//! `windlass file get`

use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_MATCH, RANGE};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use super::super::client::segment;
use super::super::print::{bytes, print, printable, unwritten};
use super::super::progress::Progress;
use super::stream::standard;
use super::{Exit, Failure, Remote, Result, STANDARD};

/// How often in a row a download that gets no further is taken up again.
const RESUMES_MAX: u32 = 3;
/// How long it rests before.
const RESUME_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bucket's identifier or its name on S3.
    bucket: String,
    /// The file's key.
    key: String,
    /// Where to write it: a file, a folder, or - for standard output; without it a file here of the key's last part.
    file: Option<String>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(remote: &Remote, args: Args) -> Result<()> {
    let Args { bucket, key, file, force } = args;
    if remote.json && file.as_deref() == Some(STANDARD) {
        return Err(Failure::usage("standard output takes the file or --json, not both"));
    }
    // What is wrong with the place is known before anything is read.
    let mut place = Place::open(&key, file.as_deref(), force)?;
    let id = find(remote, &bucket, &key).await?;
    let path = format!("/v1/files/{}", segment(&id));
    let shown = if remote.json { Some(remote.ask(Method::GET, &path, &[], None).await?) } else { None };
    let done = download(remote, &format!("{path}/content"), &key, &mut place).await?;
    match (place.finish(force)?, shown) {
        (_, Some(shown)) => print(&format!("{shown}\n")),
        (Some(at), None) => print(&format!("{} downloaded, {}\n", printable(&at.display().to_string()), bytes(done))),
        (None, None) => Ok(()),
    }
}

/// The identifier of a file. Its key is the first of those that begin with it.
async fn find(remote: &Remote, bucket: &str, key: &str) -> Result<String> {
    let query = [("bucket", bucket), ("prefix", key), ("limit", "1")];
    let found = remote.ask(Method::GET, "/v1/files", &query, None).await?;
    let found: Value = serde_json::from_str(&found).unwrap_or_default();
    let first = found.pointer("/files/0").filter(|file| file.get("key").is_some_and(|found| found == key));
    let id = first.and_then(|file| file.get("id")?.as_str());
    id.map(str::to_owned).ok_or_else(|| Failure::new(Exit::NotFound, "File not found"))
}

/// Writes the bytes of a file to their place, going on where it broke off. Returns how many there were.
async fn download(remote: &Remote, path: &str, label: &str, place: &mut Place) -> Result<u64> {
    let (mut done, mut resumes, mut etag) = (0, 0, None);
    let mut progress: Option<Progress> = None;
    loop {
        let before = done;
        let step = async {
            let mut answer = open(remote, path, done, etag.as_deref()).await?;
            etag = etag.take().or_else(|| header(answer.headers(), ETAG.as_str()));
            if done == 0 {
                progress = Some(Progress::begin(label, answer.content_length()));
            }
            while let Some(piece) = remote.client.piece(&mut answer).await? {
                place.write(&piece).await?;
                done += piece.len() as u64;
                progress.iter().for_each(|progress| progress.add(piece.len()));
            }
            place.flush().await
        };
        let Err(failure) = step.await else { return Ok(done) };
        resumes = if done > before { 1 } else { resumes + 1 };
        // Nothing has come yet, or it cannot be known that it would be the same file.
        let is_final = failure.exit != Exit::Unreachable || done == 0 || etag.is_none();
        if is_final || resumes > RESUMES_MAX {
            return Err(failure);
        }
        tokio::time::sleep(RESUME_PAUSE).await;
    }
}

/// Asks for a file from a byte on: of the same content, if there was something before.
async fn open(remote: &Remote, path: &str, from: u64, etag: Option<&str>) -> Result<Response> {
    let request = remote.client.request(Method::GET, path, &[])?;
    if from == 0 {
        return remote.client.open(request).await;
    }
    let request = request.header(RANGE, format!("bytes={from}-")).header(IF_MATCH, etag.unwrap_or("*"));
    let changed = |failure: Failure| failure.advise_on(Exit::Conflict, "the file was replaced while it was read");
    let answer = remote.client.open(request).await.map_err(changed)?;
    let range = header(answer.headers(), CONTENT_RANGE.as_str()).unwrap_or_default();
    if answer.status() == StatusCode::PARTIAL_CONTENT && range.starts_with(&format!("bytes {from}-")) {
        Ok(answer)
    } else {
        Err(Failure::new(Exit::Refused, "the connection broke, and the gateway does not go on where it did"))
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Where a download goes.
struct Place {
    file: tokio::fs::File,
    /// A file beside the one that is meant, so that half a download never has its name.
    temporary: Option<(NamedTempFile, PathBuf)>,
}

impl Place {
    fn open(key: &str, file: Option<&str>, force: bool) -> Result<Self> {
        if file == Some(STANDARD) {
            let file = standard(std::io::stdout()).map_err(|error| unwritten(&error))?;
            return Ok(Self { file: file.into(), temporary: None });
        }
        let meant = meant(key, file)?;
        let unwritable = |error| Failure::local(format_args!("{} cannot be written", meant.display()), &error);
        match std::fs::metadata(&meant) {
            // A device or a pipe is written to, not replaced.
            Ok(there) if !there.is_file() && !there.is_dir() => {
                let file = File::options().write(true).open(&meant).map_err(unwritable)?;
                return Ok(Self { file: file.into(), temporary: None });
            }
            Ok(_) if !force => return Err(unwritable(ErrorKind::AlreadyExists.into()).advise("--force replaces it")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unwritable(error)),
        }
        let folder = meant.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // As any new file: less what the umask says.
        let builder = builder.prefix(".windlass-").permissions(Permissions::from_mode(0o666));
        let temporary = builder.tempfile_in(folder).map_err(unwritable)?;
        let file = temporary.as_file().try_clone().map_err(unwritable)?;
        Ok(Self { file: file.into(), temporary: Some((temporary, meant)) })
    }

    async fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all(piece).await;
        written.map_err(|error| self.unwritten(&error))
    }

    async fn flush(&mut self) -> Result<()> {
        let flushed = self.file.flush().await;
        flushed.map_err(|error| self.unwritten(&error))
    }

    fn unwritten(&self, error: &std::io::Error) -> Failure {
        match &self.temporary {
            Some((_, meant)) => Failure::local(format_args!("{} cannot be written", meant.display()), error),
            None => unwritten(error),
        }
    }

    /// Gives the download its name; returns it, if it has one.
    fn finish(self, force: bool) -> Result<Option<PathBuf>> {
        let Some((temporary, meant)) = self.temporary else { return Ok(None) };
        let named = if force { temporary.persist(&meant) } else { temporary.persist_noclobber(&meant) };
        let unnamed = |error: tempfile::PersistError| {
            Failure::local(format_args!("{} cannot be written", meant.display()), &error.error)
        };
        named.map_err(unnamed)?;
        Ok(Some(meant))
    }
}

/// The file that is meant: a folder has the key's last part put behind it, which cannot lead out of it.
fn meant(key: &str, file: Option<&str>) -> Result<PathBuf> {
    let own = key.rsplit('/').next().filter(|own| !matches!(*own, "" | "." | "..") && !own.contains('\0'));
    let folder = match file {
        Some(file) if !Path::new(file).is_dir() => return Ok(file.into()),
        folder => folder.map(PathBuf::from).unwrap_or_default(),
    };
    let own = own.ok_or_else(|| Failure::usage("name the file to write, since the key ends in no name for one"))?;
    Ok(folder.join(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_no_other_folder() {
        assert_eq!(meant("a/b.png", None).unwrap(), Path::new("b.png"));
        assert_eq!(meant("../../etc/b", Some("/")).unwrap(), Path::new("/b"));
        assert_eq!(meant("a/b.png", Some("c.png")).unwrap(), Path::new("c.png"));
        for key in ["a/", "..", "a/..", "."] {
            assert_eq!(meant(key, None).unwrap_err().exit, Exit::Usage, "{key}");
            assert!(meant(key, Some("c")).is_ok(), "{key}");
        }
    }
}
