//! `windlass kv`

mod script;

use std::io::Write as _;
use std::process::ExitCode;

use reqwest::{Method, Response};
use serde_json::{Map, Value};

use super::client::{rest, segment};
use super::list::{self, Bound, List};
use super::print::{print, printable, unwritten};
use super::{AccessArgs, Column, Kind, Remote, Result, exit};

const TABLE: &[Column] = &[
    Column::new("ID", "/id", Kind::Plain),
    Column::new("NAME", "/name", Kind::Plain),
    Column::new("KEYS", "/keyCount", Kind::Count),
    Column::new("SIZE", "/bytes", Kind::Bytes),
    Column::new("CREATED (UTC)", "/createdAt", Kind::Time),
];

const WHOLE: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::new("name", "/name", Kind::Plain),
    Column::new("seconds that values last", "/defaultTtlSeconds", Kind::Plain),
    Column::new("secret key", "/hasSecretKey", Kind::Plain),
    Column::new("read key", "/hasReadKey", Kind::Plain),
    Column::new("write key", "/hasWriteKey", Kind::Plain),
    Column::new("signing key", "/hasSigningKey", Kind::Plain),
    Column::new("keys", "/keyCount", Kind::Count),
    Column::new("size", "/bytes", Kind::Bytes),
    Column::new("created (UTC)", "/createdAt", Kind::Time),
    Column::new("changed (UTC)", "/updatedAt", Kind::Time),
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
    /// List buckets.
    Buckets(Bound),
    /// Make a bucket and print its identifier.
    Create {
        /// Its name for people.
        name: String,
        /// Seconds that a value lasts from its last update; 0 is for ever, a week is meant without it.
        #[arg(long, value_name = "SECONDS")]
        default_ttl: Option<u64>,
    },
    /// Show all that is known of a bucket.
    Show {
        /// Its identifier.
        bucket: String,
    },
    /// Delete a bucket with all it holds.
    Drop {
        /// Its identifier.
        bucket: String,
    },
    /// Print a value as it is.
    Get {
        /// The bucket's identifier.
        bucket: String,
        /// The key.
        key: String,
    },
    /// Set a value.
    Set {
        /// The bucket's identifier.
        bucket: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Seconds that it lasts; 0 is for ever, what the bucket says without it.
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
    },
    /// Add to a number and print the sum.
    Incr {
        /// The bucket's identifier.
        bucket: String,
        /// The key.
        key: String,
        /// What is added, such as 5, -1 or 0.5.
        #[arg(default_value = "1", allow_negative_numbers = true)]
        by: String,
        /// Seconds that the number lasts; 0 is for ever, what the bucket says without it.
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
    },
    /// Delete a value.
    Delete {
        /// The bucket's identifier.
        bucket: String,
        /// The key.
        key: String,
    },
    /// List keys.
    List {
        /// The bucket's identifier.
        bucket: String,
        /// Only those that begin so.
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
        /// Only those behind this one.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// Show at most so many; without it 10,000.
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// The last one first.
        #[arg(long)]
        reverse: bool,
        /// Their values too.
        #[arg(long)]
        values: bool,
    },
    /// Put, show and delete scripts of a bucket.
    #[command(subcommand)]
    Script(script::Command),
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::Buckets(bound) => {
            let list = List { path: "/v1/kv".to_owned(), query: Vec::new(), page_max: 100, most: bound.most() };
            list::show(remote, list, TABLE).await
        }
        Command::Create { name, default_ttl } => {
            let mut body = Map::new();
            body.insert("name".to_owned(), name.into());
            body.extend(default_ttl.map(|seconds| ("defaultTtlSeconds".to_owned(), seconds.into())));
            let made = remote.ask(Method::POST, "/v1/kv", &[], Some(&body.into())).await?;
            remote.tell(&made, |data| format!("{}\n", id(data)))
        }
        Command::Show { bucket } => remote.show(&remote.ask(Method::GET, &managed(&bucket), &[], None).await?, WHOLE),
        Command::Drop { bucket } => {
            let dropped = remote.ask(Method::DELETE, &managed(&bucket), &[], None).await?;
            remote.tell(&dropped, |data| format!("{} deleted\n", id(data)))
        }
        Command::Get { bucket, key } => pour(remote, send(remote, Method::GET, &bucket, &key, &[], "").await?).await,
        Command::Set { bucket, key, value, ttl } => {
            let ttl = ttl.map(|seconds| seconds.to_string());
            send(remote, Method::PUT, &bucket, &key, &with_ttl(ttl.as_deref()), &value).await?;
            Ok(())
        }
        Command::Incr { bucket, key, by, ttl } => {
            let ttl = ttl.map(|seconds| seconds.to_string());
            let sum = send(remote, Method::PATCH, &bucket, &key, &with_ttl(ttl.as_deref()), &by).await?;
            pour(remote, sum).await?;
            print("\n")
        }
        Command::Delete { bucket, key } => {
            send(remote, Method::DELETE, &bucket, &key, &[], "").await?;
            Ok(())
        }
        Command::Script(command) => script::run(remote, command).await,
        Command::List { bucket, prefix, after, limit, reverse, values } => {
            let limit = limit.map(|limit| limit.to_string());
            let given = [("prefix", prefix.as_deref()), ("after", after.as_deref()), ("limit", limit.as_deref())];
            let mut query: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            query.extend([("reverse", reverse), ("values", values)].into_iter().filter(|f| f.1).map(|f| (f.0, "true")));
            query.push(("format", if remote.json { "json" } else { "text" }));
            let listed = send(remote, Method::GET, &bucket, "", &query, "").await?;
            if remote.json { pour(remote, listed).await } else { pour_lines(remote, listed).await }
        }
    })
}

fn id(data: &Value) -> String {
    Column::new("", "/id", Kind::Plain).of(data)
}

fn managed(bucket: &str) -> String {
    format!("/v1/kv/{}", segment(bucket))
}

fn with_ttl(ttl: Option<&str>) -> Vec<(&str, &str)> {
    ttl.map(|seconds| ("ttl", seconds)).into_iter().collect()
}

/// Sends a request to the key-value door; one that is refused is a failure.
async fn send(
    remote: &Remote,
    method: Method,
    bucket: &str,
    key: &str,
    query: &[(&str, &str)],
    body: &str,
) -> Result<Response> {
    let path = format!("/kv/{}/{}", segment(bucket), if key.is_empty() { String::new() } else { rest(key) });
    let request = remote.client.request(method, &path, query)?;
    remote.client.open(request.body(body.to_owned())).await
}

/// Prints a body as it is.
async fn pour(remote: &Remote, mut answer: Response) -> Result<()> {
    let mut out = std::io::stdout();
    while let Some(piece) = remote.client.piece(&mut answer).await? {
        out.write_all(&piece).map_err(|error| unwritten(&error))?;
    }
    out.flush().map_err(|error| unwritten(&error))
}

/// Prints a body line by line, fit for a terminal: keys are others' words.
async fn pour_lines(remote: &Remote, mut answer: Response) -> Result<()> {
    let mut held = Vec::new();
    while let Some(piece) = remote.client.piece(&mut answer).await? {
        held.extend_from_slice(&piece);
        let whole = held.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = held.drain(..whole).collect();
        let shown: String =
            String::from_utf8_lossy(&lines).lines().map(|line| format!("{}\n", printable(line))).collect();
        print(&shown)?;
    }
    Ok(())
}
