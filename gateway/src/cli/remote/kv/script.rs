//! `windlass kv script`

use std::io::Read as _;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use windlass_store::limit::KV_SCRIPT_BYTES_MAX;

use super::super::client::segment;
use super::super::list::{self, List};
use super::super::{Column, Failure, Kind, Remote, Result};
use super::{id, managed};

const TABLE: &[Column] = &[
    Column::new("NAME", "/id", Kind::Plain),
    Column::new("SIZE", "/bytes", Kind::Bytes),
    Column::new("CHANGED (UTC)", "/updatedAt", Kind::Time),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the scripts of a bucket.
    List {
        /// The bucket's identifier.
        bucket: String,
    },
    /// Put a script; one of that name that is there is replaced.
    Put {
        /// The bucket's identifier.
        bucket: String,
        /// The script's name.
        name: String,
        /// The file with its text, or - for standard input.
        file: PathBuf,
    },
    /// Print the text of a script.
    Get {
        /// The bucket's identifier.
        bucket: String,
        /// The script's name.
        name: String,
    },
    /// Delete a script.
    Delete {
        /// The bucket's identifier.
        bucket: String,
        /// The script's name.
        name: String,
    },
}

pub(super) async fn run(remote: &Remote, command: Command) -> Result<()> {
    match command {
        Command::List { bucket } => {
            let path = format!("{}/scripts", managed(&bucket));
            list::show(remote, List { path, query: Vec::new(), page_max: 100, most: None }, TABLE).await
        }
        Command::Put { bucket, name, file } => {
            let body = json!({ "source": source(&file)? });
            let put = remote.ask(Method::PUT, &path(&bucket, &name), &[], Some(&body)).await?;
            remote.tell(&put, |data| format!("{} put\n", id(data)))
        }
        Command::Get { bucket, name } => {
            let got = remote.ask(Method::GET, &path(&bucket, &name), &[], None).await?;
            remote.tell(&got, |data| data.get("source").and_then(Value::as_str).unwrap_or_default().to_owned())
        }
        Command::Delete { bucket, name } => {
            let deleted = remote.ask(Method::DELETE, &path(&bucket, &name), &[], None).await?;
            remote.tell(&deleted, |data| format!("{} deleted\n", id(data)))
        }
    }
}

fn path(bucket: &str, name: &str) -> String {
    format!("{}/scripts/{}", managed(bucket), segment(name))
}

/// The text of a file. One byte more than a script may have is read, and refused by the gateway.
fn source(file: &std::path::Path) -> Result<String> {
    let failed = |error: std::io::Error| Failure::local(file.display(), &error);
    let (mut text, most) = (String::new(), KV_SCRIPT_BYTES_MAX as u64 + 1);
    if file.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(most).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
