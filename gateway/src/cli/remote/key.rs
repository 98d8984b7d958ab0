//! `windlass key`

use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Map, Value};

use super::client::segment;
use super::list::{self, Bound, List};
use super::print::note;
use super::{AccessArgs, Column, Exit, Failure, Kind, Remote, Result, exit};

const TABLE: &[Column] = &[
    Column::new("ID", "/id", Kind::Plain),
    Column::new("NAME", "/name", Kind::Plain),
    Column::new("BEGINS", "/prefix", Kind::Plain),
    Column::or("LAST USED (UTC)", "/lastUsedAt", Kind::Time, "never"),
    Column::new("CREATED (UTC)", "/createdAt", Kind::Time),
];

const WHOLE: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::new("name", "/name", Kind::Plain),
    Column::new("begins", "/prefix", Kind::Plain),
    Column::new("permissions", "/permissions", Kind::Plain),
    Column::or("buckets", "/bucketIds", Kind::Plain, "all"),
    Column::or("expires (UTC)", "/expiresAt", Kind::Time, "never"),
    Column::or("last used (UTC)", "/lastUsedAt", Kind::Time, "never"),
    Column::new("created (UTC)", "/createdAt", Kind::Time),
];

const MINTED: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::new("token", "/key", Kind::Plain),
    Column::new("access key id", "/accessKeyId", Kind::Plain),
    Column::new("secret access key", "/secretAccessKey", Kind::Plain),
];

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
    /// List keys.
    List(Bound),
    /// Mint a key and print its secrets, this once.
    Create {
        /// Its name for people.
        name: String,
        /// What it may do, such as files:read. Can be given more than once, or several with commas between.
        #[arg(long = "permission", value_name = "SCOPE", required = true, value_delimiter = ',')]
        permissions: Vec<String>,
        /// A bucket that it sees, by its identifier or its name on S3. Can be given more than once; without it all.
        #[arg(long = "bucket", value_name = "BUCKET")]
        buckets: Vec<String>,
        /// When it ends to be valid, such as 2030-01-31T00:00:00Z; never without it.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Show all that is known of a key.
    Get {
        /// Its identifier, key_….
        key: String,
    },
    /// Revoke a key, at once and for good.
    Delete {
        /// Its identifier, key_….
        key: String,
    },
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::List(bound) => {
            let list = List { path: "/v1/keys".to_owned(), query: Vec::new(), page_max: 100, most: bound.most() };
            list::show(remote, list, TABLE).await
        }
        Command::Create { name, permissions, buckets, expires } => {
            let mut body = Map::new();
            body.insert("name".to_owned(), name.into());
            body.insert("permissions".to_owned(), permissions.into());
            if !buckets.is_empty() {
                let mut ids: Vec<Value> = Vec::new();
                for bucket in &buckets {
                    ids.push(remote.bucket_id(bucket).await?.into());
                }
                body.insert("bucketIds".to_owned(), ids.into());
            }
            body.extend(expires.map(|expires| ("expiresAt".to_owned(), expires.into())));
            let minted = remote.ask(Method::POST, "/v1/keys", &[], Some(&body.into())).await?;
            remote.show(&minted, MINTED).map_err(|_| lost(&minted))?;
            note("note: keep the secrets now; they are not shown again");
            Ok(())
        }
        Command::Get { key } => remote.show(&remote.ask(Method::GET, &path(&key), &[], None).await?, WHOLE),
        Command::Delete { key } => delete(remote, &key).await,
    })
}

async fn delete(remote: &Remote, key: &str) -> Result<()> {
    let deleted = remote.ask(Method::DELETE, &path(key), &[], None).await?;
    remote.tell(&deleted, |data| format!("{} revoked\n", Column::new("", "/id", Kind::Plain).of(data)))
}

/// What is told when a key was minted and nobody has seen its secrets, be it only because the reader has gone.
fn lost(minted: &str) -> Failure {
    let id = Column::new("", "/data/id", Kind::Plain).of(&serde_json::from_str(minted).unwrap_or_default());
    Failure::new(Exit::Local, "the key was made, but its secrets could not be printed and are lost")
        .advise(&format!("revoke it: windlass key delete {id}"))
}

fn path(key: &str) -> String {
    format!("/v1/keys/{}", segment(key))
}
