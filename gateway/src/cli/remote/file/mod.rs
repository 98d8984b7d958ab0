//! `windlass file`

mod get;
mod put;
mod stream;

use std::process::ExitCode;

use reqwest::Method;

use super::client::rest;
use super::list::{self, Bound, List};
use super::{AccessArgs, Column, Exit, Failure, Kind, Remote, Result, exit};

const TABLE: &[Column] = &[
    Column::new("SIZE", "/size", Kind::Bytes),
    Column::new("MODIFIED (UTC)", "/lastModified", Kind::Time),
    Column::new("KEY", "/key", Kind::Plain),
];

const WHOLE: &[Column] = &[
    Column::new("key", "/key", Kind::Plain),
    Column::new("size", "/size", Kind::Bytes),
    Column::new("content type", "/contentType", Kind::Plain),
    Column::new("modified (UTC)", "/lastModified", Kind::Time),
    Column::or("address", "/url", Kind::Plain, "none"),
];

/// What stands for standard input or output in the place of a file.
const STANDARD: &str = "-";

#[derive(Debug, clap::Args)]
#[command(after_help = exit::help())]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the files of a bucket.
    List {
        /// The bucket's identifier or its name on S3.
        bucket: String,
        /// Only files whose keys begin so.
        #[arg(long)]
        prefix: Option<String>,
        #[command(flatten)]
        bound: Bound,
    },
    /// Upload a file; one of that key that is there is replaced.
    Put(put::Args),
    /// Download a file.
    Get(get::Args),
    /// Show all that is known of a file.
    Info {
        /// The bucket's identifier or its name on S3.
        bucket: String,
        /// The file's key.
        key: String,
    },
    /// Delete a file.
    Delete {
        /// The bucket's identifier or its name on S3.
        bucket: String,
        /// The file's key.
        key: String,
    },
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::List { bucket, prefix, bound } => {
            let path = format!("{}/files", remote.bucket_path(&bucket).await?);
            let query = prefix.as_deref().map(|prefix| ("prefix", prefix)).into_iter().collect();
            list::show(remote, List { path, query, page_max: 1_000, most: bound.most() }, TABLE).await
        }
        Command::Put(args) => put::run(remote, args).await,
        Command::Get(args) => get::run(remote, args).await,
        Command::Info { bucket, key } => {
            let path = file_path(remote, &bucket, &key).await?;
            remote.show(&remote.ask(Method::GET, &path, &[], None).await?, WHOLE)
        }
        Command::Delete { bucket, key } => {
            let path = file_path(remote, &bucket, &key).await?;
            let deleted = remote.ask(Method::DELETE, &path, &[], None).await?;
            remote.tell(&deleted, |data| format!("{} deleted\n", Column::new("", "/id", Kind::Plain).of(data)))
        }
    })
}

async fn file_path(remote: &Remote, bucket: &str, key: &str) -> Result<String> {
    if key.is_empty() {
        return Err(Failure::new(Exit::Usage, "a key has at least one character"));
    }
    Ok(format!("{}/files/{}", remote.bucket_path(bucket).await?, rest(key)))
}
