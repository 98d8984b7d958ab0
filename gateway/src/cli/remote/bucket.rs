//! `windlass bucket`

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::list::{self, Bound, List};
use super::print::printable;
use super::{AccessArgs, Column, Exit, Failure, Kind, Remote, Result, exit};

const PRESETS: [&str; 5] = ["no-cache", "short", "standard", "aggressive", "immutable"];
const STATES: [&str; 5] = ["pending", "provisioning", "active", "failed", "deleting"];
const VISIBILITIES: [&str; 2] = ["public", "private"];
const TOGGLES: [&str; 5] = ["visibility", "cache", "cors", "lifecycle", "optimization"];
/// What takes a setting away.
const NONE: &str = "none";

const TABLE: &[Column] = &[
    Column::new("ID", "/id", Kind::Plain),
    Column::new("NAME", "/name", Kind::Plain),
    Column::new("S3 NAME", "/s3Name", Kind::Plain),
    Column::new("STATUS", "/status", Kind::Plain),
    Column::new("FILES", "/objectCount", Kind::Count),
    Column::new("STORED", "/storageUsedBytes", Kind::Bytes),
    Column::new("CREATED (UTC)", "/createdAt", Kind::Time),
];

const WHOLE: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::new("name", "/name", Kind::Plain),
    Column::new("S3 name", "/s3Name", Kind::Plain),
    Column::new("status", "/status", Kind::Plain),
    Column::new("region", "/region", Kind::Plain),
    Column::new("visibility", "/visibility", Kind::Plain),
    Column::or("domain", "/customDomain", Kind::Plain, "none"),
    Column::or("account", "/awsAccountId", Kind::Plain, "none: its own"),
    Column::new("imported", "/isImported", Kind::Plain),
    Column::new("managed here", "/managedSettings", Kind::Plain),
    Column::new("files", "/objectCount", Kind::Count),
    Column::new("stored", "/storageUsedBytes", Kind::Bytes),
    Column::new("sent this month", "/bandwidthUsedBytes", Kind::Bytes),
    Column::new("cache preset", "/cachePreset", Kind::Plain),
    Column::or("cache control", "/cacheControlOverride", Kind::Plain, "as the preset says"),
    Column::new("CORS origins", "/corsOrigins", Kind::Plain),
    Column::or("days files live", "/lifecycleTtlDays", Kind::Count, "without end"),
    Column::or("largest file", "/maxFileSizeBytes", Kind::Bytes, "as the plan says"),
    Column::or("content types", "/allowedMimeTypes", Kind::Plain, "all"),
    Column::new("optimization", "/optimizationMode", Kind::Plain),
    Column::new("created (UTC)", "/createdAt", Kind::Time),
    Column::new("updated (UTC)", "/updatedAt", Kind::Time),
];

/// Buckets are named by their identifiers, bkt_…, or by their names on S3.
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
    /// List buckets.
    List {
        /// Only those in that state.
        #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
        status: Option<String>,
        #[command(flatten)]
        bound: Bound,
    },
    /// Make a bucket.
    Create {
        /// Its name for people.
        name: String,
        /// Its name on S3; derived from its name if none is given.
        #[arg(long, value_name = "NAME")]
        s3_name: Option<String>,
        /// Where it is said to be; the gateway's own region if nothing is given.
        #[arg(long)]
        region: Option<String>,
        /// The connected account to make it in, by its identifier or its label.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Link buckets that a connected account has: all that are named, or none.
    Import {
        /// The account, by its identifier or its label.
        account: String,
        /// The buckets, by their names at the provider: at most 50.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Show all that is known of a bucket.
    Get {
        /// Its identifier or its name on S3.
        bucket: String,
    },
    /// Change what is given of a bucket; the rest stays.
    Update {
        /// Its identifier or its name on S3.
        bucket: String,
        #[command(flatten)]
        change: Change,
    },
    /// Delete a bucket, which takes its time if it holds files.
    Delete {
        /// Its identifier or its name on S3.
        bucket: String,
        /// Delete the files that it holds too; without it a bucket that holds any is left alone.
        #[arg(long)]
        with_files: bool,
    },
    /// Get a bucket ready again that failed to be.
    Retry {
        /// Its identifier or its name on S3.
        bucket: String,
    },
}

/// What can be said of a bucket when it is made and later.
#[derive(Debug, clap::Args)]
struct Settings {
    /// For how long what is delivered may be cached.
    #[arg(long, value_name = "PRESET", value_parser = PossibleValuesParser::new(PRESETS))]
    cache_preset: Option<String>,
    /// An origin whose pages may use it. Can be given more than once; `none` for none.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Days after which files expire; `none` for never.
    #[arg(long, value_name = "DAYS", value_parser = days)]
    ttl_days: Option<Value>,
    /// Largest file, such as 10MiB; `none` for what the plan says.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_file_size: Option<Value>,
    /// A content type that files may have, such as image/png or image/*. Can be given more than once; `none` for all.
    #[arg(long, value_name = "TYPE")]
    mime_type: Vec<String>,
    /// Who may read what is delivered.
    #[arg(long, value_name = "WHO", value_parser = PossibleValuesParser::new(VISIBILITIES))]
    visibility: Option<String>,
}

/// What can be changed of a bucket.
#[derive(Debug, clap::Args)]
struct Change {
    /// Its name for people.
    #[arg(long)]
    name: Option<String>,
    /// A Cache-Control header in place of the preset's; `none` for the preset's.
    #[arg(long, value_name = "VALUE")]
    cache_control: Option<String>,
    /// Something to manage from here of a bucket in a connected account. Can be given more than once.
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(TOGGLES))]
    manage: Vec<String>,
    /// Something to leave to the provider. Can be given more than once.
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(TOGGLES))]
    leave: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::List { status, bound } => list(remote, status.as_deref(), &bound).await,
        Command::Create { name, s3_name, region, account, settings } => {
            let mut body = settings.into_body();
            if let Some(account) = account {
                put(&mut body, "awsAccountId", Some(remote.account_id(&account).await?));
            }
            put(&mut body, "name", Some(name));
            put(&mut body, "s3Name", s3_name);
            put(&mut body, "region", region);
            let made = remote.ask(Method::POST, "/v1/buckets", &[], Some(&body.into())).await?;
            told(remote, &made, "created")
        }
        Command::Import { account, names } => {
            let path = format!("{}/import", remote.account_path(&account).await?);
            let body = json!({ "bucketNames": names });
            let made = remote.ask(Method::POST, &path, &[], Some(&body)).await?;
            remote.tell(&made, |data| {
                let ids =
                    data.as_array().into_iter().flatten().map(|bucket| Column::new("", "/id", Kind::Plain).of(bucket));
                names.iter().zip(ids).map(|(name, id)| format!("{id} imported: {}\n", printable(name))).collect()
            })
        }
        Command::Get { bucket } => {
            let path = remote.bucket_path(&bucket).await?;
            remote.show(&remote.ask(Method::GET, &path, &[], None).await?, WHOLE)
        }
        Command::Update { bucket, change } => update(remote, &bucket, change).await,
        Command::Delete { bucket, with_files } => delete(remote, &bucket, with_files).await,
        Command::Retry { bucket } => {
            let path = remote.bucket_path(&bucket).await?;
            let retried = remote.ask(Method::POST, &format!("{path}/retry"), &[], None).await?;
            told(remote, &retried, "is made ready again")
        }
    })
}

async fn list(remote: &Remote, status: Option<&str>, bound: &Bound) -> Result<()> {
    let query = status.map(|status| ("status", status)).into_iter().collect();
    let list = List { path: "/v1/buckets".to_owned(), query, page_max: 100, most: bound.most() };
    list::show(remote, list, TABLE).await
}

async fn update(remote: &Remote, bucket: &str, change: Change) -> Result<()> {
    let body = change.into_body();
    if body.is_empty() {
        return Err(Failure::usage("nothing to change is given; see windlass bucket update --help"));
    }
    let path = remote.bucket_path(bucket).await?;
    let changed = remote.ask(Method::PATCH, &path, &[], Some(&body.into())).await?;
    told(remote, &changed, "updated")
}

async fn delete(remote: &Remote, bucket: &str, with_files: bool) -> Result<()> {
    let path = remote.bucket_path(bucket).await?;
    let query: &[_] = if with_files { &[] } else { &[("ifEmpty", "true")] };
    let deleted = remote.ask(Method::DELETE, &path, query, None).await;
    let deleted = deleted.map_err(|failure| match failure.message.as_str() {
        "Bucket is not empty" => failure.advise_on(Exit::Conflict, "give --with-files to delete its files too"),
        _ => failure,
    })?;
    told(remote, &deleted, "is being deleted")
}

/// Tells what was done to a bucket.
fn told(remote: &Remote, document: &str, done: &str) -> Result<()> {
    remote.tell(document, |data| format!("{} {done}\n", Column::new("", "/id", Kind::Plain).of(data)))
}

impl Settings {
    fn into_body(self) -> Map<String, Value> {
        let mut body = Map::new();
        put(&mut body, "cachePreset", self.cache_preset);
        put(&mut body, "corsOrigins", entries(self.cors_origin, json!([])));
        put(&mut body, "lifecycleTtlDays", self.ttl_days);
        put(&mut body, "maxFileSizeBytes", self.max_file_size);
        put(&mut body, "allowedMimeTypes", entries(self.mime_type, Value::Null));
        put(&mut body, "visibility", self.visibility);
        body
    }
}

impl Change {
    fn into_body(self) -> Map<String, Value> {
        let mut body = self.settings.into_body();
        put(&mut body, "name", self.name);
        let control = |value: String| if value == NONE { Value::Null } else { value.into() };
        put(&mut body, "cacheControlOverride", self.cache_control.map(control));
        let managed = self.manage.into_iter().map(|what| (what, true));
        let left = self.leave.into_iter().map(|what| (what, false));
        let toggles: Map<String, Value> = managed.chain(left).map(|(what, on)| (what, on.into())).collect();
        put(&mut body, "managedSettings", Some(toggles).filter(|toggles| !toggles.is_empty()));
        body
    }
}

fn put(body: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}

/// A list that is given entry by entry, or as `none`.
fn entries(given: Vec<String>, none: Value) -> Option<Value> {
    match given.as_slice() {
        [] => None,
        [only] if only == NONE => Some(none),
        _ => Some(given.into()),
    }
}

fn days(text: &str) -> Result<Value, String> {
    or_none(text, |text| text.parse().ok(), "a number of days, or none")
}

fn size(text: &str) -> Result<Value, String> {
    or_none(text, windlass_config::parse_size, "a size such as 4096 or 10MiB, or none")
}

fn or_none(text: &str, read: impl Fn(&str) -> Option<u64>, accepted: &str) -> Result<Value, String> {
    if text == NONE { Ok(Value::Null) } else { read(text).map(Value::from).ok_or_else(|| format!("not {accepted}")) }
}
