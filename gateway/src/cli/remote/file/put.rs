//! `windlass file put`

use std::error::Error as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::sync::oneshot;

use super::super::client::PATIENCE;
use super::super::print::bytes;
use super::super::progress::Progress;
use super::stream::{Unreadable, bytes_of, length, standard};
use super::{Column, Failure, Kind, Remote, Result, STANDARD, file_path};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bucket's identifier or its name on S3.
    bucket: String,
    /// The file to upload; - for standard input.
    file: String,
    /// The key to upload it under; without it the file's name. One that ends in / has the name put behind it.
    key: Option<String>,
    /// Its content type; without it what the key's ending tells.
    #[arg(long = "type", value_name = "TYPE")]
    content_type: Option<String>,
}

pub(super) async fn run(remote: &Remote, args: Args) -> Result<()> {
    let Args { bucket, file: name, key, content_type } = args;
    let key = key_of(&name, key)?;
    let unreadable = |error| Failure::local(format_args!("{name} cannot be read"), &error);
    let mut file = if name == STANDARD { standard(std::io::stdin()) } else { File::open(&name) }.map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Failure::local(&name, &std::io::ErrorKind::IsADirectory.into()));
    }
    let length = length(&mut file).map_err(unreadable)?;
    let path = file_path(remote, &bucket, &key).await?;
    let mut request = remote.client.request(Method::PUT, &path, &[])?;
    if let Some(length) = length {
        request = request.header(CONTENT_LENGTH, length);
    }
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let progress = Arc::new(Progress::begin(&key, length));
    let (sent, all_sent) = oneshot::channel::<()>();
    let body = bytes_of(file, length, Arc::clone(&progress), sent);
    let answered = request.body(reqwest::Body::wrap_stream(body)).send();
    // For as long as bytes go out it is the gateway that bounds how long they may take; then it is asked to answer.
    let late = async {
        let _ = all_sent.await;
        tokio::time::sleep(PATIENCE).await;
    };
    let answer = tokio::select! {
        answer = answered => answer,
        () = late => return Err(remote.client.stuck()),
    };
    drop(progress);
    let answer = answer.map_err(|error| match of_file(&error) {
        Some(cause) => Failure::local(format_args!("{name} cannot be read"), cause),
        None => remote.client.broken(&error),
    })?;
    let stored = remote.client.read(answer).await?;
    remote.tell(&stored, |data| {
        let size = data.get("size").and_then(serde_json::Value::as_u64).map_or_else(String::new, bytes);
        format!("{} uploaded, {size}\n", Column::new("", "/key", Kind::Plain).of(data))
    })
}

/// The key that a file is uploaded under.
fn key_of(name: &str, key: Option<String>) -> Result<String> {
    let own = Path::new(name).file_name().and_then(|own| own.to_str()).filter(|_| name != STANDARD);
    match (key, own) {
        (Some(folder), Some(own)) if folder.ends_with('/') => Ok(folder + own),
        (Some(key), _) => Ok(key),
        (None, Some(own)) => Ok(own.to_owned()),
        (None, None) => Err(Failure::usage("a key must be given, since the file has no name")),
    }
}

/// What became of the file that was sent, if that is why sending it failed.
fn of_file(error: &reqwest::Error) -> Option<&std::io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(Unreadable(error)) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_is_given_or_the_name() {
        let key = |name, key: Option<&str>| key_of(name, key.map(str::to_owned));
        assert_eq!(key("a/b.png", None).unwrap(), "b.png");
        assert_eq!(key("a/b.png", Some("c")).unwrap(), "c");
        assert_eq!(key("a/b.png", Some("c/")).unwrap(), "c/b.png");
        assert_eq!(key("-", Some("c/")).unwrap(), "c/");
        assert!(key("-", None).is_err() && key("..", None).is_err());
    }
}
